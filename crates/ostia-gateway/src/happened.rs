//! What happens to sessions, told in one place: counted, and written into the audit log.

use std::time::SystemTime;

use ostia_session::{Marks, Session};
use ostia_telemetry::metrics::NONE;
use ostia_telemetry::{SessionEvent, SessionLine, WhoAsked};
use pingora_http::RequestHeader;

use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::proxy::Front;
use crate::stage::asked::{host_of, who_asked};

/// One thing that happened to a session, or to somebody who wanted one.
#[derive(Clone, Copy)]
pub(crate) struct Happened<'a> {
    event: SessionEvent,
    provider: Option<&'a str>,
    subject: Option<&'a str>,
    session: Option<u128>,
    way: Option<&'static str>,
    /// What was done, or why it was not.
    outcome: Result<&'static str, &'static str>,
}

impl<'a> Happened<'a> {
    fn to(session: &'a Session, event: SessionEvent, outcome: Result<&'static str, &'static str>) -> Self {
        let identity = &session.identity;
        Self {
            event,
            provider: Some(&identity.provider),
            subject: Some(&identity.subject),
            session: Some(u128::from_be_bytes(*Marks::of(session).session().as_bytes())),
            way: None,
            outcome,
        }
    }

    fn to_nobody(
        provider: Option<&'a str>,
        event: SessionEvent,
        outcome: Result<&'static str, &'static str>,
    ) -> Self {
        Self { event, provider, subject: None, session: None, way: None, outcome }
    }

    /// Somebody signed in.
    pub(crate) fn login(session: &'a Session) -> Self {
        Self::to(session, SessionEvent::Login, Ok("signed_in"))
    }

    /// Nobody signed in.
    pub(crate) fn login_failed(provider: Option<&'a str>, reason: &'static str) -> Self {
        Self::to_nobody(provider, SessionEvent::Login, Err(reason))
    }

    /// A refresh came to its end on this node.
    pub(crate) fn refresh(session: &'a Session, outcome: Result<&'static str, &'static str>) -> Self {
        Self::to(session, SessionEvent::Refresh, outcome)
    }

    /// Somebody signed out here.
    pub(crate) fn logout(session: &'a Session) -> Self {
        Self { way: Some("local"), ..Self::to(session, SessionEvent::Logout, Ok("signed_out")) }
    }

    /// A session that there was no room for any more beside a later one.
    pub(crate) fn displaced(session: &'a Session) -> Self {
        Self { way: Some("displaced"), ..Self::logout(session) }
    }

    /// Somebody signed out here whose session could not be looked up.
    pub(crate) fn logout_of_somebody() -> Self {
        Self { way: Some("local"), ..Self::to_nobody(None, SessionEvent::Logout, Ok("signed_out")) }
    }

    /// The issuer signed somebody out (or was refused): `way` is the channel, the subject what it named.
    pub(crate) fn logout_by_issuer(
        way: &'static str,
        provider: Option<&'a str>,
        subject: Option<&'a str>,
        outcome: Result<&'static str, &'static str>,
    ) -> Self {
        Self { way: Some(way), subject, ..Self::to_nobody(provider, SessionEvent::Logout, outcome) }
    }

    /// The operator ended sessions, by what.
    pub(crate) fn revocation(by: &'static str, provider: Option<&'a str>, subject: Option<&'a str>) -> Self {
        Self { way: Some(by), subject, ..Self::to_nobody(provider, SessionEvent::Revocation, Ok("operator")) }
    }

    /// The refresh token of a session was given back to its issuer.
    pub(crate) fn token_revocation(
        session: &'a Session,
        outcome: Result<&'static str, &'static str>,
    ) -> Self {
        Self { way: Some("refresh_token"), ..Self::to(session, SessionEvent::Revocation, outcome) }
    }

    /// Tells it: a request did it.
    pub(crate) fn by(self, front: &Front, request: &RequestHeader, exchange: &Exchange) {
        self.count(&front.gateway);
        if front.gateway.audit_log().is_on() {
            let host = host_of(request, &exchange.outcome);
            self.write(&front.gateway, exchange.now, Some(who_asked(front, request, &host, exchange)));
        }
    }

    /// Tells it: no request waits for it.
    pub(crate) fn by_itself(self, gateway: &Gateway) {
        self.count(gateway);
        self.write(gateway, SystemTime::now(), None);
    }

    /// Refreshes are counted with an outcome of their own, by whoever made them.
    fn count(&self, gateway: &Gateway) {
        let metrics = gateway.metrics();
        let provider = self.provider.unwrap_or(NONE);
        match (self.event, self.way, self.outcome) {
            (SessionEvent::Login, _, Ok(_)) => metrics.login_succeeded(provider),
            (SessionEvent::Login, _, Err(reason)) => metrics.login_failed(provider, reason),
            (SessionEvent::Refresh, ..) => {}
            (SessionEvent::Logout, way, outcome) => {
                metrics.logged_out(provider, way.unwrap_or(NONE), outcome.err().unwrap_or("done"));
            }
            (SessionEvent::Revocation, Some("refresh_token"), outcome) => {
                metrics.token_revoked(provider, if outcome.is_ok() { "done" } else { "failed" });
            }
            (SessionEvent::Revocation, ..) => metrics.logged_out(provider, "operator", "done"),
        }
    }

    fn write(&self, gateway: &Gateway, at: SystemTime, who: Option<WhoAsked<'_>>) {
        let log = gateway.audit_log();
        if !log.is_on() {
            return;
        }
        log.write(&SessionLine {
            at,
            event: self.event,
            who,
            subject: self.subject,
            provider: self.provider,
            session: self.session,
            is_done: self.outcome.is_ok(),
            way: self.way,
            reason: self.outcome.unwrap_or_else(|reason| reason),
        });
    }
}
