//! From a request's cookies to its session; by way of the store, if the cookie is a ticket.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_session::{
    Current, Opened, OpenedSession, OpenedTicket, Presented, Session, SessionPlace, SessionRefused,
    SessionSlot, SharedStore, StoreFailed, Ticket,
};

use super::written;
use crate::gateway::Gateway;
use crate::snapshot::Snapshot;

/// How long nodes are given to tell a store that lost its memory which sessions they know.
const TELLING: Duration = Duration::from_secs(30);

/// What was found.
pub(crate) enum Found {
    /// No session cookie.
    Absent,
    /// A session, and it has not ended as far as its cookie and the store say.
    Session(OpenedSession),
    /// Cookies that are no session; the answer takes them back.
    Refused(Refused),
    /// Perhaps a session, but the store does not answer and this node has not served it: nobody is signed out by that.
    Unavailable(OpenedTicket),
}

/// Cookies that are no session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    /// Why, in a word.
    pub(crate) reason: &'static str,
    /// It was a session until its time was over.
    pub(crate) has_ended: bool,
    /// Where they were.
    pub(crate) slot: SessionSlot,
    /// What was presented.
    pub(crate) presented: Presented,
}

/// Finds the session of a place.
pub(crate) async fn find(
    gateway: &Gateway,
    snapshot: &Snapshot,
    cookies: &[(&[u8], &[u8])],
    place: SessionPlace<'_>,
    now: SystemTime,
) -> Found {
    match snapshot.sessions.open(cookies.iter().copied(), place, now) {
        Opened::Absent => Found::Absent,
        Opened::Refused { reason, presented } => refused(reason, place.slot, presented),
        Opened::Session(opened) => Found::Session(moved(snapshot, place.host, opened)),
        Opened::Ticket(opened) => {
            let OpenedTicket { slot, presented, .. } = opened;
            match by_ticket(gateway, snapshot, opened.ticket).await {
                Ok(session) => resumed(snapshot, opened, session, place.host, now),
                Err(NoSession::Unavailable) => Found::Unavailable(opened),
                Err(NoSession::Over(reason)) => {
                    Found::Refused(Refused { reason, has_ended: false, slot, presented })
                }
            }
        }
    }
}

fn refused(reason: SessionRefused, slot: SessionSlot, presented: Presented) -> Found {
    let has_ended = matches!(reason, SessionRefused::IdleEnded | SessionRefused::Ended);
    Found::Refused(Refused { reason: reason.slug(), has_ended, slot, presented })
}

fn resumed(
    snapshot: &Snapshot,
    opened: OpenedTicket,
    session: Arc<Session>,
    host: &str,
    now: SystemTime,
) -> Found {
    let session = Arc::unwrap_or_clone(session);
    match snapshot.sessions.resume(opened, session, now) {
        Ok(resumed) => Found::Session(moved(snapshot, host, resumed)),
        Err(reason) => refused(reason, opened.slot, opened.presented),
    }
}

/// A session that is not where the configuration wants it is written anew.
fn moved(snapshot: &Snapshot, host: &str, opened: OpenedSession) -> OpenedSession {
    let is_elsewhere = opened.is_stored != snapshot.keeps_sessions()
        || opened.slot != snapshot.shared_hosts.slot(host, &opened.session.identity.provider);
    OpenedSession { reseal: opened.reseal || is_elsewhere, ..opened }
}

enum NoSession {
    Over(&'static str),
    Unavailable,
}

async fn by_ticket(
    gateway: &Gateway,
    snapshot: &Snapshot,
    ticket: Ticket,
) -> Result<Arc<Session>, NoSession> {
    let Some(running) = &snapshot.store else { return Err(NoSession::Over("session_store_removed")) };
    let copy = gateway.copies().get(ticket.id);
    match running.store.current(ticket.id).await {
        Ok(Current::Session(value)) => {
            let stored = snapshot.sessions.open_from_store(ticket.id, &value);
            let stored = stored.ok_or(NoSession::Over("session_malformed"))?;
            // What this node landed while the store did not hear it.
            if let Some(newer) = copy.filter(|copy| copy.generation > stored.generation) {
                written::restore(snapshot, &newer);
                return Ok(newer);
            }
            gateway.copies().put(&stored);
            Ok(Arc::new(stored))
        }
        Ok(Current::Ended) => {
            gateway.copies().forget(ticket.id);
            Err(NoSession::Over("session_signed_out"))
        }
        // The store lost its memory. What ended meanwhile is known by the endings, which every node keeps.
        Ok(Current::Nothing) => match copy {
            Some(copy) => {
                written::restore(snapshot, &copy);
                Ok(copy)
            }
            None if is_being_told(&running.store) => Err(NoSession::Unavailable),
            None => Err(NoSession::Over("session_not_in_store")),
        },
        Err(failed) => from_copy(copy, failed),
    }
}

/// Whether the store has forgotten everything a moment ago, so that other nodes may still give back what they know.
fn is_being_told(store: &SharedStore) -> bool {
    store.memory_began().is_some_and(|began| SystemTime::now() < began + TELLING)
}

fn from_copy(copy: Option<Arc<Session>>, failed: StoreFailed) -> Result<Arc<Session>, NoSession> {
    tracing::debug!(reason = failed.slug(), "a session could not be looked up in the store");
    copy.ok_or(NoSession::Unavailable)
}
