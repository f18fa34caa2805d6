//! From a session to the cookies of an answer, and into the store, where sessions are kept there.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_session::{Presented, SealRefused, SealedSession, Session, SessionId, SessionPlace, SessionSlot};

use crate::gateway::Gateway;
use crate::snapshot::Snapshot;

/// The store keeps a session that nobody uses this much longer than its idle time: its last use is told to it only
/// when a tenth of that has passed.
const SLACK: Duration = Duration::from_secs(60);

/// Where a session stands before it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    /// It is in the store.
    pub(crate) is_stored: bool,
    /// Where it was.
    pub(crate) slot: SessionSlot,
    /// The cookies that the request brought there.
    pub(crate) presented: Presented,
}

/// Writes a session for `host`. While the store does not take it, it is kept whole in its cookies, and moves later.
///
/// # Errors
/// [`SealRefused`].
pub(crate) async fn write(
    gateway: &Gateway,
    snapshot: &Snapshot,
    session: &Session,
    before: Before,
    host: &str,
    now: SystemTime,
) -> Result<SealedSession, SealRefused> {
    let slot = snapshot.shared_hosts.slot(host, &session.identity.provider);
    let place = SessionPlace { host, slot };
    let presented = if before.slot == slot { before.presented } else { Presented::ALL };
    let is_stored = snapshot.keeps_sessions() && store(gateway, snapshot, session, before, now).await;
    let mut sealed = match is_stored {
        true => snapshot.sessions.seal_ticket(session, place, presented, now)?,
        false => snapshot.sessions.seal(session, place, presented, now)?,
    };
    if before.slot != slot {
        sealed.set_cookies.extend(snapshot.sessions.leave(before.slot, before.presented));
    }
    Ok(sealed)
}

/// Whether the store has the session now.
async fn store(
    gateway: &Gateway,
    snapshot: &Snapshot,
    session: &Session,
    before: Before,
    now: SystemTime,
) -> bool {
    gateway.copies().put(session);
    if before.is_stored {
        touch(snapshot, session, now);
        return true;
    }
    begin(snapshot, session, now).await
}

/// Puts a session into the store; false when it was not heard.
pub(super) async fn begin(snapshot: &Snapshot, session: &Session, now: SystemTime) -> bool {
    let Some(running) = &snapshot.store else { return false };
    let Some(value) = snapshot.sessions.seal_for_store(session) else { return false };
    let keep = keep(snapshot, session, now);
    match running.store.begin(session.id, session.generation, &value, keep).await {
        // Not taken means that the store knows it better: it has ended there, or was refreshed.
        Ok(_) => true,
        Err(failed) => {
            tracing::debug!(
                reason = failed.slug(),
                "a session stays in its cookies: the store does not answer"
            );
            false
        }
    }
}

/// Gives a session back to a store that lost it. Nobody waits for it.
pub(super) fn restore(snapshot: &Snapshot, session: &Arc<Session>) {
    let (Some(running), Some(value)) = (&snapshot.store, snapshot.sessions.seal_for_store(session)) else {
        return;
    };
    let (store, session) = (Arc::clone(&running.store), Arc::clone(session));
    let keep = keep(snapshot, &session, SystemTime::now());
    tokio::spawn(async move {
        // Not heard: the next request of the session does it again.
        if store.begin(session.id, session.generation, &value, keep).await == Ok(true) {
            tracing::debug!("a session was given back to the store");
        }
    });
}

/// The store keeps the session from now on for as long as it may be unused. Nobody waits for it.
fn touch(snapshot: &Snapshot, session: &Session, now: SystemTime) {
    let Some(running) = &snapshot.store else { return };
    let (store, id, keep) = (Arc::clone(&running.store), session.id, keep(snapshot, session, now));
    tokio::spawn(async move { store.touch(id, keep).await });
}

/// Forgets a session that has ended, here and in the store. Nobody waits for the store.
pub(super) fn forget(
    gateway: &Gateway,
    snapshot: &Snapshot,
    id: SessionId,
    ends_at: SystemTime,
    now: SystemTime,
) {
    gateway.copies().forget(id);
    let Some(running) = snapshot.store.as_ref().filter(|_| snapshot.keeps_sessions()) else { return };
    let (store, keep) = (Arc::clone(&running.store), ends_at.duration_since(now).unwrap_or_default());
    tokio::spawn(async move { store.close(id, keep).await });
}

fn keep(snapshot: &Snapshot, session: &Session, now: SystemTime) -> Duration {
    let lifetimes = snapshot.sessions.lifetimes();
    let left = session.ends_at(lifetimes).duration_since(now).unwrap_or_default();
    left.min(lifetimes.idle + lifetimes.idle / 10 + SLACK)
}
