//! Groups of servers: selection, affinity, health.

use std::net::SocketAddr;
use std::sync::Arc;

use ostia_config as config;
use pingora_core::upstreams::peer::HttpPeer;

/// A compiled group of servers.
#[derive(Debug)]
pub struct Group {
    config: Arc<config::Upstream>,
}

impl Group {
    /// Compiles a group; the state of servers that `previous` knew under the same address and check is kept.
    #[must_use]
    pub fn compile(config: Arc<config::Upstream>, _previous: Option<&Self>) -> Arc<Self> {
        Arc::new(Self { config })
    }

    /// The section it was compiled from.
    #[must_use]
    pub fn config(&self) -> &Arc<config::Upstream> {
        &self.config
    }

    /// Starts the active health checks; they end when the guard is dropped.
    #[must_use]
    pub fn start_health(self: &Arc<Self>) -> HealthTask {
        HealthTask {}
    }

    /// Chooses a server that was not tried yet; `None` when none is left.
    #[must_use]
    pub fn pick(&self, _affinity_key: Option<&[u8]>, _tried: &Tried) -> Option<Picked> {
        None
    }

    /// The peer for Pingora of a picked server.
    #[must_use]
    pub fn peer(&self, _picked: &Picked) -> Box<HttpPeer> {
        Box::new(HttpPeer::new("127.0.0.1:0", false, String::new()))
    }

    /// Every server with its state now.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerState> {
        Vec::new()
    }
}

/// Owner of a group's health checks: they stop when it is dropped.
#[derive(Debug)]
pub struct HealthTask {}

/// The servers that a request has been sent to already.
#[derive(Clone, Debug, Default)]
pub struct Tried {}

impl Tried {
    /// Remembers a server, so that the next pick takes another.
    pub fn insert(&mut self, _picked: &Picked) {}
}

/// A chosen server; the request counts as in flight there until this is dropped.
#[derive(Debug)]
pub struct Picked {}

impl Picked {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    /// Its place in [`Group::servers`].
    #[must_use]
    pub fn index(&self) -> usize {
        0
    }

    /// What became of the affinity; `None` when the group does not hash.
    #[must_use]
    pub fn affinity(&self) -> Option<AffinityOutcome> {
        None
    }

    /// Counts a connect failure against the server.
    pub fn failed_to_connect(&self) {}

    /// Counts an answer: the failures in a row are forgotten.
    pub fn answered(&self) {}
}

/// What became of the affinity of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AffinityOutcome {
    /// The key's own server serves it.
    Kept,
    /// The key's own server is down, full or was tried: another one serves it.
    Moved,
    /// The request brought no key.
    New,
}

/// A server as metrics and `status` show it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerState {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its weight.
    pub weight: u16,
    /// Used only when no primary is healthy.
    pub backup: bool,
    /// Its health.
    pub health: Health,
    /// Requests in flight.
    pub in_flight: u32,
}

/// The health of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Not checked yet, or no check is configured: it serves.
    Unknown,
    /// It passed `rise` checks in a row.
    Healthy,
    /// It failed `fall` checks in a row, or refused connections again and again.
    Unhealthy,
}
