//! The provider's own front page: who is signed in here, and a few things to try.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::authorize::{
    FORM_COOKIE, SIGN_ON_COOKIE, cookie, form_token, not_our_form, own_form, see_other, set_cookie,
};
use super::page::{self, Page};
use super::shared::Shared;
use crate::html::Escaped;

pub(super) async fn show(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let signed_on = cookie(&headers, SIGN_ON_COOKIE)
        .and_then(|secret| shared.ledger.lock().signed_on(secret, SystemTime::now()).cloned());
    let presence = match signed_on {
        Some(sign_on) => format!(
            "<p>You are signed in as <strong>{}</strong>.</p>\n\
             <p><a class=\"button quiet\" href=\"{}\">Sign out here and at every client</a></p>",
            Escaped(&sign_on.username),
            Escaped(&shared.path("/end-session")),
        ),
        None => "<p>Nobody is signed in here in this browser.</p>".to_owned(),
    };
    let form_token = form_token(&headers);
    let key = format!(
        "<h2>Signing key</h2>\n<p>ES256, <code>{}</code></p>\n<form method=\"post\" action=\"{}\">\n\
         <input type=\"hidden\" name=\"form_token\" value=\"{form_token}\">\n\
         <button class=\"quiet\" type=\"submit\">Rotate the key</button>\n</form>",
        Escaped(shared.keys.read().signing_kid()),
        Escaped(&shared.path("/rotate-key")),
    );
    let head = format!(
        "<p class=\"who\">Demo OpenID provider</p>\n<h1>{}</h1>\n{presence}",
        Escaped(&shared.issuer)
    );
    let body = page::card(&head) + &page::card(&key) + &page::people(shared.people.iter());
    let mut response = Page::html("Demo OpenID provider", body).into_response();
    set_cookie(&shared, &mut response, FORM_COOKIE, &form_token);
    response
}

pub(super) async fn rotate_key(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    form: String,
) -> Response {
    if own_form(&headers, &form).is_none() {
        return not_our_form();
    }
    shared.keys.write().rotate();
    see_other(&shared.url("/"))
}
