//! The authorization endpoint (OpenID Connect Core section 3.1.2) with the sign-in form.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::authorization_request::{AuthorizationRefused, AuthorizationRequest};
use super::ledger::Grant;
use super::page::{self, Page, SignInForm};
use super::parameters::{Parameters, extend_uri};
use super::shared::Shared;
use crate::random;

/// Who is signed on in this browser.
pub(super) const SIGN_ON_COOKIE: &str = "demo_provider_sign_on";
/// Ties a form to the browser that it was shown in.
pub(super) const FORM_COOKIE: &str = "demo_provider_form";

pub(super) async fn by_query(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    authorize(&shared, &headers, &query.unwrap_or_default())
}

pub(super) async fn by_form(State(shared): State<Arc<Shared>>, headers: HeaderMap, form: String) -> Response {
    authorize(&shared, &headers, &form)
}

/// Answers at once where somebody is signed on already, else asks.
fn authorize(shared: &Shared, headers: &HeaderMap, text: &str) -> Response {
    let request = match AuthorizationRequest::read(text, shared) {
        Ok(request) => request,
        Err(refusal) => return refused(shared, refusal),
    };
    let now = SystemTime::now();
    if let Some(secret) = cookie(headers, SIGN_ON_COOKIE) {
        let sign_on = shared.ledger.lock().signed_on(secret, now).cloned();
        if sign_on.is_some_and(|sign_on| request.is_satisfied_by(&sign_on, now)) {
            return grant(shared, &request, secret, now);
        }
    }
    if request.is_silent() {
        return refused(shared, request.refuse("login_required", "nobody is signed in"));
    }
    let username = request.login_hint.clone().unwrap_or_default();
    ask(shared, headers, &request, text, &username, None)
}

/// The form came back.
pub(super) async fn sign_in(State(shared): State<Arc<Shared>>, headers: HeaderMap, form: String) -> Response {
    let Ok(form) = Parameters::parse(&form) else {
        return Page::refused("A field of the form is given twice.").into_response();
    };
    if !is_own_form(&headers, &form) {
        return not_our_form();
    }
    let text = form.one("request").unwrap_or_default();
    let request = match AuthorizationRequest::read(text, &shared) {
        Ok(request) => request,
        Err(refusal) => return refused(&shared, refusal),
    };
    let username = form.one("username").unwrap_or_default();
    let password = form.one("password").unwrap_or_default();
    if shared.person(username).is_none_or(|person| person.password != password) {
        return ask(&shared, &headers, &request, text, username, Some("Name or password is wrong."));
    }
    let now = SystemTime::now();
    let secret = {
        let lifetimes = *shared.lifetimes.lock();
        let mut ledger = shared.ledger.lock();
        // A new sign-in never continues an older one in the same browser.
        if let Some(old) = cookie(&headers, SIGN_ON_COOKIE) {
            ledger.sign_off(old);
        }
        ledger.sign_on(username, &lifetimes, now)
    };
    let mut response = grant(&shared, &request, &secret, now);
    set_cookie(&shared, &mut response, SIGN_ON_COOKIE, &secret);
    response
}

/// Opens a grant and sends its code to the client.
fn grant(shared: &Shared, request: &AuthorizationRequest, secret: &str, now: SystemTime) -> Response {
    let lifetimes = *shared.lifetimes.lock();
    let mut ledger = shared.ledger.lock();
    let Some(sign_on) = ledger.signed_on(secret, now).cloned() else {
        return Page::refused("The sign-in has ended. Go back and try again.").into_response();
    };
    ledger.note_client(secret, &request.client.client_id);
    let grant = Grant {
        id: random::text::<16>(),
        client_id: request.client.client_id.clone(),
        username: sign_on.username,
        scope: request.scope.clone(),
        nonce: request.nonce.clone(),
        auth_time: sign_on.auth_time,
        sid: sign_on.sid,
    };
    let code = ledger.open(grant, request.binding(), &lifetimes, now);
    // `iss` tells the client whose answer this is (RFC 9207).
    let parameters =
        [("code", Some(code.as_str())), ("state", request.state.as_deref()), ("iss", Some(&shared.issuer))];
    see_other(&extend_uri(&request.redirect_uri, &parameters))
}

fn refused(shared: &Shared, refusal: AuthorizationRefused) -> Response {
    match refusal {
        AuthorizationRefused::Here(text) => Page::refused(&text).into_response(),
        AuthorizationRefused::There { redirect_uri, state, error, description } => {
            let parameters = [
                ("error", Some(error)),
                ("error_description", Some(description.as_str())),
                ("state", state.as_deref()),
                ("iss", Some(&shared.issuer)),
            ];
            see_other(&extend_uri(&redirect_uri, &parameters))
        }
    }
}

fn ask(
    shared: &Shared,
    headers: &HeaderMap,
    request: &AuthorizationRequest,
    text: &str,
    username: &str,
    problem: Option<&str>,
) -> Response {
    let form_token = form_token(headers);
    let page = Page::sign_in(&SignInForm {
        action: &shared.path("/sign-in"),
        client_id: &request.client.client_id,
        redirect_uri: &request.redirect_uri,
        request: text,
        form_token: &form_token,
        username,
        problem,
        people: &page::people(shared.people.iter()),
    });
    let mut response = page.into_response();
    set_cookie(shared, &mut response, FORM_COOKIE, &form_token);
    response
}

/// Whether a form was shown in the browser that sends it.
fn is_own_form(headers: &HeaderMap, form: &Parameters) -> bool {
    let expected = cookie(headers, FORM_COOKIE);
    expected.is_some() && expected == form.one("form_token")
}

/// The fields of a form, if it is one of a page of ours in this browser.
pub(super) fn own_form(headers: &HeaderMap, form: &str) -> Option<Parameters> {
    let form = Parameters::parse(form).unwrap_or_default();
    is_own_form(headers, &form).then_some(form)
}

/// The answer to a form that is not.
pub(super) fn not_our_form() -> Response {
    Page::refused("The form does not belong to this browser. Go back and try again.").into_response()
}

/// What ties forms to this browser: one secret for all its tabs.
pub(super) fn form_token(headers: &HeaderMap) -> String {
    let is_ours = |token: &&str| token.len() == 22 && token.bytes().all(|byte| byte.is_ascii_graphic());
    cookie(headers, FORM_COOKIE).filter(is_ours).map_or_else(random::text::<16>, str::to_owned)
}

/// The value of a cookie (RFC 6265 section 4.2.1).
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let fields = headers.get_all(header::COOKIE).into_iter().filter_map(|field| field.to_str().ok());
    let mut pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Sets a cookie for the browser's session; an empty value removes it.
pub(super) fn set_cookie(shared: &Shared, response: &mut Response, name: &str, value: &str) {
    let secure = if shared.is_https() { "; Secure" } else { "" };
    let end = if value.is_empty() { "; Max-Age=0" } else { "" };
    let cookie = format!("{name}={value}; Path={}; HttpOnly; SameSite=Lax{secure}{end}", shared.path("/"));
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// 303, so that a form's body is never sent on (RFC 9700 section 4.12).
pub(super) fn see_other(uri: &str) -> Response {
    use axum::http::StatusCode;
    match HeaderValue::try_from(uri) {
        Ok(location) => {
            let fields = [
                (header::LOCATION, location),
                (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            ];
            (StatusCode::SEE_OTHER, fields).into_response()
        }
        Err(_) => Page::refused("The registered address cannot be sent.").into_response(),
    }
}
