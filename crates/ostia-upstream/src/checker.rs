//! Health checks as they run: one task for each address and way of asking, whatever number of upstreams want to know.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Weak};
use std::time::Duration;

use ostia_config::upstream::{HealthCheck as Section, ServerAddress};
use ostia_config::{Name, Upstream};
use parking_lot::Mutex;
use pingora_core::upstreams::peer::HttpPeer;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::check::Check;
use crate::health::{Changed, Health, HealthRecord, Told};
use crate::peer;
use crate::registry::Changes;

/// The checks that somebody uses.
#[derive(Debug, Default)]
pub(crate) struct Checks(Mutex<HashMap<Question, Weak<SharedCheck>>>);

/// What makes two checks the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    address: ServerAddress,
    section: Section,
    /// How the address is reached: TLS, protocol.
    way: u64,
}

impl Question {
    /// Whether the same is asked, though perhaps at another pace.
    fn asks_as(&self, other: &Self) -> bool {
        let asked = |question: &Self| (question.section.ask.clone(), question.section.port);
        self.address == other.address && self.way == other.way && asked(self) == asked(other)
    }
}

/// The check of one address in one way; it stops with its last user.
#[derive(Debug)]
pub(crate) struct SharedCheck {
    question: Question,
    check: Check,
    /// The upstream that was the first to ask.
    upstream: Name,
    record: HealthRecord,
    changes: Arc<Changes>,
    task: Mutex<Option<AbortHandle>>,
}

impl Checks {
    /// The check of an address, reached as `template` says. One that asks the same at another pace hands its health on.
    pub(crate) fn find(
        &self,
        upstream: &Upstream,
        address: &ServerAddress,
        section: &Section,
        template: &HttpPeer,
        changes: &Arc<Changes>,
    ) -> Arc<SharedCheck> {
        let way = peer::way(template);
        let question = Question { address: address.clone(), section: section.clone(), way };
        let mut checks = self.0.lock();
        if let Some(known) = checks.get(&question).and_then(Weak::upgrade) {
            return known;
        }
        let like = checks.iter().filter(|(known, _)| known.asks_as(&question));
        let before = like.filter_map(|(_, check)| check.upgrade()).next();
        checks.retain(|_, check| check.strong_count() > 0);
        let check = Arc::new(SharedCheck {
            check: Check::new(section, template, address.to_string()),
            question: question.clone(),
            upstream: upstream.name.clone(),
            record: before.map(|before| before.record.copied()).unwrap_or_default(),
            changes: Arc::clone(changes),
            task: Mutex::default(),
        });
        checks.insert(question, Arc::downgrade(&check));
        check
    }
}

impl SharedCheck {
    /// Begins to check, unless it does already. Runs in the tokio runtime that it is called in.
    pub(crate) fn start(self: &Arc<Self>) {
        let spawn = || tokio::spawn(repeat(Arc::downgrade(self), self.check.clone())).abort_handle();
        self.task.lock().get_or_insert_with(spawn);
    }

    pub(crate) fn health(&self) -> Health {
        self.record.health()
    }

    pub(crate) fn told(&self) -> Told {
        self.record.told()
    }

    /// Whether a server serves before it was checked.
    pub(crate) fn serves_unchecked(&self) -> bool {
        !self.question.section.waits_for_check
    }

    /// Until the next check: quick while something is about to change, at its own pace where the server is down.
    fn pace(&self) -> Duration {
        let section = &self.question.section;
        match self.health() {
            _ if self.record.is_changing() => section.fast_interval,
            Health::Unhealthy | Health::Refusing => section.down_interval,
            Health::Unknown | Health::Healthy => section.interval,
        }
    }

    /// A connection of a request failed.
    pub(crate) fn refused(&self) {
        self.tell(self.record.refused(self.question.section.fall), "connections of requests failed");
    }

    /// A connection of a request worked.
    pub(crate) fn connected(&self) {
        self.record.connected();
    }

    pub(crate) fn checked(&self, outcome: Result<(), String>, took: Duration) {
        let Section { rise, fall, .. } = self.question.section;
        let changed = self.record.checked(outcome.is_ok(), rise, fall);
        let why = outcome.as_ref().err().map_or("check passed", String::as_str);
        self.record.note(outcome.is_ok(), why, took);
        self.tell(changed, why);
    }

    fn tell(&self, changed: Option<Changed>, why: &str) {
        let Some(Changed { from, to }) = changed else { return };
        self.record.note_change(why);
        self.changes.happened();
        let (from, to) = (from.slug(), to.slug());
        let Self { upstream, question, .. } = self;
        tracing::info!(%upstream, server = %question.address, from, to, why, "server health changed");
    }
}

impl Drop for SharedCheck {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

async fn repeat(shared: Weak<SharedCheck>, check: Check) {
    loop {
        let began = tokio::time::Instant::now();
        let outcome = check.run().await;
        let Some(shared) = shared.upgrade() else { return };
        if let Some(outcome) = outcome {
            shared.checked(outcome, began.elapsed());
        }
        let pace = shared.pace();
        drop(shared);
        sleep(shaken(pace, random())).await;
    }
}

/// The interval, up to a tenth shorter or longer: so the checks of many servers and nodes do not march in step.
fn shaken(interval: Duration, random: u64) -> Duration {
    let share = (random % 2001) as f64 / 10_000.0;
    interval.mul_f64(0.9 + share)
}

/// Good enough for a pace: the seed of a new hash map.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_shaken_by_a_tenth_at_most() {
        let interval = Duration::from_secs(5);
        assert_eq!(shaken(interval, 0), Duration::from_millis(4500));
        assert_eq!(shaken(interval, 1000), interval);
        assert_eq!(shaken(interval, 2000), Duration::from_millis(5500));
        assert!((0..100).map(|_| random()).collect::<std::collections::BTreeSet<_>>().len() > 90);
    }
}
