//! A server as `status` and the metrics show it.

use std::time::{Duration, Instant, SystemTime};

use ostia_config::Name;
use ostia_config::upstream::{Mode, ServerAddress};

use crate::health::{Health, LastCheck};
use crate::server::Server;

/// Whether a server takes requests, and if not, what keeps them away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It takes its share.
    Serving,
    /// It has just come back and takes a growing part of its share.
    Starting,
    /// It was not checked yet, and waits for that (`health_check.until_checked: wait`).
    Unchecked,
    /// It failed its checks.
    Unhealthy,
    /// It refused connections of requests; the next check that it passes brings it back.
    Refusing,
    /// Requests failed there too often; it comes back by itself.
    Ejected,
    /// It finishes: old sessions come back to it, new ones do not.
    Draining,
    /// Its drain is over: nothing new goes there.
    Drained,
    /// The operator keeps every new request away.
    Maintenance,
    /// Its weight is 0.
    Unweighted,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Serving,
        Self::Starting,
        Self::Unchecked,
        Self::Unhealthy,
        Self::Refusing,
        Self::Ejected,
        Self::Draining,
        Self::Drained,
        Self::Maintenance,
        Self::Unweighted,
    ];

    /// The word in metrics, logs and `status`.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Starting => "starting",
            Self::Unchecked => "unchecked",
            Self::Unhealthy => "unhealthy",
            Self::Refusing => "refusing",
            Self::Ejected => "ejected",
            Self::Draining => "draining",
            Self::Drained => "drained",
            Self::Maintenance => "maintenance",
            Self::Unweighted => "unweighted",
        }
    }

    /// Whether new requests go there.
    #[must_use]
    pub fn serves(self) -> bool {
        matches!(self, Self::Serving | Self::Starting)
    }
}

/// A server as `status` and the metrics show it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerStatus {
    /// Where it listens.
    pub address: ServerAddress,
    /// Its weight.
    pub weight: u16,
    /// Used only when no other server is healthy.
    pub backup: bool,
    /// Its zone.
    pub zone: Option<Name>,
    /// Whether it takes requests.
    pub standing: Standing,
    /// Why it does not, in words; empty when there is nothing to say.
    pub why: String,
    /// Since when it stands so.
    pub since: SystemTime,
    /// How long it will, where that is known: an ejection, a drain, a slow start.
    pub ends_in: Option<Duration>,
    /// Whether the set of servers does not hold it any more.
    pub is_removed: bool,
    /// Its health by its checks.
    pub health: Health,
    /// Its last check.
    pub last_check: Option<LastCheck>,
    /// Requests in flight.
    pub in_flight: u32,
    /// Requests that were sent there since the process knows the server.
    pub requests: u64,
    /// Requests that failed there by its fault.
    pub failures: u64,
    /// Connections that could not be made.
    pub connect_failures: u64,
    /// How often it was ejected.
    pub ejections: u64,
}

impl ServerStatus {
    pub(crate) fn of(server: &Server, now: Instant) -> Self {
        let orders = server.state.orders(now);
        let health = server.health();
        let checked = server.check.as_ref().map(|check| check.told());
        let is_ejected = orders.ejected_since.is_some();
        let standing = match (orders.mode, health) {
            _ if orders.is_drained => Standing::Drained,
            (Mode::Maint, _) => Standing::Maintenance,
            (Mode::Drain, _) => Standing::Draining,
            (Mode::Ready, _) if orders.is_removed => Standing::Draining,
            (_, Health::Unhealthy) => Standing::Unhealthy,
            (_, Health::Refusing) => Standing::Refusing,
            _ if is_ejected => Standing::Ejected,
            (_, Health::Unknown) if !server.is_fit() => Standing::Unchecked,
            _ if server.weight == 0 => Standing::Unweighted,
            _ if orders.is_slow => Standing::Starting,
            _ => Standing::Serving,
        };
        let why = match standing {
            Standing::Draining | Standing::Drained if orders.is_removed => {
                "left the set of servers".to_owned()
            }
            Standing::Draining | Standing::Drained | Standing::Maintenance => "ordered".to_owned(),
            Standing::Unhealthy | Standing::Refusing => {
                checked.as_ref().map(|told| told.why.clone()).unwrap_or_default()
            }
            Standing::Ejected => orders.last_failure.unwrap_or_default().to_owned(),
            Standing::Unchecked => "waits for its first checks".to_owned(),
            Standing::Unweighted => "its weight is 0".to_owned(),
            Standing::Serving | Standing::Starting => String::new(),
        };
        let since = match standing {
            Standing::Ejected => orders.ejected_since.unwrap_or(orders.since),
            Standing::Draining | Standing::Drained | Standing::Maintenance | Standing::Unweighted => {
                orders.since
            }
            _ => checked.as_ref().map_or(orders.since, |told| told.since.max(orders.since)),
        };
        Self {
            address: server.address.clone(),
            weight: server.weight,
            backup: server.backup,
            zone: server.zone.clone(),
            standing,
            why,
            since,
            ends_in: orders.ends_in,
            is_removed: orders.is_removed,
            health,
            last_check: checked.and_then(|told| told.last),
            in_flight: server.state.in_flight(),
            requests: server.state.requests(),
            failures: server.state.failures(),
            connect_failures: server.state.connect_failures(),
            ejections: orders.ejections,
        }
    }
}
