//! What runs and how each server stands: the answer of `/status`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ostia_config::Name;
use ostia_config::upstream::{Mode, ServerAddress};
use ostia_listener::Listener;
use ostia_telemetry::rfc3339;
use ostia_upstream::{DiscoveryLog, Group, OrderRefused, ServerStatus};
use serde::{Deserialize, Serialize};

use crate::readiness::Readiness;
use crate::snapshot::Snapshot;

/// The answer of `/status`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The version of the program.
    pub ostia: &'static str,
    /// The process.
    pub pid: u32,
    /// The hash of the configuration in force.
    pub config_hash: String,
    /// Whether requests should come here, and what is known of providers.
    pub readiness: Readiness,
    /// Open connections by listener.
    pub listeners: BTreeMap<String, ListenerStatus>,
    /// The groups of servers by name.
    pub upstreams: BTreeMap<String, UpstreamStatus>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListenerStatus {
    /// Open connections.
    pub connections: usize,
    /// Connections since the start.
    pub accepted: u64,
}

/// A group of servers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UpstreamStatus {
    /// How a server is chosen.
    pub balance: &'static str,
    /// Requests that wait for a place.
    pub pending: u32,
    /// HTTP/1.1 connections to its servers that stand, in use or not.
    pub connections: u64,
    /// How its servers are looked for; absent where they are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery: Option<DiscoveryStatus>,
    /// Its servers, in the order of the configuration; those that left and drain come last.
    pub servers: Vec<OneServer>,
}

/// How the servers of a group are looked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiscoveryStatus {
    /// Lookups that found servers.
    pub succeeded: u64,
    /// Lookups that found none; the servers of before stayed.
    pub failed: u64,
    /// When it was looked last (RFC 3339); absent before the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// What went wrong then; absent when nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OneServer {
    /// Where it listens.
    pub address: String,
    /// `serving`, `starting`, `unchecked`, `unhealthy`, `refusing`, `ejected`, `draining`, `drained`, `maintenance`,
    /// `unweighted`.
    pub state: &'static str,
    /// Why it does not serve; absent when it does.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Since when (RFC 3339).
    pub since: String,
    /// How long it will be so, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_in_seconds: Option<f64>,
    /// Its weight.
    pub weight: u16,
    /// Whether it is a backup.
    pub backup: bool,
    /// Its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whether it left the set of servers and drains.
    pub removed: bool,
    /// Its health by its checks: `unknown`, `healthy`, `unhealthy`, `refusing`.
    pub health: &'static str,
    /// Its last check; absent before the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_check: Option<OneCheck>,
    /// Requests in flight.
    pub in_flight: u32,
    /// Requests since the process knows it.
    pub requests: u64,
    /// Of these, failed by its fault.
    pub failures: u64,
    /// Connections that could not be made.
    pub connect_failures: u64,
    /// How often it was ejected.
    pub ejections: u64,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OneCheck {
    /// When it ended (RFC 3339).
    pub at: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

impl Status {
    pub(crate) fn of(
        snapshot: &Snapshot,
        readiness: Readiness,
        listeners: &BTreeMap<Name, Arc<Listener>>,
    ) -> Self {
        let listener = |listener: &Listener| ListenerStatus {
            connections: listener.active(),
            accepted: listener.counters().accepted(),
        };
        Self {
            ostia: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            config_hash: snapshot.config.hash.clone(),
            readiness,
            listeners: listeners.iter().map(|(name, one)| (name.to_string(), listener(one))).collect(),
            upstreams: snapshot
                .groups
                .iter()
                .map(|(name, running)| (name.to_string(), UpstreamStatus::of(&running.group)))
                .collect(),
        }
    }
}

impl UpstreamStatus {
    fn of(group: &Group) -> Self {
        Self {
            balance: group.config().balance.word(),
            pending: group.pending(),
            connections: group.connections().open(),
            discovery: group.config().discovery.is_some().then(|| group.discovery().into()),
            servers: group.servers().into_iter().map(OneServer::from).collect(),
        }
    }
}

impl From<&DiscoveryLog> for DiscoveryStatus {
    fn from(log: &DiscoveryLog) -> Self {
        let (at, outcome) = log.last().unzip();
        Self {
            succeeded: log.succeeded(),
            failed: log.failed(),
            last: at.map(rfc3339),
            why: outcome.and_then(Result::err),
        }
    }
}

impl From<ServerStatus> for OneServer {
    fn from(server: ServerStatus) -> Self {
        let last_check = server.last_check.map(|check| OneCheck {
            at: rfc3339(check.at),
            why: (!check.passed).then_some(check.why),
            passed: check.passed,
            seconds: check.took.as_secs_f64(),
        });
        Self {
            address: server.address.to_string(),
            state: server.standing.slug(),
            why: server.why,
            since: rfc3339(server.since),
            ends_in_seconds: server.ends_in.as_ref().map(Duration::as_secs_f64),
            weight: server.weight,
            backup: server.backup,
            zone: server.zone.map(|zone| zone.to_string()),
            removed: server.is_removed,
            health: server.health.slug(),
            last_check,
            in_flight: server.in_flight,
            requests: server.requests,
            failures: server.failures,
            connect_failures: server.connect_failures,
            ejections: server.ejections,
        }
    }
}

/// An order for a server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The upstream.
    pub upstream: String,
    /// The server, as its address is shown.
    pub server: String,
    /// What for.
    pub order: OrderWord,
}

/// What a server is ordered to do.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum OrderWord {
    /// Serve.
    Ready,
    /// Finish.
    Drain,
    /// Rest.
    Maint,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderFailed {
    /// No upstream has this name.
    #[error("there is no upstream `{name}`; there are: {known}")]
    NoSuchUpstream {
        /// The name.
        name: String,
        /// Those that are.
        known: String,
    },
    /// The address cannot be read.
    #[error("`{0}` is no address of a server: `10.0.0.1:8080`, `[::1]:8080` or `unix:/run/app.sock`")]
    NoAddress(String),
    /// The group has no such server.
    #[error("upstream `{upstream}`: {source}; there are: {known}")]
    NoSuchServer {
        /// The upstream.
        upstream: String,
        /// What was refused.
        source: OrderRefused,
        /// The servers that are.
        known: String,
    },
}

impl OrderFailed {
    /// The word for programs.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NoSuchUpstream { .. } => "no_such_upstream",
            Self::NoAddress(_) => "no_address",
            Self::NoSuchServer { .. } => "no_such_server",
        }
    }
}

/// Carries out an order.
pub(crate) fn order(snapshot: &Snapshot, order: &Order) -> Result<OneServer, OrderFailed> {
    let list = |words: Vec<String>| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    let running =
        snapshot.groups.get(order.upstream.as_str()).ok_or_else(|| OrderFailed::NoSuchUpstream {
            name: order.upstream.clone(),
            known: list(snapshot.groups.keys().map(ToString::to_string).collect()),
        })?;
    let address: ServerAddress =
        order.server.parse().map_err(|_| OrderFailed::NoAddress(order.server.clone()))?;
    let mode = match order.order {
        OrderWord::Ready => Mode::Ready,
        OrderWord::Drain => Mode::Drain,
        OrderWord::Maint => Mode::Maint,
    };
    let ordered = running.group.order(&address, mode).map_err(|source| OrderFailed::NoSuchServer {
        upstream: order.upstream.clone(),
        source,
        known: list(running.group.servers().iter().map(|server| server.address.to_string()).collect()),
    })?;
    Ok(ordered.into())
}
