//! A compiled section of `upstreams`: its servers, and the choice among them.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use ostia_config as config;
use pingora_core::upstreams::peer::HttpPeer;

use crate::checker::HealthTask;
use crate::picked::{Picked, Tried};
use crate::pool::Pool;
use crate::server::{Previous, Server, ServerState};
use crate::tunnel::TunnelConnector;

/// A compiled group of servers. Immutable but for what it learns of its servers, which outlives it.
#[derive(Debug)]
pub struct Group {
    config: Arc<config::Upstream>,
    servers: Arc<[Arc<Server>]>,
    primaries: Pool,
    backups: Pool,
    in_flight: Arc<AtomicU32>,
}

impl Group {
    /// Compiles a group. From `previous`, the group of the same name before a reload, each address keeps its
    /// requests in flight and, if the health check is equal, its health.
    #[must_use]
    pub fn compile(config: Arc<config::Upstream>, previous: Option<&Self>) -> Arc<Self> {
        let in_flight = previous.map(|previous| Arc::clone(&previous.in_flight)).unwrap_or_default();
        let servers = config.servers.iter().map(|server| {
            let before = previous.map(|group| group.before(&config, server)).unwrap_or_default();
            Server::compile(&config, server, before, &in_flight)
        });
        let servers: Arc<[_]> = servers.collect();
        Arc::new(Self {
            primaries: Pool::new(&servers, false, &config, &in_flight),
            backups: Pool::new(&servers, true, &config, &in_flight),
            servers,
            config,
            in_flight,
        })
    }

    fn before(&self, config: &config::Upstream, server: &config::upstream::Server) -> Previous<'_> {
        Previous {
            server: self.servers.iter().find(|before| before.address == server.address).map(Arc::as_ref),
            has_same_check: self.config.health_check == config.health_check,
        }
    }

    /// The section it was compiled from.
    #[must_use]
    pub fn config(&self) -> &Arc<config::Upstream> {
        &self.config
    }

    /// Starts the active health checks, the first of them at once; they end when the guard is dropped. Runs in the
    /// tokio runtime that it is called in.
    #[must_use]
    pub fn start_health(self: &Arc<Self>) -> HealthTask {
        HealthTask::start(&self.config, &self.servers)
    }

    /// Chooses a server that serves and was not tried; `None` when there is none left (503). Backups only serve when
    /// no other server is left. Allocates nothing and takes no lock.
    ///
    /// `affinity_key` is what `affinity` says, read by the caller; it only counts with `consistent_hash`, where a
    /// request without a key takes the next turn of round robin.
    #[must_use]
    pub fn pick(&self, affinity_key: Option<&[u8]>, tried: &Tried) -> Option<Picked> {
        self.primaries.pick(affinity_key, tried).or_else(|| self.backups.pick(affinity_key, tried))
    }

    /// The peer of a picked server for a connection that becomes a tunnel (WebSocket) and may be idle for `idle`. Such a
    /// connection is always a new one.
    #[must_use]
    pub fn tunnel_peer(&self, picked: &Picked, idle: Duration) -> Box<HttpPeer> {
        let mut peer = self.peer(picked);
        // No idle connection of the group is taken: its first read may be behind it.
        peer.group_key ^= u64::MAX;
        peer.options.custom_l4 = Some(Arc::new(TunnelConnector));
        peer.options.read_timeout = Some(idle);
        peer.options.write_timeout = Some(idle);
        peer
    }

    /// The peer for Pingora of a picked server, with the timeouts of the group.
    #[must_use]
    pub fn peer(&self, picked: &Picked) -> Box<HttpPeer> {
        Box::new(picked.server().template.clone())
    }

    /// Every server with its state now, in the order of the configuration.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerState> {
        self.servers.iter().map(|server| server.state()).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests;
