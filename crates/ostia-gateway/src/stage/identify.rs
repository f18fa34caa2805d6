//! Who the caller is: a bearer token or a session cookie becomes an identity, or there is none.

mod several;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::COOKIE;
use ostia_identity::Proof;
use ostia_oidc::resource_server::challenge::Complaint;
use ostia_request::cookie;
use ostia_session::{Lifetimes, Marks, OpenedSession, Session, SessionSlot, Token};
use smallvec::SmallVec;

use crate::answer::Answer;
use crate::challenge;
use crate::exchange::Exchange;
use crate::passed_token::Passed;
use crate::proxy::Front;
use crate::recognised::{CacheKey, Recognised, Ties};
use crate::refresh;
use crate::session;
use crate::session::found::{self, Found, Refused};
use crate::session::written::{self, Before};
use crate::stage::bearer;
use crate::stage::receive::Arrived;
use crate::stage::route::Routed;

/// How long a session is taken from the cache before its cookie is opened again.
const SESSION_LOOK_AGAIN: Duration = Duration::from_secs(30);

/// A request with its route and its caller, if there is one.
pub struct Identified {
    /// The route.
    pub routed: Routed,
    /// The caller, or why there is none.
    pub caller: Result<Arc<Recognised>, Nobody>,
}

/// Why nobody was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nobody {
    /// The route is open; nobody was looked for.
    NotAsked,
    /// The request brought no credential that counts here.
    NoCredential,
    /// The request brought a session cookie that is no session (any more).
    NoSession(&'static str),
}

impl Nobody {
    /// The reason's slug.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::NotAsked => "anyone",
            Self::NoCredential => "no_credential",
            Self::NoSession(reason) => reason,
        }
    }
}

/// Finds the caller.
///
/// # Errors
/// The answer to a bearer token that was refused, or that cannot be judged because the issuer's keys are not known; to a
/// session that cannot be looked up.
pub async fn identify(
    front: &Front,
    routed: Routed,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
) -> Result<Identified, Answer> {
    if routed.route.is_open() {
        return Ok(Identified { routed, caller: Err(Nobody::NotAsked) });
    }
    let credentials = routed.route.credentials;
    if credentials.bearer
        && let Some(presented) =
            bearer::presented(&arrived.request.headers).map_err(|bearer::SeveralTokens| {
                challenge::refuse_token(arrived, exchange, Complaint::InvalidRequest, "two_tokens")
            })?
    {
        let caller = bearer::by_token(front, &routed, arrived, exchange, presented).await?;
        exchange.outcome.caller = Some(Arc::clone(&caller));
        return Ok(Identified { routed, caller: Ok(caller) });
    }
    if !credentials.session {
        return Ok(Identified { routed, caller: Err(Nobody::NoCredential) });
    }
    let caller = by_session(front, &routed, arrived, exchange).await?;
    exchange.outcome.caller = caller.as_ref().ok().map(Arc::clone);
    Ok(Identified { routed, caller })
}

type OwnCookies<'a> = SmallVec<[(&'a [u8], &'a [u8]); 4]>;

/// Our own cookies of a request.
pub fn own_cookies<'a>(headers: &'a HeaderMap, exchange: &Exchange) -> OwnCookies<'a> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|field| cookie::pairs(field.as_bytes()))
        .filter(|(name, _)| exchange.snapshot.is_own_cookie(name))
        .collect()
}

/// The place of a session in the cache of recognised callers: by all our cookies, and by the slots of the route where
/// there may be several sessions.
pub fn session_key(
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    cookies: &[(&[u8], &[u8])],
    slots: &[SessionSlot],
) -> CacheKey {
    let parts = cookies.iter().flat_map(|(name, value)| [*name, *value]);
    exchange.snapshot.recognised.session_key(arrived.examined.host().name(), slots, parts)
}

async fn by_session(
    front: &Front,
    routed: &Routed,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
) -> Result<Result<Arc<Recognised>, Nobody>, Answer> {
    let cookies = own_cookies(&arrived.request.headers, exchange);
    if cookies.is_empty() {
        return Ok(Err(Nobody::NoCredential));
    }
    if exchange.snapshot.distrusts_sessions() {
        return Err(session::unavailable(arrived, exchange));
    }
    let slots = &*routed.route.session_slots;
    let key = session_key(arrived, exchange, &cookies, slots);
    if let Some(known) = exchange.snapshot.recognised.get(&key, exchange.now) {
        if known.ties.is_none_or(|ties| front.gateway.still_lives(&ties.marks, exchange.now)) {
            return Ok(accepted_here(routed, known));
        }
        exchange.snapshot.recognised.forget(&key);
    }
    if !slots.is_empty() {
        return several::by_session(front, routed, arrived, exchange, &cookies, key).await;
    }
    let place = arrived.examined.host().name().into();
    match found::find(&front.gateway, &exchange.snapshot, &cookies, place, exchange.now).await {
        Found::Absent if several::is_of_before(exchange, &cookies) => {
            several::by_session(front, routed, arrived, exchange, &cookies, key).await
        }
        Found::Absent => Ok(Err(Nobody::NoCredential)),
        Found::Refused(refused) => Ok(Err(take_back(front, exchange, &refused))),
        Found::Unavailable(_) => Err(session::unavailable(arrived, exchange)),
        Found::Session(opened) if !front.gateway.still_lives(&Marks::of(&opened.session), exchange.now) => {
            exchange.outcome.cookies = exchange.snapshot.sessions.clear(opened.slot, opened.presented);
            Ok(Err(Nobody::NoSession("session_signed_out")))
        }
        Found::Session(opened) => {
            let known = continue_session(front, routed, arrived, exchange, opened, key).await;
            Ok(known.and_then(|known| accepted_here(routed, known)))
        }
    }
}

/// Takes back cookies that are no session.
fn take_back(front: &Front, exchange: &mut Exchange, refused: &Refused) -> Nobody {
    exchange.outcome.cookies.extend(exchange.snapshot.sessions.clear(refused.slot, refused.presented));
    if refused.has_ended {
        front.gateway.metrics().session_ended(refused.reason);
    }
    Nobody::NoSession(refused.reason)
}

/// A session of one provider never opens a route of another.
fn accepted_here(routed: &Routed, known: Arc<Recognised>) -> Result<Arc<Recognised>, Nobody> {
    match routed.route.provider(&known.identity.provider) {
        Some(_) => Ok(known),
        None => Err(Nobody::NoSession("session_of_other_provider")),
    }
}

async fn continue_session(
    front: &Front,
    routed: &Routed,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    opened: OpenedSession,
    key: CacheKey,
) -> Result<Arc<Recognised>, Nobody> {
    let OpenedSession { session, needs_refresh, reseal, presented, slot, is_stored } = opened;
    let host = arrived.examined.host().name();
    let now = exchange.now;
    let mut renewed = None;
    if needs_refresh && let Some(running) = routed.route.provider(&session.identity.provider) {
        match refresh::refresh(front, &exchange.snapshot, running, &session, now).await {
            refresh::Refreshed::Not => {}
            refresh::Refreshed::Now(next) => renewed = Some(next),
            refresh::Refreshed::Ended => {
                exchange.outcome.cookies.extend(exchange.snapshot.sessions.clear(slot, presented));
                session::end(&front.gateway, &exchange.snapshot, &session, now);
                front.gateway.metrics().session_ended("refresh_refused");
                return Err(Nobody::NoSession("session_refresh_refused"));
            }
        }
    }
    let written = match (renewed, reseal) {
        (Some(next), _) => Some((*next).clone().seen(now)),
        (None, true) => Some(session.clone().seen(now)),
        (None, false) => None,
    };
    let is_written = written.is_some();
    if let Some(next) = &written {
        let before = Before { is_stored, slot, presented };
        match written::write(&front.gateway, &exchange.snapshot, next, before, host, now).await {
            Ok(sealed) => exchange.outcome.cookies.extend(sealed.set_cookies),
            Err(refused) => tracing::warn!(reason = refused.slug(), "a session cookie could not be written"),
        }
    }
    let session = written.unwrap_or(session);
    let recognised = Arc::new(recognise(exchange, &session));
    // A cookie that was just replaced is worth nothing to remember: every request that still brings it has to be given
    // the new one.
    if !is_written && !needs_refresh {
        exchange.snapshot.recognised.put(key, &recognised);
    }
    Ok(recognised)
}

fn recognise(exchange: &Exchange, session: &Session) -> Recognised {
    debug_assert_eq!(session.identity.proof, Proof::Session);
    let lifetimes = exchange.snapshot.sessions.lifetimes();
    let lives = session.access_expires_at.is_none_or(|ends| exchange.now < ends);
    let token = session.access_token.as_ref().filter(|_| lives).map(Token::text);
    let passed = token.as_ref().map(|token| Passed::bearer(token.reveal()));
    Recognised {
        fields: exchange.snapshot.projection.of(&session.identity, passed),
        identity: Arc::clone(&session.identity),
        session_id: Some(session.id),
        signed_in_at: Some(session.created_at),
        ties: Some(Ties { marks: Marks::of(session), ends_at: Some(session.ends_at(lifetimes)) }),
        key: None,
        bound: None,
        valid_until: look_again_at(session, lifetimes, exchange.now),
    }
}

/// When the cookie has to be opened again: as soon as its tokens are to be refreshed, because the request that notices
/// it may be the last one before they end; as soon as its last use is to be written anew, so that short idle times hold;
/// never after the session's end, nor after that of a token that is passed on.
fn look_again_at(session: &Session, lifetimes: Lifetimes, now: SystemTime) -> SystemTime {
    let passed_until = session.access_expires_at.filter(|_| session.access_token.is_some());
    let ends_at = session.ends_at(lifetimes).min(session.last_seen_at + lifetimes.idle);
    let changes = [passed_until, session.refresh_at(lifetimes), Some(session.reseal_at(lifetimes))];
    let next = changes.into_iter().flatten().filter(|at| *at > now);
    next.fold(ends_at.min(now + SESSION_LOOK_AGAIN), SystemTime::min)
}

#[cfg(test)]
mod tests;
