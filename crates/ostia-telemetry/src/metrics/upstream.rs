//! What is counted of upstreams and their servers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use ostia_config::upstream::ServerAddress;

use super::label::{self, CLASSES, OTHER};
use super::locked::{read, write};
use super::shard::{Count, Durations, Observed, Sharded};

/// How affinity came out: at the server of before; at another one, because that of before is not there; new.
const AFFINITIES: [&str; 4] = ["kept", "moved", "new", OTHER];

/// The counters of an upstream. Held by its compiled state.
#[derive(Debug, Default)]
pub struct UpstreamMetrics {
    durations: Sharded<Durations>,
    affinity: [Count; AFFINITIES.len()],
    servers: RwLock<BTreeMap<ServerAddress, Arc<ServerMetrics>>>,
}

/// The counters of a server.
#[derive(Debug, Default)]
pub struct ServerMetrics {
    answers: [Count; CLASSES.len()],
    /// 0: nobody has said anything yet; 1: no; 2: yes.
    healthy: AtomicU8,
}

impl UpstreamMetrics {
    /// The counters of a server; to be held, not looked up per request.
    pub fn server(&self, address: &ServerAddress) -> Arc<ServerMetrics> {
        if let Some(server) = read(&self.servers).get(address) {
            return Arc::clone(server);
        }
        Arc::clone(write(&self.servers).entry(address.clone()).or_default())
    }

    /// Counts and times an exchange with a server; `status` is `None` where no answer came.
    pub fn answered(&self, server: &ServerAddress, status: Option<u16>, took: Duration) {
        self.server(server).answered(status);
        if let Some(durations) = self.durations.own() {
            durations.observe(took);
        }
    }

    /// Counts how affinity came out: `kept`, `moved`, `new`.
    pub fn affinity(&self, outcome: &str) {
        let place = AFFINITIES.iter().position(|known| *known == outcome).unwrap_or(AFFINITIES.len() - 1);
        if let Some(count) = self.affinity.get(place) {
            count.one_more();
        }
    }

    pub(crate) fn durations(&self) -> Observed {
        let mut sum = Observed::default();
        self.durations.iter().for_each(|durations| sum.add(durations));
        sum
    }

    pub(crate) fn affinities(&self) -> impl Iterator<Item = (&'static str, u64)> {
        AFFINITIES.into_iter().zip(&self.affinity).map(|(outcome, count)| (outcome, count.sum()))
    }

    pub(crate) fn servers(&self) -> Vec<(String, Arc<ServerMetrics>)> {
        read(&self.servers)
            .iter()
            .map(|(address, server)| (address.to_string(), Arc::clone(server)))
            .collect()
    }

    pub(crate) fn retain_servers(&self, keep: impl Fn(&ServerAddress) -> bool) {
        write(&self.servers).retain(|address, _| keep(address));
    }
}

impl ServerMetrics {
    /// Counts an answer by its status; `None` where there was none.
    pub fn answered(&self, status: Option<u16>) {
        if let Some(count) = self.answers.get(label::class(status)) {
            count.one_more();
        }
    }

    /// Tells whether it passes its health checks.
    pub fn set_healthy(&self, is_healthy: bool) {
        self.healthy.store(1 + u8::from(is_healthy), Ordering::Relaxed);
    }

    /// Counts by class, without those that are 0.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES
            .into_iter()
            .zip(&self.answers)
            .map(|(class, count)| (class, count.sum()))
            .filter(|(_, sum)| *sum > 0)
    }

    pub(crate) fn healthy(&self) -> Option<bool> {
        match self.healthy.load(Ordering::Relaxed) {
            0 => None,
            said => Some(said == 2),
        }
    }
}
