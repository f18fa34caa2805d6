//! `/.ostia/callback`: the provider sends the browser back, with a code or an error.

mod give_way;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use ostia_config::Secret;
use ostia_oidc::relying_party::callback::{CallbackRefused, SignedIn};
use ostia_oidc::relying_party::login::LoginAttempt;
use ostia_session::{Flow, Grant, Marks, OpenedFlow, Session, Token};

use super::{form_post, refuse};
use crate::answer::{Answer, Next, Refusal};
use crate::challenge;
use crate::crossing;
use crate::exchange::Exchange;
use crate::happened::Happened;
use crate::proxy::Front;
use crate::session;
use crate::session::written::{self, Before};
use crate::snapshot::RunningProvider;
use crate::stage::identify::own_cookies;
use crate::stage::receive::Arrived;

/// How far clocks of nodes may be apart.
const MOST_SECONDS_BEHIND: u32 = 30;
/// How often a sign-in whose cookie was not there is begun anew.
const MOST_ROUNDS: u8 = 2;

/// The answer to a form of the provider (`response_mode: form_post`). The form of another site comes without our
/// cookies, so a page of ours posts it once more, to this very path.
pub(super) async fn form(
    front: &Front,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    form: &str,
) -> Answer {
    if !form_post::is_offered(exchange) {
        return only_get(arrived, exchange);
    }
    if !form_post::is_again(form) && !is_at_hand(arrived, exchange, form) {
        return form_post::once_more(form, arrived.examined.path());
    }
    callback(front, arrived, exchange, form).await
}

/// The answer in an address (`response_mode: query`).
pub(super) async fn address(
    front: &Front,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    query: &str,
) -> Answer {
    match arrived.request.method {
        Method::GET | Method::HEAD => callback(front, arrived, exchange, query).await,
        _ => only_get(arrived, exchange),
    }
}

fn only_get(arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use GET here");
    refuse(arrived, exchange, refusal).with(header::ALLOW, HeaderValue::from_static("GET, HEAD"))
}

/// Whether the sign-in that this answer belongs to is in the request's cookies.
fn is_at_hand(arrived: &Arrived<'_>, exchange: &Exchange, answer: &str) -> bool {
    let host = arrived.examined.host().name();
    let cookies = own_cookies(&arrived.request.headers, exchange);
    let Some(state) = single(answer, "state") else { return false };
    let opened = exchange.snapshot.flows.open(cookies.iter().copied(), &state, host, exchange.now);
    matches!(opened, OpenedFlow::Flow { .. })
}

/// Ends a sign-in: a session and the way back to where it began, or a page that says what to do. `query` holds the
/// parameters of the answer, from the address or from a form.
async fn callback(front: &Front, arrived: &Arrived<'_>, exchange: &mut Exchange, query: &str) -> Answer {
    let snapshot = Arc::clone(&exchange.snapshot);
    let host = arrived.examined.host().name();
    let cookies = own_cookies(&arrived.request.headers, exchange);
    let state = single(query, "state");
    let opened =
        state.as_deref().map(|state| snapshot.flows.open(cookies.iter().copied(), state, host, exchange.now));
    let (flow, clear) = match (opened, &state) {
        (Some(OpenedFlow::Flow { flow, clear }), _) => (flow, clear),
        (Some(OpenedFlow::Refused(reason)), Some(state)) => {
            return lost(front, arrived, exchange, state, reason.slug()).await;
        }
        _ => return stale(front, arrived, exchange, "state_missing").await,
    };
    if !is_path_of(&flow.redirect_uri, arrived.examined.path()) {
        return stale(front, arrived, exchange, "callback_of_another").await.with_cookies(clear);
    }
    let Some(running) = snapshot.providers.get(flow.provider.as_str()) else {
        return stale(front, arrived, exchange, "provider_removed").await.with_cookies(clear);
    };
    let answer = match finish(running, &flow, query, exchange).await {
        Ok(signed_in) => sign_in(front, running, arrived, exchange, &flow, signed_in).await,
        Err(refused) => failed(front, running, arrived, exchange, &refused),
    };
    answer.with_cookies(clear)
}

/// Whether the answer came where it was to come: with a callback of its own, a provider answers nowhere else (RFC 9700
/// section 4.4.2.2).
fn is_path_of(redirect_uri: &str, path: &str) -> bool {
    url::Url::parse(redirect_uri).is_ok_and(|uri| uri.path() == path)
}

/// A parameter that occurs exactly once.
pub(crate) fn single(query: &str, wanted: &str) -> Option<String> {
    let mut values = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == wanted)
        .map(|(_, value)| value);
    let value = values.next()?.into_owned();
    values.next().is_none().then_some(value)
}

async fn finish(
    running: &RunningProvider,
    flow: &Flow,
    query: &str,
    exchange: &Exchange,
) -> Result<SignedIn, CallbackRefused> {
    let attempt = LoginAttempt {
        state: flow.state.clone(),
        nonce: flow.nonce.clone(),
        verifier: Secret::new(flow.pkce_verifier.clone()),
        redirect_uri: flow.redirect_uri.clone(),
    };
    running.provider.finish_login(query, &attempt, exchange.now).await
}

/// A new session under a new id; whatever was presented before names nothing any more.
async fn sign_in(
    front: &Front,
    running: &RunningProvider,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    flow: &Flow,
    who: SignedIn,
) -> Answer {
    let snapshot = &exchange.snapshot;
    let host = arrived.examined.host().name();
    let provider = &running.section.name;
    let looked = session::look(front, arrived, exchange).await;
    let passes_token = snapshot.config.identity.pass_access_token;
    let grant = Grant {
        access_token: passes_token.then(|| Token::new(who.access_token.reveal())),
        access_expires_at: who.access_expires_at,
        refresh_token: who.refresh_token.as_ref().map(|token| Token::new(token.reveal())),
        id_token: Some(Token::new(who.id_token.reveal())),
        proof_key: who.proof_key,
    };
    let signed_in = ostia_session::SignedIn {
        provider: Arc::from(&**provider),
        issuer: who.issuer,
        subject: Arc::from(who.subject),
        claims: who.claims,
        scopes: who.scopes,
        auth_time: who.auth_time,
    };
    let begun = Session::begin(signed_in, grant, snapshot.sessions.lifetimes(), exchange.now);
    let Ok(mut session) = begun else { return not_kept(front, running, arrived, exchange, "no_randomness") };
    session = looked.then(session);
    begin_after_endings(front, &mut session);
    let slot = snapshot.shared_hosts.slot(host, provider);
    let before = Before { is_stored: false, slot, presented: looked.presented_in(slot) };
    match written::write(&front.gateway, snapshot, &session, before, host, exchange.now).await {
        Ok(sealed) => {
            if sealed.dropped.access_token {
                tracing::warn!(provider = %provider, "an access token does not fit into the session cookies and is not passed on");
            }
            let room = looked.make_room(provider, slot, sealed.cookies);
            let cookies = give_way::give_way(front, arrived, exchange, room, (&session, slot));
            Happened::login(&session).by(front, arrived.request, exchange);
            back_to(flow, arrived, exchange).with_cookies(sealed.set_cookies).with_cookies(cookies)
        }
        Err(refused) => not_kept(front, running, arrived, exchange, refused.slug()),
    }
}

/// An ending holds for what began until its second. Who signs in again within it began after it all the same; so does
/// who comes to a node whose clock is a little behind.
fn begin_after_endings(front: &Front, session: &mut Session) {
    for _ in 0..MOST_SECONDS_BEHIND {
        if !front.gateway.endings().has(&Marks::of(session)) {
            return;
        }
        session.created_at += Duration::from_secs(1);
    }
}

fn back_to(flow: &Flow, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    crossing::back_to(&flow.return_to, exchange).unwrap_or_else(|| {
        refuse(
            arrived,
            exchange,
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here"),
        )
    })
}

fn not_kept(
    front: &Front,
    running: &RunningProvider,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    reason: &'static str,
) -> Answer {
    Happened::login_failed(Some(&running.section.name), reason).by(front, arrived.request, exchange);
    let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, reason, "Your session could not be kept")
        .advise("You signed in, but your session does not fit into cookies. Tell the operator: fewer claims help.");
    refuse(arrived, exchange, refusal)
}

fn failed(
    front: &Front,
    running: &RunningProvider,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    refused: &CallbackRefused,
) -> Answer {
    Happened::login_failed(Some(&running.section.name), refused.slug()).by(front, arrived.request, exchange);
    tracing::info!(provider = %running.section.name, reason = refused.slug(), request = %exchange.id.as_str(), "a sign-in failed");
    let advice = advice_for(refused);
    let refusal = Refusal::new(refused.status(), refused.slug(), "Signing in failed")
        .advise(advice)
        .next(Next::SignIn(crate::sign_in::LOGIN_PATH));
    let answer = refuse(arrived, exchange, refusal);
    match refused {
        CallbackRefused::Unavailable { retry_after } => {
            answer.with(header::RETRY_AFTER, challenge::retry_after(*retry_after))
        }
        _ => answer,
    }
}

fn advice_for(refused: &CallbackRefused) -> &'static str {
    match refused {
        CallbackRefused::Refused { .. } => "The sign-in service did not let you in, or you stopped there.",
        CallbackRefused::Unavailable { .. } => {
            "The sign-in service cannot be reached. Try again in a moment."
        }
        _ => {
            "The answer of the sign-in service was not accepted. Try again; if it stays so, tell the operator."
        }
    }
}

/// A callback whose cookie is not here, with a `state` of ours: a tab whose cookie was pushed out by others. It never
/// makes a session. Who has one of its provider goes to the page of this tab; who has none begins anew, a few times.
async fn lost(
    front: &Front,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    state: &str,
    reason: &'static str,
) -> Answer {
    let snapshot = Arc::clone(&exchange.snapshot);
    let host = arrived.examined.host().name();
    let Ok(to) = snapshot.flows.lost(state, host, exchange.now) else {
        return stale(front, arrived, exchange, reason).await;
    };
    let looked = session::look(front, arrived, exchange).await;
    if looked.latest(Some(&to.provider)).is_some()
        && let Ok(location) = HeaderValue::from_str(&to.return_to)
    {
        return Answer::redirect(StatusCode::SEE_OTHER, "already_signed_in", location);
    }
    let Some(running) = crate::sign_in::offered_at(&snapshot.routes, host, &to.provider) else {
        return stale(front, arrived, exchange, reason).await;
    };
    if to.rounds >= MOST_ROUNDS {
        return crate::sign_in::too_many_rounds(front, running, arrived, exchange);
    }
    let wanted = crate::sign_in::Wanted {
        target: &to.return_to,
        rounds: to.rounds + 1,
        ..crate::sign_in::Wanted::default()
    };
    crate::sign_in::start_as(front, running, arrived, exchange, wanted).await
}

/// A callback that belongs to no sign-in of this browser: used before, too old, or somebody else's. It never makes a
/// session; who has one goes on with it.
async fn stale(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange, reason: &'static str) -> Answer {
    if session::look(front, arrived, exchange).await.latest(None).is_some() {
        return Answer::redirect(StatusCode::SEE_OTHER, "already_signed_in", HeaderValue::from_static("/"));
    }
    Happened::login_failed(None, reason).by(front, arrived.request, exchange);
    let refusal = Refusal::new(StatusCode::BAD_REQUEST, reason, "This sign-in is no longer valid")
        .advise(
            "It was already used, it is older than ten minutes, or it was begun in another browser. \
             If this browser does not keep cookies for this site, allow them.",
        )
        .next(Next::SignIn(crate::sign_in::LOGIN_PATH));
    refuse(arrived, exchange, refusal)
}

#[cfg(test)]
mod tests {
    use super::single;

    #[test]
    fn a_parameter_counts_only_when_it_occurs_once() {
        assert_eq!(single("state=a%2Fb&code=c", "state").as_deref(), Some("a/b"));
        assert_eq!(single("state=a&state=a", "state"), None);
        assert_eq!(single("code=a", "state"), None);
    }
}
