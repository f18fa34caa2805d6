//! The revocation endpoint (RFC 7009).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::client_authentication::{TokenError, authenticate};
use super::parameters::Parameters;
use super::shared::Shared;
use crate::jwt::Kind;

/// Ends the grant of a refresh or access token of the client that asks. An unknown token is a success, too
/// (section 2.2).
pub(super) async fn revoke(State(shared): State<Arc<Shared>>, headers: HeaderMap, form: String) -> Response {
    match try_revoke(&shared, &headers, &form) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error.into_response(),
    }
}

fn try_revoke(shared: &Shared, headers: &HeaderMap, form: &str) -> Result<(), TokenError> {
    let form = Parameters::parse(form)
        .map_err(|name| TokenError::new("invalid_request", format!("{name} is given twice")))?;
    let client = authenticate(shared, headers, &form)?;
    let token = form.one("token").ok_or_else(|| TokenError::new("invalid_request", "token is missing"))?;
    let access = shared.keys.read().open(Kind::Access, token);
    let named = access.as_ref().and_then(|claims| claims.get("jti")).and_then(Value::as_str);
    let named = named.and_then(|jti| jti.split_once('.')).map(|(grant, _)| grant);
    let mut ledger = shared.ledger.lock();
    let grant = ledger.grant_of_refresh_token(token).or_else(|| ledger.grant(named?));
    let own = grant.filter(|grant| grant.client_id == client.client_id).map(|grant| grant.id.clone());
    if let Some(own) = own {
        ledger.revoke(&own);
    }
    Ok(())
}
