//! How a client proves who it is at the token and revocation endpoints (RFC 6749 section 2.3).

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Body};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::parameters::Parameters;
use super::settings::Client;
use super::shared::Shared;

/// The error answer of the token endpoint (RFC 6749 section 5.2).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenError {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) description: String,
}

impl TokenError {
    pub(super) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description: description.into() }
    }

    fn invalid_client(description: &str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::new("invalid_client", description) }
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response<Body> {
        let body = Json(json!({ "error": self.error, "error_description": self.description }));
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = header::HeaderValue::from_static("Basic realm=\"demo provider\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The client of a request. With a secret: by `client_secret_basic` or `client_secret_post`, never both; without:
/// by `client_id` alone.
pub(super) fn authenticate(
    shared: &Shared,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Client, TokenError> {
    let basic = basic_credentials(headers)?;
    let (client_id, secret) = match (&basic, form.one("client_id"), form.one("client_secret")) {
        (Some(_), _, Some(_)) => {
            return Err(TokenError::new("invalid_request", "more than one way of client authentication"));
        }
        (Some((id, _)), Some(other), None) if id != other => {
            return Err(TokenError::new("invalid_request", "client_id differs from the Authorization field"));
        }
        (Some((id, secret)), _, None) => (id.as_str(), Some(secret.as_str())),
        (None, Some(id), secret) => (id, secret),
        (None, None, _) => return Err(TokenError::invalid_client("no client authentication")),
    };
    let client = shared.client(client_id).ok_or_else(|| TokenError::invalid_client("unknown client"))?;
    if client.client_secret.as_deref() != secret {
        return Err(TokenError::invalid_client("wrong client secret"));
    }
    Ok(client)
}

/// Both halves are form-encoded before they are joined (RFC 6749 section 2.3.1).
fn basic_credentials(headers: &HeaderMap) -> Result<Option<(String, String)>, TokenError> {
    let mut fields = headers.get_all(header::AUTHORIZATION).into_iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(TokenError::new("invalid_request", "more than one Authorization field"));
    }
    let malformed = || TokenError::invalid_client("the Authorization field cannot be read");
    let (scheme, credentials) =
        field.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let bytes = STANDARD.decode(credentials.trim()).map_err(|_| malformed())?;
    let text = String::from_utf8(bytes).map_err(|_| malformed())?;
    let (id, secret) = text.split_once(':').ok_or_else(malformed)?;
    Ok(Some((decode(id).ok_or_else(malformed)?, decode(secret).ok_or_else(malformed)?)))
}

fn decode(text: &str) -> Option<String> {
    let spaces = text.replace('+', " ");
    percent_decode_str(&spaces).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
