//! What the provider says about itself: discovery document and key set.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;

use super::shared::Shared;

/// OpenID Connect Discovery section 4.
pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";

pub(super) async fn discovery(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let authentication = ["client_secret_basic", "client_secret_post", "none"];
    let document = json!({
        "issuer": shared.issuer,
        "authorization_endpoint": shared.url("/authorize"),
        "token_endpoint": shared.url("/token"),
        "userinfo_endpoint": shared.url("/userinfo"),
        "jwks_uri": shared.url("/jwks"),
        "end_session_endpoint": shared.url("/end-session"),
        "revocation_endpoint": shared.url("/revoke"),
        "scopes_supported": ["openid", "profile", "email", "groups", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": authentication,
        "revocation_endpoint_auth_methods_supported": authentication,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr",
            "name", "email", "email_verified", "role", "groups",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    ([(header::CACHE_CONTROL, "public, max-age=60")], Json(document))
}

pub(super) async fn jwks(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let keys = shared.keys.read().public();
    ([(header::CACHE_CONTROL, "public, max-age=60")], Json(json!({ "keys": keys })))
}
