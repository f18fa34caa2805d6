//! Where it is written down who refreshes what: in this process, or in the store that all nodes share.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use ostia_oidc::RefreshFlights;
use ostia_session::{
    Came, Holder, LocalRefreshes, RefreshAttempt, Session, SharedStore, StoreFailed, StoreTaken, Taken,
};

use super::Landing;
use crate::gateway::Gateway;
use crate::snapshot::Snapshot;

/// The store's memory counts only from this long after it began: by then no call is in flight any more that a store
/// before it knew of.
const SETTLED: Duration = Duration::from_secs(60);

/// The refreshes of this process: in flight, lately landed, and what is remembered of them.
#[derive(Default)]
pub struct Refreshes {
    flights: RefreshFlights<Landing>,
    local: LocalRefreshes<Arc<Session>>,
}

impl Refreshes {
    /// In flight, and landed a moment ago.
    #[must_use]
    pub fn flights(&self) -> &RefreshFlights<Landing> {
        &self.flights
    }

    /// Sessions of which it is remembered what was refreshed, without a store.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.local.len()
    }
}

/// The entry of one session, for one attempt.
pub(super) struct Ledger<'a> {
    place: Place<'a>,
    session: &'a Session,
    attempt: RefreshAttempt,
    failed: OnceLock<&'static str>,
}

enum Place<'a> {
    Local(&'a LocalRefreshes<Arc<Session>>),
    Shared(&'a SharedStore, &'a Snapshot),
}

type Told = Came<Arc<Session>>;

impl<'a> Ledger<'a> {
    pub(super) fn new(
        gateway: &'a Gateway,
        snapshot: &'a Snapshot,
        session: &'a Session,
        holder: Holder,
    ) -> Self {
        let ends_at = session.ends_at(snapshot.sessions.lifetimes());
        let keep = ends_at.duration_since(SystemTime::now()).unwrap_or_default();
        let place = match &snapshot.store {
            Some(running) => Place::Shared(&running.store, snapshot),
            None => Place::Local(&gateway.refreshes().local),
        };
        let attempt = RefreshAttempt { session: session.id, generation: session.generation, holder, keep };
        Self { place, session, attempt, failed: OnceLock::new() }
    }

    /// How the store failed first, if it did.
    pub(super) fn failed(&self) -> Option<&&'static str> {
        self.failed.get()
    }

    pub(super) async fn take(&self, lease: Duration) -> Told {
        let RefreshAttempt { generation, holder, .. } = self.attempt;
        match &self.place {
            Place::Local(local) => {
                let lease = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
                let taken = self.locally(local, |entry, now| entry.take(generation, holder, now, lease));
                // A process that was restarted has forgotten what it spent, but it had no call in flight.
                Came::Taken { taken, is_remembered: true }
            }
            Place::Shared(store, snapshot) => match store.take(self.attempt, lease).await {
                Ok(StoreTaken { taken, memory_since }) => Came::Taken {
                    taken: self.opened(taken, snapshot),
                    is_remembered: self.session.refreshed_at > memory_since + SETTLED,
                },
                Err(failed) => self.store_failed(failed),
            },
        }
    }

    /// What was landed, opened; what does not open was landed all the same, so the old token stays where it is.
    fn opened(&self, taken: Taken<Vec<u8>>, snapshot: &Snapshot) -> Taken<Arc<Session>> {
        match taken {
            Taken::Landed(value) => match snapshot.sessions.open_from_store(self.session.id, &value) {
                Some(next) if next.generation > self.session.generation => Taken::Landed(Arc::new(next)),
                _ => Taken::Lost,
            },
            Taken::Lease { is_doubtful } => Taken::Lease { is_doubtful },
            Taken::Ended => Taken::Ended,
            Taken::Busy => Taken::Busy,
            Taken::Lost => Taken::Lost,
            Taken::Paused => Taken::Paused,
        }
    }

    pub(super) async fn spend(&self) -> Told {
        let RefreshAttempt { generation, holder, .. } = self.attempt;
        match &self.place {
            Place::Local(local) => {
                Came::Agreed(self.locally(local, |entry, now| entry.spend(generation, holder, now)))
            }
            Place::Shared(store, _) => self.agreed(store.spend(self.attempt).await),
        }
    }

    pub(super) async fn renew(&self, lease: Duration) {
        let holder = self.attempt.holder;
        match &self.place {
            Place::Local(local) => {
                let lease = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
                self.locally(local, |entry, now| entry.renew(holder, now, lease));
            }
            // A lease that is lost is lost: what was spent is not presented by anybody else.
            Place::Shared(store, _) => drop(store.renew(self.attempt, lease).await),
        }
    }

    pub(super) async fn land(&self, next: Arc<Session>) -> Told {
        let RefreshAttempt { generation, holder, .. } = self.attempt;
        match &self.place {
            Place::Local(local) => {
                Came::Agreed(self.locally(local, |entry, _| entry.land(generation, holder, next)))
            }
            Place::Shared(store, snapshot) => match snapshot.sessions.seal_for_store(&next) {
                Some(sealed) => self.agreed(store.land(self.attempt, &sealed).await),
                None => Came::StoreFailed,
            },
        }
    }

    pub(super) async fn give_back(&self, was_sent: bool, pause: Duration) -> Told {
        let RefreshAttempt { generation, holder, .. } = self.attempt;
        match &self.place {
            Place::Local(local) => {
                let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                Came::Agreed(self.locally(local, |entry, now| {
                    entry.give_back(generation, holder, was_sent, now.saturating_add(pause))
                }))
            }
            Place::Shared(store, _) => self.agreed(store.give_back(self.attempt, was_sent, pause).await),
        }
    }

    pub(super) async fn end(&self) -> Told {
        let RefreshAttempt { generation, holder, .. } = self.attempt;
        match &self.place {
            Place::Local(local) => {
                Came::Agreed(self.locally(local, |entry, _| entry.end(generation, holder)))
            }
            Place::Shared(store, _) => self.agreed(store.end(self.attempt).await),
        }
    }

    fn locally<R>(
        &self,
        local: &LocalRefreshes<Arc<Session>>,
        act: impl FnOnce(&mut ostia_session::RefreshEntry<Arc<Session>>, u64) -> R,
    ) -> R {
        let now = SystemTime::now();
        local.with(self.attempt.session, now + self.attempt.keep, now, act)
    }

    fn agreed(&self, answer: Result<bool, StoreFailed>) -> Told {
        answer.map_or_else(|failed| self.store_failed(failed), Came::Agreed)
    }

    fn store_failed(&self, failed: StoreFailed) -> Told {
        let _ = self.failed.set(failed.slug());
        tracing::debug!(reason = failed.slug(), "the session store did not help with a refresh");
        Came::StoreFailed
    }
}
