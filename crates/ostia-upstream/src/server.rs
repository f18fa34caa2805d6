//! One server of a group.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use ostia_config::{Name, upstream as config};
use pingora_core::upstreams::peer::HttpPeer;

use crate::health::{Changed, Health, HealthRecord};
use crate::peer;

/// A server as metrics and `status` show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its weight.
    pub weight: u16,
    /// Used only when no other server is healthy.
    pub backup: bool,
    /// Its health.
    pub health: Health,
    /// Requests in flight.
    pub in_flight: u32,
    /// Requests that were sent there since the process knows the server.
    pub requests: u64,
    /// Connections that could not be made.
    pub connect_failures: u64,
}

/// What a server carries; shared by every configuration that names its address.
#[derive(Debug, Default)]
pub(crate) struct Load {
    in_flight: AtomicU32,
    requests: AtomicU64,
    connect_failures: AtomicU64,
}

/// One server: its place, its state, and the peer that every request to it starts from.
#[derive(Debug)]
pub(crate) struct Server {
    group: Name,
    pub(crate) address: SocketAddr,
    pub(crate) weight: u16,
    pub(crate) backup: bool,
    /// From how many refused connections on it is taken out; `None` without a check that could bring it back.
    fall: Option<u32>,
    pub(crate) template: HttpPeer,
    health: Arc<HealthRecord>,
    load: Arc<Load>,
    /// Requests in flight in the whole group.
    group_in_flight: Arc<AtomicU32>,
}

impl Server {
    pub(crate) fn compile(
        section: &config::Upstream,
        server: &config::Server,
        previous: Previous<'_>,
        group_in_flight: &Arc<AtomicU32>,
    ) -> Arc<Self> {
        Arc::new(Self {
            group: section.name.clone(),
            address: server.address,
            weight: server.weight.max(1),
            backup: server.backup,
            fall: section.health_check.as_ref().map(|check| check.fall),
            template: peer::template(section, server.address),
            health: previous.health().unwrap_or_default(),
            load: previous.load().unwrap_or_default(),
            group_in_flight: Arc::clone(group_in_flight),
        })
    }

    pub(crate) fn health(&self) -> Health {
        self.health.health()
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.load.in_flight.load(Relaxed)
    }

    pub(crate) fn begin(&self) {
        self.load.in_flight.fetch_add(1, Relaxed);
        self.load.requests.fetch_add(1, Relaxed);
        self.group_in_flight.fetch_add(1, Relaxed);
    }

    pub(crate) fn end(&self) {
        self.load.in_flight.fetch_sub(1, Relaxed);
        self.group_in_flight.fetch_sub(1, Relaxed);
    }

    pub(crate) fn refused_connection(&self) {
        self.load.connect_failures.fetch_add(1, Relaxed);
        if let Some(changed) = self.fall.and_then(|fall| self.health.refused(fall)) {
            self.tell(changed, "connections of requests failed");
        }
    }

    pub(crate) fn connected(&self) {
        self.health.connected();
    }

    pub(crate) fn checked(&self, outcome: Result<(), String>, rise: u32, fall: u32) {
        let Some(changed) = self.health.checked(outcome.is_ok(), rise, fall) else { return };
        self.tell(changed, outcome.err().as_deref().unwrap_or("check passed"));
    }

    fn tell(&self, Changed { from, to }: Changed, why: &str) {
        let (from, to) = (from.slug(), to.slug());
        tracing::info!(upstream = %self.group, server = %self.address, from, to, why, "server health changed");
    }

    pub(crate) fn state(&self) -> ServerState {
        ServerState {
            address: self.address,
            weight: self.weight,
            backup: self.backup,
            health: self.health(),
            in_flight: self.in_flight(),
            requests: self.load.requests.load(Relaxed),
            connect_failures: self.load.connect_failures.load(Relaxed),
        }
    }
}

/// The same address in the configuration before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Previous<'a> {
    pub(crate) server: Option<&'a Server>,
    /// Whether it was checked in the same way; otherwise what was learnt of it says nothing now.
    pub(crate) has_same_check: bool,
}

impl Previous<'_> {
    fn health(self) -> Option<Arc<HealthRecord>> {
        self.server.filter(|_| self.has_same_check).map(|server| Arc::clone(&server.health))
    }

    fn load(self) -> Option<Arc<Load>> {
        self.server.map(|server| Arc::clone(&server.load))
    }
}
