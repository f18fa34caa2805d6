//! The UserInfo endpoint (OpenID Connect Core section 5.3).

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::ledger::Grant;
use super::shared::{Shared, seconds};
use super::token;
use crate::jwt::Kind;

pub(super) async fn userinfo(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let Some(presented) = bearer(&headers) else {
        return challenge(StatusCode::UNAUTHORIZED, "Bearer realm=\"demo provider\"");
    };
    let Some(grant) = grant_of(&shared, presented, SystemTime::now()) else {
        return challenge(
            StatusCode::UNAUTHORIZED,
            "Bearer realm=\"demo provider\", error=\"invalid_token\"",
        );
    };
    let mut claims = token::claims(&shared, &grant);
    claims.insert("sub".to_owned(), json!(grant.username));
    Json(Value::Object(claims)).into_response()
}

/// The standing grant of an access token that was given to a person's client.
fn grant_of(shared: &Shared, token: &str, now: SystemTime) -> Option<Grant> {
    let claims = shared.keys.read().open(Kind::Access, token)?;
    if claims.get("exp").and_then(Value::as_u64)? <= seconds(now) {
        return None;
    }
    let (grant, _) = claims.get("jti").and_then(Value::as_str)?.split_once('.')?;
    shared.ledger.lock().grant(grant).cloned()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn challenge(status: StatusCode, challenge: &'static str) -> Response {
    (status, [(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))]).into_response()
}
