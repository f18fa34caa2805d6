//! `/.ostia/logout`: the session ends here first, then at the provider (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use ostia_oidc::relying_party::logout::LogoutRequest;
use ostia_oidc::relying_party::revoke::Revoked;
use ostia_session::{Destination, OpenedSession, Presented, Token};

use super::refuse;
use crate::answer::{Answer, Next, Refusal};
use crate::exchange::Exchange;
use crate::happened::Happened;
use crate::page::Page;
use crate::proxy::Front;
use crate::session::{self, found::Found};
use crate::stage::identify::{own_cookies, session_key};
use crate::stage::receive::Arrived;

const SIGNED_OUT_PATH: &str = "/.ostia/signed-out";

/// POST from this site signs out; GET shows the button that does.
pub(super) async fn logout(front: &Front, arrived: &Arrived<'_>, exchange: &mut Exchange) -> Answer {
    let method = &arrived.request.method;
    if *method == Method::GET || *method == Method::HEAD {
        return ask(exchange);
    }
    if *method != Method::POST {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use POST here");
        return refuse(arrived, exchange, refusal)
            .with(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    }
    if !arrived.is_from_here() {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "cross_site", "Another site tried to sign you out")
            .advise("You are still signed in. Sign out on this site's own page.");
        return refuse(arrived, exchange, refusal);
    }
    sign_out(front, arrived, exchange).await
}

fn ask(exchange: &Exchange) -> Answer {
    let page = Page {
        title: "Sign out?",
        paragraphs: Vec::new(),
        next: Next::SignOut,
        code: "sign_out",
        request_id: "",
    };
    Answer::page(StatusCode::OK, "sign_out_asked", &exchange.snapshot.pages, &page)
}

async fn sign_out(front: &Front, arrived: &Arrived<'_>, exchange: &mut Exchange) -> Answer {
    let found = session::find(front, arrived, exchange).await;
    let location = match &found {
        Found::Session(opened) => {
            end(front, arrived, exchange, opened);
            end_at_provider(arrived, exchange, opened)
        }
        // Who it was the store would know; that it is over all nodes can know without it.
        Found::Unavailable(ticket) => {
            front.gateway.endings().end_ticket(ticket, exchange.now);
            Happened::logout_of_somebody().by(front, arrived.request, exchange);
            None
        }
        Found::Absent | Found::Refused { .. } => None,
    };
    let presented = match &found {
        Found::Session(opened) => opened.presented,
        _ => Presented::ALL,
    };
    let mut cookies = exchange.snapshot.sessions.clear(presented);
    cookies.push(exchange.snapshot.flows.forget_rounds());
    let location = location.unwrap_or_else(|| HeaderValue::from_static(SIGNED_OUT_PATH));
    Answer::redirect(StatusCode::SEE_OTHER, "signed_out", location).with_cookies(cookies)
}

/// The cookie stays a well sealed one wherever it was copied to: from now on it is no session on any node.
fn end(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange, opened: &OpenedSession) {
    let session = &opened.session;
    session::end(&front.gateway, &exchange.snapshot, session, exchange.now);
    let cookies = own_cookies(&arrived.request.headers, exchange);
    exchange.snapshot.recognised.forget(&session_key(arrived, exchange, &cookies));
    front.gateway.metrics().session_ended("signed_out");
    Happened::logout(session).by(front, arrived.request, exchange);
    revoke(front, exchange, opened);
}

/// The refresh token is worth nothing to anybody from now on. Nobody waits for it.
fn revoke(front: &Front, exchange: &Exchange, opened: &OpenedSession) {
    let session = &opened.session;
    let Some(running) = exchange.snapshot.providers.get(&*session.identity.provider).cloned() else { return };
    let Some(token) = session.refresh_token.as_ref().map(Token::text) else { return };
    let (gateway, session) = (Arc::clone(&front.gateway), session.clone());
    tokio::spawn(async move {
        let outcome = match running.provider.revoke(&token).await {
            Revoked::Done => Ok("signed_out"),
            Revoked::NotOffered => return,
            Revoked::Failed => Err("revocation_failed"),
        };
        if outcome.is_err() {
            tracing::warn!(provider = %running.section.name, "the refresh token of a session that was signed out could not be revoked");
        }
        Happened::token_revocation(&session, outcome).by_itself(&gateway);
    });
}

/// A note to ourselves that comes back with the browser (RP-Initiated Logout section 2): who has another one does not come
/// from a logout of ours.
fn state_of(provider: &str, host: &str, exchange: &Exchange) -> Option<String> {
    let to = Destination { provider: provider.to_owned(), return_to: "/".to_owned(), rounds: 0 };
    exchange.snapshot.flows.state(&to, host, exchange.now).ok()
}

fn end_at_provider(
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    opened: &OpenedSession,
) -> Option<HeaderValue> {
    let running = exchange.snapshot.providers.get(&*opened.session.identity.provider)?;
    let client = running.section.client.as_ref()?;
    let host = arrived.examined.host().name();
    let cookies = own_cookies(&arrived.request.headers, exchange);
    let in_cookie = || exchange.snapshot.sessions.id_token(cookies.iter().copied(), host, opened.session.id);
    let hint = opened.session.id_token.clone().or_else(in_cookie);
    let hint = hint.map(|token| token.text());
    let hint = hint.as_ref().map(|text| text.reveal().as_str());
    let back = match (&client.post_logout_redirect_uri, &client.redirect_uri) {
        (Some(uri), _) => uri.as_str().to_owned(),
        (None, Some(uri)) => uri.join(SIGNED_OUT_PATH).ok()?.as_str().to_owned(),
        (None, None) => format!("https://{host}{SIGNED_OUT_PATH}"),
    };
    // Only our own page looks at it when the browser comes back.
    let is_ours = client.post_logout_redirect_uri.is_none();
    let state = is_ours.then(|| state_of(&running.section.name, host, exchange)).flatten();
    let url = running.provider.end_session_url(LogoutRequest {
        id_token_hint: hint,
        post_logout_redirect_uri: Some(&back),
        state: state.as_deref(),
    })?;
    HeaderValue::from_str(&url).ok()
}
