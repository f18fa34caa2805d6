//! More claims from the UserInfo endpoint (OpenID Connect Core section 5.3).

use http::{HeaderValue, header};
use ostia_config::Secret;
use ostia_identity::{Claims, json};
use serde_json::{Map, Value};
use url::Url;

use crate::Fault;
use crate::provider::Provider;
use crate::provider::discovery::{get, ok_body};
use crate::provider::http::HttpRefused;

/// Claims about a token or about how somebody signed in: userinfo does not say them.
const OF_ID_TOKENS: [&str; 13] =
    ["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "auth_time", "acr", "amr", "sid"];

/// Why the UserInfo answer was not used.
#[derive(Debug, thiserror::Error)]
pub enum UserInfoRefused {
    /// `claims_from` names userinfo, but the issuer has no such endpoint.
    #[error("the issuer has no userinfo endpoint")]
    NoEndpoint,
    /// No usable HTTP answer.
    #[error("the userinfo endpoint gave no answer")]
    Http(#[from] HttpRefused),
    /// Not one JSON object; a signed answer is not supported.
    #[error("the userinfo answer is not a JSON object")]
    Malformed,
    /// `sub` is missing or not the one of the ID token: claims of somebody else (section 5.3.2).
    #[error("the userinfo answer is about another subject")]
    SubjectDiffers,
}

impl UserInfoRefused {
    /// The reason as a word for logs, metrics and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NoEndpoint => "userinfo_endpoint_missing",
            Self::Http(cause) => cause.slug(),
            Self::Malformed => "userinfo_malformed",
            Self::SubjectDiffers => "userinfo_subject_differs",
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoEndpoint => Fault::Operator,
            Self::Http(_) | Self::Malformed | Self::SubjectDiffers => Fault::Issuer,
        }
    }
}

impl Provider {
    /// Adds the claims of the UserInfo endpoint to those of an ID token. None of the latter is ever replaced.
    pub(crate) async fn add_userinfo(
        &self,
        endpoint: Option<&Url>,
        access_token: &Secret<String>,
        subject: &str,
        claims: &mut Claims,
    ) -> Result<(), UserInfoRefused> {
        for (name, value) in self.userinfo(endpoint, access_token, subject).await? {
            if claims.get(&name).is_none() {
                claims.set(&name, value);
            }
        }
        Ok(())
    }

    /// Puts the claims of the UserInfo endpoint over those of a session, but for those that only an ID token says.
    pub(crate) async fn renew_by_userinfo(
        &self,
        endpoint: Option<&Url>,
        access_token: &Secret<String>,
        subject: &str,
        claims: &mut Claims,
    ) -> Result<(), UserInfoRefused> {
        for (name, value) in self.userinfo(endpoint, access_token, subject).await? {
            if !OF_ID_TOKENS.contains(&&*name) {
                claims.set(&name, value);
            }
        }
        Ok(())
    }

    /// What the endpoint says about this subject.
    async fn userinfo(
        &self,
        endpoint: Option<&Url>,
        access_token: &Secret<String>,
        subject: &str,
    ) -> Result<Map<String, Value>, UserInfoRefused> {
        let endpoint = endpoint.ok_or(UserInfoRefused::NoEndpoint)?;
        let mut request = get(endpoint.as_str());
        let mut credentials = HeaderValue::from_str(&format!("Bearer {}", access_token.reveal()))
            .map_err(|_| UserInfoRefused::Malformed)?;
        credentials.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, credentials);
        let body = ok_body(self.http.send(request).await?)?;
        let more = json::parse_object(&body).map_err(|_| UserInfoRefused::Malformed)?;
        if more.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(UserInfoRefused::SubjectDiffers);
        }
        Ok(more)
    }
}
