//! More claims from the UserInfo endpoint (OpenID Connect Core section 5.3).

use std::time::SystemTime;

use http::{HeaderValue, Response, StatusCode, header};
use ostia_identity::json;
use serde_json::{Map, Value};

use super::claims::About;
use super::proof_key::Proven;
use super::token_call::DPOP;
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
        let mut answer = self.ask_userinfo(about).await?;
        if about.key.is_some() && wants_nonce(&answer) {
            answer = self.ask_userinfo(about).await?;
        }
        let more = json::parse_object(&ok_body(answer)?).map_err(|_| UserInfoRefused::Malformed)?;
        if more.get("sub").and_then(Value::as_str) != Some(about.subject) {
            return Err(UserInfoRefused::SubjectDiffers);
        }
        Ok(more)
    }

    /// Shows the access token as whoever bears it, or with a proof that we hold its key (RFC 9449 section 7.1).
    async fn ask_userinfo(&self, about: About<'_>) -> Result<Response<Vec<u8>>, UserInfoRefused> {
        let endpoint = about.published.metadata.userinfo_endpoint.as_ref();
        let endpoint = endpoint.ok_or(UserInfoRefused::NoEndpoint)?;
        let mut request = get(endpoint.as_str());
        let scheme = if about.key.is_some() { "DPoP" } else { "Bearer" };
        let mut credentials = HeaderValue::from_str(&format!("{scheme} {}", about.access_token.reveal()))
            .map_err(|_| UserInfoRefused::Malformed)?;
        credentials.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, credentials);
        if let Some(key) = about.key {
            let nonce = self.nonces.of_userinfo();
            let proven = Proven {
                method: "GET",
                address: endpoint.as_str(),
                nonce: nonce.as_deref().map(String::as_str),
                access_token: Some(about.access_token),
            };
            let proof = key.proof(proven, SystemTime::now()).ok_or(HttpRefused::NotSigned)?;
            let proof = HeaderValue::from_str(&proof).map_err(|_| HttpRefused::NotSigned)?;
            request.headers_mut().insert(DPOP, proof);
        }
        let answer = self.http.send(request).await?;
        self.nonces.note_of_userinfo(answer.headers());
        Ok(answer)
    }
}

/// RFC 9449 section 9: 401, with the nonce to use.
fn wants_nonce(answer: &Response<Vec<u8>>) -> bool {
    let names = |value: &HeaderValue| value.as_bytes().windows(14).any(|part| part == b"use_dpop_nonce");
    answer.status() == StatusCode::UNAUTHORIZED
        && answer.headers().contains_key("dpop-nonce")
        && answer.headers().get_all(header::WWW_AUTHENTICATE).iter().any(names)
}
