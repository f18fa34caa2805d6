//! The login session of a request, wherever it is: whole in its cookies, or in the store that nodes share.

pub(crate) mod copies;
pub(crate) mod found;
pub(crate) mod looked;
pub(crate) mod returned;
pub(crate) mod revoked;
pub(crate) mod slots;
pub(crate) mod written;

use std::time::{Duration, SystemTime};

use http::{StatusCode, header};
use ostia_session::Session;

use self::looked::Looked;
use crate::answer::{Answer, Refusal};
use crate::challenge;
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::proxy::Front;
use crate::snapshot::Snapshot;
use crate::stage::identify::own_cookies;
use crate::stage::receive::Arrived;

/// When to ask again after the store did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The sessions of a request on one of Ostia's own paths, where they are looked at but not continued.
pub(crate) async fn look(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange) -> Looked {
    let cookies = own_cookies(&arrived.request.headers, exchange);
    let host = arrived.examined.host().name();
    looked::look(&front.gateway, &exchange.snapshot, &cookies, host, exchange.now, |_| true).await
}

/// The store does not answer: who has a session is neither let in nor signed out.
pub(crate) fn unavailable(arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let title = "Your session cannot be looked up right now";
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "session_store_unavailable", title)
        .advise("You are still signed in. Try again in a moment.");
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
        .with(header::RETRY_AFTER, challenge::retry_after(RETRY_AFTER))
}

/// Ends a session: on all nodes, and in the store where it is kept there. Nobody waits for the store.
pub(crate) fn end(gateway: &Gateway, snapshot: &Snapshot, session: &Session, now: SystemTime) {
    let lifetimes = snapshot.sessions.lifetimes();
    gateway.endings().end_session(session, lifetimes, now);
    written::forget(gateway, snapshot, session.id, session.ends_at(lifetimes), now);
}
