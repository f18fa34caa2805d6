//! More claims from the UserInfo endpoint (OpenID Connect Core section 5.3).

use http::{HeaderValue, header};
use ostia_identity::json;
use serde_json::{Map, Value};

use super::claims::About;
use crate::Fault;
use crate::provider::Provider;
use crate::provider::discovery::{get, ok_body};
use crate::provider::http::HttpRefused;

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
    /// What the UserInfo endpoint says about this subject.
    pub(crate) async fn userinfo(&self, about: About<'_>) -> Result<Map<String, Value>, UserInfoRefused> {
        let endpoint = about.published.metadata.userinfo_endpoint.as_ref();
        let mut request = get(endpoint.ok_or(UserInfoRefused::NoEndpoint)?.as_str());
        let mut credentials = HeaderValue::from_str(&format!("Bearer {}", about.access_token.reveal()))
            .map_err(|_| UserInfoRefused::Malformed)?;
        credentials.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, credentials);
        let body = ok_body(self.http.send(request).await?)?;
        let more = json::parse_object(&body).map_err(|_| UserInfoRefused::Malformed)?;
        if more.get("sub").and_then(Value::as_str) != Some(about.subject) {
            return Err(UserInfoRefused::SubjectDiffers);
        }
        Ok(more)
    }
}
