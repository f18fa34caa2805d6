//! `/.ostia/logout?provider=…`: the session ends here first, then at the provider (OpenID Connect RP-Initiated Logout
//! 1.0). Where people are signed in at several providers of one host, `provider` names the one; without it all of their
//! sessions end here, and the browser goes to the provider of the latest.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use ostia_oidc::relying_party::logout::LogoutRequest;
use ostia_session::{Destination, OpenedSession, Presented, SessionPlace, SessionSlot};

use super::callback::single;
use super::refuse;
use crate::answer::{Answer, Choice, Next, Refusal};
use crate::chooser;
use crate::exchange::Exchange;
use crate::happened::Happened;
use crate::page::Page;
use crate::proxy::Front;
use crate::session::{self, looked::Looked, revoked};
use crate::stage::identify::{own_cookies, session_key};
use crate::stage::receive::Arrived;

/// Ostia's own path that signs out.
pub(crate) const LOGOUT_PATH: &str = "/.ostia/logout";
const SIGNED_OUT_PATH: &str = "/.ostia/signed-out";

/// POST from this site signs out; GET shows the button that does.
pub(super) async fn logout(front: &Front, arrived: &Arrived<'_>, exchange: &mut Exchange) -> Answer {
    let method = &arrived.request.method;
    if *method == Method::GET || *method == Method::HEAD {
        return ask(front, arrived, exchange).await;
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

/// A button; one for each where there are several sessions.
async fn ask(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let several = several(front, arrived, exchange).await;
    let buttons: Vec<Choice<'_>> = several
        .iter()
        .map(|(title, path)| Choice { title, path })
        .chain(std::iter::once(Choice { title: "Sign out of everything here", path: LOGOUT_PATH }))
        .collect();
    let page = Page {
        title: "Sign out?",
        paragraphs: Vec::new(),
        next: if several.is_empty() { Next::SignOut } else { Next::SignOutOf(&buttons) },
        code: "sign_out",
        request_id: "",
    };
    Answer::page(StatusCode::OK, "sign_out_asked", &exchange.snapshot.pages, &page)
}

/// What a button for each session says, and where it leads; nothing where there is only one.
pub(super) async fn several(
    front: &Front,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
) -> Vec<(String, String)> {
    if !exchange.snapshot.shared_hosts.has(arrived.examined.host().name()) {
        return Vec::new();
    }
    let live = session::look(front, arrived, exchange).await.live;
    let button = |opened: &OpenedSession| {
        let name = &opened.session.identity.provider;
        let running = exchange.snapshot.providers.get(&**name);
        let title = running.map_or(&**name, |running| chooser::title(running));
        (format!("Sign out of {title}"), path_for(name))
    };
    if live.len() > 1 { live.iter().map(button).collect() } else { Vec::new() }
}

/// Ostia's own path that signs out of one provider. Names of providers need no escape.
pub(crate) fn path_for(provider: &str) -> String {
    format!("{LOGOUT_PATH}?provider={provider}")
}

async fn sign_out(front: &Front, arrived: &Arrived<'_>, exchange: &mut Exchange) -> Answer {
    let query = arrived.examined.query().unwrap_or_default();
    let named = single(query, "provider");
    let is_meant = |provider: &str| named.as_deref().is_none_or(|named| named == provider);
    let snapshot = Arc::clone(&exchange.snapshot);
    let looked = session::look(front, arrived, exchange).await;
    let mut cookies = cookies_of_nobody(&looked, named.as_deref(), arrived, exchange);
    let mut location = None;
    for opened in looked.live.iter().filter(|opened| is_meant(&opened.session.identity.provider)) {
        end(front, arrived, exchange, opened);
        cookies.extend(snapshot.sessions.clear(opened.slot, opened.presented));
        location = location.or_else(|| end_at_provider(arrived, exchange, opened));
    }
    for opened in &looked.unavailable {
        // Who it was the store would know; that it is over all nodes can know without it.
        if snapshot.sessions.provider_of(&opened.ticket).is_some_and(is_meant) {
            front.gateway.endings().end_ticket(&opened.ticket, exchange.now);
            Happened::logout_of_somebody().by(front, arrived.request, exchange);
            cookies.extend(snapshot.sessions.clear(opened.slot, opened.presented));
        }
    }
    cookies.push(snapshot.flows.forget_rounds());
    let location = location.unwrap_or_else(|| HeaderValue::from_static(SIGNED_OUT_PATH));
    Answer::redirect(StatusCode::SEE_OTHER, "signed_out", location).with_cookies(cookies)
}

/// Takes back what is no session any more; where nothing is known, whatever may be there.
fn cookies_of_nobody(
    looked: &Looked,
    named: Option<&str>,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
) -> Vec<HeaderValue> {
    let snapshot = &exchange.snapshot;
    let refused = looked.refused.iter();
    let mut cookies: Vec<HeaderValue> =
        refused.flat_map(|refused| snapshot.sessions.clear(refused.slot, refused.presented)).collect();
    if looked.live.is_empty() && looked.unavailable.is_empty() {
        let host = arrived.examined.host().name();
        let slot = named.map_or(SessionSlot::ONLY, |named| snapshot.shared_hosts.slot(host, named));
        cookies.extend(snapshot.sessions.clear(slot, Presented::ALL));
    }
    cookies
}

/// The cookie stays a well sealed one wherever it was copied to: from now on it is no session on any node.
fn end(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange, opened: &OpenedSession) {
    let session = &opened.session;
    session::end(&front.gateway, &exchange.snapshot, session, exchange.now);
    let cookies = own_cookies(&arrived.request.headers, exchange);
    exchange.snapshot.recognised.forget(&session_key(arrived, exchange, &cookies, &[]));
    front.gateway.metrics().session_ended("signed_out");
    Happened::logout(session).by(front, arrived.request, exchange);
    revoked::revoke(&front.gateway, &exchange.snapshot, session, "signed_out");
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
    let place = SessionPlace { host, slot: opened.slot };
    let in_cookie = || exchange.snapshot.sessions.id_token(cookies.iter().copied(), place, opened.session.id);
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
