//! Where a browser signs out, as strict as the real one.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::dialect::Dialect;
use super::{CLIENT, Inner, Parameters};

impl Inner {
    pub(super) fn logout(&self, call: &Parameters) -> Response {
        let is_ours = call.get("client_id").is_some_and(|client| client == CLIENT.0);
        let hint = call.get("id_token_hint").and_then(|hint| self.id_key.verified(hint));
        let is_by_standard = self.scene.lock().unwrap().advertises_logout;
        let (back, is_sound) = match self.dialect {
            Dialect::Cognito => ("logout_uri", is_ours),
            Dialect::Auth0 if !is_by_standard => ("returnTo", is_ours),
            Dialect::Okta => ("post_logout_redirect_uri", hint.is_some()),
            _ => ("post_logout_redirect_uri", hint.is_some() || is_ours),
        };
        match call.get(back).filter(|_| is_sound) {
            Some(back) => Redirect::to(back).into_response(),
            None => (StatusCode::BAD_REQUEST, format!("not a sound request to sign out: {call:?}"))
                .into_response(),
        }
    }
}
