//! One server as a member of a group: its place, the peer that requests to it start from, and its state.

use std::sync::Arc;
use std::time::Instant;

use ostia_config::upstream::{self as config, ServerAddress};
use pingora_core::upstreams::peer::HttpPeer;

use crate::checker::SharedCheck;
use crate::health::Health;
use crate::peer::Reach;
use crate::registry::Registry;
use crate::state::{GroupState, ServerState};
use crate::wire::Line;

/// A member of a group.
#[derive(Debug)]
pub(crate) struct Server {
    section: Arc<config::Upstream>,
    pub(crate) address: ServerAddress,
    pub(crate) weight: u16,
    pub(crate) backup: bool,
    pub(crate) zone: Option<ostia_config::Name>,
    /// Servers of a lower rank are chosen first.
    pub(crate) rank: (usize, u16),
    pub(crate) template: HttpPeer,
    pub(crate) line: Arc<Line>,
    pub(crate) state: Arc<ServerState>,
    pub(crate) check: Option<Arc<SharedCheck>>,
    group: Arc<GroupState>,
}

impl Server {
    pub(crate) fn new(
        section: &Arc<config::Upstream>,
        server: &config::Server,
        group: &Arc<GroupState>,
        reach: &Reach,
        registry: &Registry,
    ) -> Self {
        let template = reach.template(&server.address);
        let check = section.health_check.as_ref();
        let check = check.map(|check| registry.check(section, &server.address, check, &template));
        let in_order = |zone| section.zones.iter().position(|known| known == zone);
        let zone = server.zone.as_ref().and_then(in_order).unwrap_or(section.zones.len());
        Self {
            address: server.address.clone(),
            weight: server.weight,
            backup: server.backup,
            zone: server.zone.clone(),
            rank: (if server.backup { section.zones.len() + 1 } else { zone }, server.priority),
            template,
            line: reach.line(&server.address, &group.lines),
            state: group.server(&server.address),
            check,
            group: Arc::clone(group),
            section: Arc::clone(section),
        }
    }

    pub(crate) fn health(&self) -> Health {
        self.check.as_ref().map_or(Health::Unknown, |check| check.health())
    }

    /// Whether its checks let it serve; one that was never checked does, unless the configuration makes it wait.
    pub(crate) fn is_fit(&self) -> bool {
        match self.health() {
            Health::Unknown => self.check.as_ref().is_none_or(|check| check.serves_unchecked()),
            health => health.serves(),
        }
    }

    /// Counts a request in flight; says how many there were before, here and in the whole group.
    pub(crate) fn begin(&self) -> (u32, u32) {
        (self.state.begin(), self.group.in_flight.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    /// Whether another request would find a place here.
    pub(crate) fn has_place(&self) -> bool {
        self.state.in_flight() < self.section.limits.connections
    }

    pub(crate) fn end(&self) {
        self.state.end();
        self.group.in_flight.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        self.group.room.free();
    }

    pub(crate) fn succeeded(&self) {
        self.state.succeeded(self.section.outlier.as_ref(), Instant::now());
        if let Some(check) = &self.check {
            check.connected();
        }
    }

    /// A connection of a request that failed.
    pub(crate) fn refused_connection(&self) {
        self.state.count_connect_failure();
        if let Some(check) = &self.check {
            check.refused();
        }
    }

    /// Counts a failure of the server; says whether there were too many now.
    pub(crate) fn failed(&self, why: &'static str, now: Instant) -> bool {
        self.state.failed(self.section.outlier.as_ref(), why, now)
    }
}
