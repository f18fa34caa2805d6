//! Servers that are found while Ostia runs: by DNS, or in a file that is watched.
//!
//! What was found last stays in force while a lookup fails or finds nothing: a name server that is down takes no server
//! out. A server that is found no more drains, as one that the operator drains.

mod dns;
mod file;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use ostia_config::upstream::{Discovery, Server, Source};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::group::Group;

/// More than any group; what is beyond is not used, and that is told.
const MOST_SERVERS: usize = 4096;
/// How often a file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// After failures in a row a lookup is tried again after `min_refresh`, twice that, and so on, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LookupFailed {
    /// No name server answered in time.
    #[error("no name server answered in time")]
    TimedOut,
    /// There are no such records.
    #[error("the name has no records of this kind")]
    NoRecords,
    /// The name server refused, or the answer was none.
    #[error("the lookup failed: {0}")]
    Failed(String),
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// The file is no list of servers.
    #[error("the file is no list of servers: {0}")]
    NotAList(String),
    /// No server is left.
    #[error("it names no server")]
    Empty,
}

impl LookupFailed {
    /// The reason in logs and metrics.
    pub(crate) fn slug(&self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::NoRecords => "no_records",
            Self::Failed(_) => "failed",
            Self::Unreadable(_) => "unreadable",
            Self::NotAList(_) => "not_a_list",
            Self::Empty => "empty",
        }
    }
}

/// What was found.
#[derive(Debug, PartialEq)]
struct Found {
    servers: Vec<Server>,
    /// How long the answer is good for.
    valid_for: Duration,
}

/// What is known of the discovery of a group.
#[derive(Debug, Default)]
pub struct DiscoveryLog {
    succeeded: AtomicU64,
    failed: AtomicU64,
    changed: AtomicU64,
    last: Mutex<Option<(SystemTime, Result<(), String>)>>,
}

impl DiscoveryLog {
    /// Lookups that found servers.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.succeeded.load(Relaxed)
    }

    /// Lookups that found nothing; the servers stayed as they were.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Lookups after which the servers were others.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.changed.load(Relaxed)
    }

    /// When it was looked last, and what went wrong then.
    #[must_use]
    pub fn last(&self) -> Option<(SystemTime, Result<(), String>)> {
        self.last.lock().clone()
    }

    fn tell(&self, outcome: Result<(), String>) {
        if outcome.is_ok() { &self.succeeded } else { &self.failed }.fetch_add(1, Relaxed);
        *self.last.lock() = Some((SystemTime::now(), outcome));
    }
}

/// Owner of a group's discovery: it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct DiscoveryTask(JoinHandle<()>);

impl Drop for DiscoveryTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl DiscoveryTask {
    /// Looks for servers at once, and again as the TTL and the configuration say. Runs in the tokio runtime that it is
    /// called in. `None` for a group with a list of servers.
    pub(crate) fn start(group: &Arc<Group>) -> Option<Self> {
        let discovery = group.config().discovery.clone()?;
        Some(Self(tokio::spawn(keep_looking(Arc::clone(group), discovery))))
    }
}

async fn keep_looking(group: Arc<Group>, discovery: Discovery) {
    let mut finder = match Finder::new(&discovery) {
        Ok(finder) => finder,
        Err(failed) => {
            tracing::error!(upstream = %group.config().name, reason = failed.slug(), %failed, "servers cannot be looked up");
            group.discovery().tell(Err(failed.to_string()));
            return;
        }
    };
    let mut failures = 0_u32;
    loop {
        let pause = match finder.find().await {
            Ok(None) => LOOK,
            Ok(Some(found)) => {
                failures = 0;
                let pause = found.valid_for.clamp(discovery.min_refresh, discovery.max_refresh);
                take(&group, &discovery.source, found.servers).await;
                pause
            }
            Err(failed) => {
                if failures == 0 {
                    let reason = failed.slug();
                    tracing::warn!(upstream = %group.config().name, reason, %failed, "no servers found, the last ones stay");
                }
                group.discovery().tell(Err(failed.to_string()));
                failures = failures.saturating_add(1);
                pause_after(failures, &discovery)
            }
        };
        let pause = if matches!(discovery.source, Source::File { .. }) { LOOK } else { shaken(pause) };
        sleep(pause).await;
    }
}

/// Never longer than a lookup that succeeds would wait at most.
fn pause_after(failures: u32, discovery: &Discovery) -> Duration {
    let pause = discovery.min_refresh.saturating_mul(1 << failures.saturating_sub(1).min(16));
    pause.min(LONGEST_PAUSE.max(discovery.min_refresh)).min(discovery.max_refresh)
}

/// Up to a tenth later: so many nodes do not ask at the same moment.
fn shaken(pause: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let share = (RandomState::new().hash_one(0) % 1001) as f64 / 10_000.0;
    pause.mul_f64(1.0 + share)
}

async fn take(group: &Arc<Group>, source: &Source, mut servers: Vec<Server>) {
    if servers.len() > MOST_SERVERS {
        tracing::warn!(upstream = %group.config().name, found = servers.len(), used = MOST_SERVERS, "too many servers found");
        servers.truncate(MOST_SERVERS);
    }
    let count = servers.len();
    let began = Instant::now();
    let (taker, source) = (Arc::clone(group), source.clone());
    // A large ring takes its time.
    let is_other = tokio::task::spawn_blocking(move || taker.take_found(&source, servers)).await;
    if is_other.unwrap_or(false) {
        group.discovery().changed.fetch_add(1, Relaxed);
        tracing::info!(upstream = %group.config().name, servers = count, took = ?began.elapsed(), "servers found");
    }
    group.discovery().tell(Ok(()));
}

enum Finder {
    Dns(Box<dns::Lookup>),
    File(file::Watch),
}

impl Finder {
    fn new(discovery: &Discovery) -> Result<Self, LookupFailed> {
        Ok(match &discovery.source {
            Source::File { path } => Self::File(file::Watch::new(path.clone())),
            source => Self::Dns(Box::new(dns::Lookup::new(source, &discovery.nameservers)?)),
        })
    }

    /// `None`: nothing new.
    async fn find(&mut self) -> Result<Option<Found>, LookupFailed> {
        match self {
            Self::Dns(lookup) => lookup.find().await.map(Some),
            Self::File(watch) => watch.find().await,
        }
    }
}

#[cfg(test)]
mod tests;
