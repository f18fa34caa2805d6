//! Sign-out that a client asks for (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::authorize::{
    FORM_COOKIE, SIGN_ON_COOKIE, cookie, form_token, not_our_form, own_form, see_other, set_cookie,
};
use super::back_channel;
use super::page::Page;
use super::parameters::{Parameters, extend_uri};
use super::shared::Shared;
use crate::jwt::Kind;

pub(super) async fn by_query(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    end_session(&shared, &headers, &query.unwrap_or_default())
}

pub(super) async fn by_form(State(shared): State<Arc<Shared>>, headers: HeaderMap, form: String) -> Response {
    end_session(&shared, &headers, &form)
}

/// A request whose client and return address are known to belong together.
struct EndSession {
    /// `sid` of the ID token in the hint.
    sid: Option<String>,
    return_to: Option<String>,
}

/// A hint that names the present sign-on proves that the person's own client asks; otherwise the person is asked.
fn end_session(shared: &Arc<Shared>, headers: &HeaderMap, text: &str) -> Response {
    let request = match read(shared, text) {
        Ok(request) => request,
        Err(problem) => return Page::refused(problem).into_response(),
    };
    let secret = cookie(headers, SIGN_ON_COOKIE);
    let sign_on =
        secret.and_then(|secret| shared.ledger.lock().signed_on(secret, SystemTime::now()).cloned());
    let (Some(secret), Some(sign_on)) = (secret, sign_on) else {
        return finish(shared, request.return_to.as_deref());
    };
    if request.sid.as_deref() == Some(&sign_on.sid) {
        sign_off(shared, secret);
        return finish(shared, request.return_to.as_deref());
    }
    let form_token = form_token(headers);
    let fields = [("request", text), ("form_token", &form_token)];
    let action = shared.path("/sign-out");
    let page = Page::confirm_sign_out(&action, &sign_on.username, &fields, request.return_to.as_deref());
    let mut response = page.into_response();
    set_cookie(shared, &mut response, FORM_COOKIE, &form_token);
    response
}

/// The person said yes.
pub(super) async fn confirmed(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    form: String,
) -> Response {
    let Some(form) = own_form(&headers, &form) else { return not_our_form() };
    match read(&shared, form.one("request").unwrap_or_default()) {
        Err(problem) => Page::refused(problem).into_response(),
        Ok(request) => {
            if let Some(secret) = cookie(&headers, SIGN_ON_COOKIE) {
                sign_off(&shared, secret);
            }
            finish(&shared, request.return_to.as_deref())
        }
    }
}

fn read(shared: &Shared, text: &str) -> Result<EndSession, &'static str> {
    let parameters = Parameters::parse(text).map_err(|_| "A parameter is given twice.")?;
    let hint = match parameters.one("id_token_hint") {
        // Expired is fine: only the signature and the issuer matter (section 4).
        Some(token) => Some(shared.keys.read().open(Kind::Id, token).ok_or("id_token_hint is not ours.")?),
        None => None,
    };
    let claim = |name: &str| hint.as_ref()?.get(name).and_then(Value::as_str);
    let client_id = match (claim("aud"), parameters.one("client_id")) {
        (Some(audience), Some(client)) if audience != client => {
            return Err("client_id is not the client of id_token_hint.");
        }
        (audience, client) => audience.or(client),
    };
    let client = match client_id {
        Some(client_id) => Some(shared.client(client_id).ok_or("This client is not registered.")?),
        None => None,
    };
    let return_to = match parameters.one("post_logout_redirect_uri") {
        None => None,
        Some(uri) => {
            let client = client.ok_or("post_logout_redirect_uri needs id_token_hint or client_id.")?;
            if !client.post_logout_redirect_uris.iter().any(|known| known == uri) {
                return Err("post_logout_redirect_uri is not registered for this client.");
            }
            Some(extend_uri(uri, &[("state", parameters.one("state"))]))
        }
    };
    Ok(EndSession { sid: claim("sid").map(str::to_owned), return_to })
}

/// Ends the sign-on and tells the clients, without the browser waiting for them.
fn sign_off(shared: &Arc<Shared>, secret: &str) {
    let ended = shared.ledger.lock().sign_off(secret);
    if let Some(ended) = ended {
        let shared = Arc::clone(shared);
        tokio::spawn(async move { back_channel::notify(&shared, &[ended]).await });
    }
}

fn finish(shared: &Shared, return_to: Option<&str>) -> Response {
    let mut response = match return_to {
        Some(uri) => see_other(uri),
        None => Page::notice("You are signed out", "Close this window, or sign in again when you need to.")
            .into_response(),
    };
    set_cookie(shared, &mut response, SIGN_ON_COOKIE, "");
    response
}
