//! A compiled section of `upstreams`: its servers, and the choice among them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arc_swap::ArcSwap;
use ostia_config as config;
use ostia_config::upstream::{Mode, ServerAddress};
use parking_lot::Mutex;

use crate::checker::SharedCheck;
use crate::discovery::DiscoveryLog;
use crate::limit::Room;
use crate::peer::{Reach, Way, Wish};
use crate::picked::{Ask, Picked, ServerTag};
use crate::registry::{Changes, Registry};
use crate::selection::Selection;
use crate::server::Server;
use crate::state::GroupState;
use crate::status::ServerStatus;
use crate::tls::UpstreamTls;
use crate::upkeep::GroupTasks;
use crate::wire::LineCounters;

/// A compiled group of servers. What it learns of them lives in the [`Registry`] and outlives it.
///
/// Its set of servers begins as the configuration lists it and can be exchanged at any time by
/// [`Group::replace_servers`]; a pick sees the set before or the set after, never a part of each.
#[derive(Debug)]
pub struct Group {
    config: Arc<config::Upstream>,
    reach: Reach,
    discovery: DiscoveryLog,
    registry: Arc<Registry>,
    state: Arc<GroupState>,
    selection: ArcSwap<Selection>,
    /// One exchange at a time; holds the set as it was given last, and whether its checks run.
    exchange: Mutex<Exchange>,
}

#[derive(Debug)]
struct Exchange {
    listed: Vec<config::upstream::Server>,
    /// Which group of its name it is that was put in force; `None` before.
    generation: Option<u64>,
}

impl Group {
    /// Compiles a group. Each address has the state that it had in the configuration before: requests in flight,
    /// health, ejections, orders of the operator. Nothing that runs is changed before [`Group::start`].
    #[must_use]
    pub fn compile(
        config: Arc<config::Upstream>,
        tls: Option<UpstreamTls>,
        registry: &Arc<Registry>,
    ) -> Arc<Self> {
        let state = registry.group(&config.name);
        let listed = first_servers(&config, &state);
        let reach = Reach::new(&config, tls);
        let servers = listed.iter().map(|server| member(&config, server, &state, &reach, registry));
        let selection = Selection::new(servers.collect(), &config, &state);
        Arc::new(Self {
            selection: ArcSwap::from_pointee(selection),
            exchange: Mutex::new(Exchange { listed, generation: None }),
            reach,
            discovery: DiscoveryLog::default(),
            registry: Arc::clone(registry),
            state,
            config,
        })
    }

    /// The TLS that it was compiled with.
    #[must_use]
    pub fn tls(&self) -> Option<&UpstreamTls> {
        self.reach.tls()
    }

    /// How its servers are looked for; only tells something with `discovery`.
    #[must_use]
    pub fn discovery(&self) -> &DiscoveryLog {
        &self.discovery
    }

    /// The section it was compiled from.
    #[must_use]
    pub fn config(&self) -> &Arc<config::Upstream> {
        &self.config
    }

    /// Puts it in force: health checks begin, orders of the configuration count, servers that it does not name any more
    /// drain. What runs ends when the guard is dropped. Runs in the tokio runtime that it is called in.
    #[must_use]
    pub fn start(self: &Arc<Self>) -> GroupTasks {
        // What is compiled for the first time serves at once; what comes to a running upstream starts slowly.
        self.exchange_servers(self.listed(), Instant::now(), Some(self.state.next_generation()));
        GroupTasks::start(self)
    }

    /// Exchanges the set of servers at run time, as discovery finds it; the same list again changes nothing.
    ///
    /// A server that is new takes requests at once (slowly, with `slow_start`) and is checked. One that stays keeps its
    /// connections, its requests in flight, its health and its orders. One that is missing drains: sessions that began
    /// before come back to it until `drain_timeout`, nobody else; then it is forgotten. With an empty list the group
    /// answers 503 once the old servers are drained: a discovery that failed must not come here, it keeps the last set.
    ///
    /// With `consistent_hash` a new ring is made, which takes 0.2 s for 1,000 servers: call it where that may block.
    /// Requests are picked from the old set meanwhile.
    pub fn replace_servers(&self, servers: Vec<config::upstream::Server>) {
        if self.exchange.lock().listed != servers {
            self.exchange_servers(servers, Instant::now(), None);
        }
    }

    /// The set of servers as it was given last, without those that drain.
    #[must_use]
    pub fn listed(&self) -> Vec<config::upstream::Server> {
        self.exchange.lock().listed.clone()
    }

    /// `generation` is given when the group is put in force. One that was succeeded by another of its name (requests of
    /// before a reload still use it) keeps the set that it has.
    fn exchange_servers(&self, listed: Vec<config::upstream::Server>, now: Instant, generation: Option<u64>) {
        let mut exchange = self.exchange.lock();
        exchange.generation = generation.or(exchange.generation);
        if exchange.generation.is_some_and(|generation| !self.state.is_in_force(generation)) {
            return;
        }
        let mut servers: Vec<_> = listed.iter().map(|server| self.member(server)).collect();
        if exchange.generation.is_some() {
            let drain = self.config.drain_timeout;
            for (server, member) in listed.iter().zip(&servers) {
                self.state.list(server);
                member.state.set_removed(false, drain, now);
                member.state.configure(server.mode, drain, now);
            }
            let named: BTreeSet<&ServerAddress> = listed.iter().map(|server| &server.address).collect();
            for (server, state) in self.state.listed_but(&named) {
                state.set_removed(true, drain, now);
                if state.is_gone() {
                    self.state.forget(&server.address);
                } else {
                    servers.push(self.member(&server));
                }
            }
            servers.iter().filter_map(|server| server.check.as_ref()).for_each(SharedCheck::start);
        }
        exchange.listed = listed;
        self.selection.store(Arc::new(Selection::new(servers, &self.config, &self.state)));
        self.state.changes.happened();
    }

    fn member(&self, server: &config::upstream::Server) -> Arc<Server> {
        member(&self.config, server, &self.state, &self.reach, &self.registry)
    }

    /// Chooses a server that serves and was not tried; `None` when there is none left (503). Allocates nothing and takes
    /// no lock.
    ///
    /// Servers of the first zone are asked first, backups last. Of these the pinned server serves, else by `balance` the
    /// one that the key belongs to, has its turn, or has the fewest requests in flight.
    #[must_use]
    pub fn pick(&self, ask: &Ask<'_>) -> Option<Picked> {
        self.selection.load().pick(ask)
    }

    /// Whether a server of this name in a cookie is there, serving or not.
    #[must_use]
    pub fn has(&self, tag: ServerTag) -> bool {
        self.selection.load().has(tag)
    }

    /// The way to a picked server.
    #[must_use]
    pub fn way(&self, picked: &Picked, wish: Wish) -> Way {
        self.reach.way(picked, wish)
    }

    /// Counts a request for the budget of retries.
    pub fn count_request(&self, now: Instant) {
        self.state.budget.request(now);
    }

    /// Takes a retry out of the budget; `false` when it is spent.
    #[must_use]
    pub fn may_retry(&self, now: Instant) -> bool {
        self.state.budget.retry(self.config.retry.budget, now)
    }

    /// Requests that wait for a place now.
    #[must_use]
    pub fn pending(&self) -> u32 {
        self.room().waiting()
    }

    /// The HTTP/1.1 connections to its servers.
    #[must_use]
    pub fn connections(&self) -> &LineCounters {
        self.state.lines.counters()
    }

    pub(crate) fn room(&self) -> &Room {
        &self.state.room
    }

    /// Whether a server would take this request, were there a place.
    pub(crate) fn is_full_for(&self, ask: &Ask<'_>) -> bool {
        self.selection.load().tiers.iter().any(|tier| tier.is_full_for(ask))
    }

    /// Takes what discovery found; says whether the servers are others now.
    pub(crate) fn take_found(
        &self,
        source: &config::upstream::Source,
        servers: Vec<config::upstream::Server>,
    ) -> bool {
        let is_other = self.listed() != servers;
        *self.state.found.lock() = Some((source.clone(), servers.clone()));
        self.replace_servers(servers);
        is_other
    }

    pub(crate) fn members(&self) -> Vec<Arc<Server>> {
        self.selection.load().servers.to_vec()
    }

    /// Every server with its state now, in the order of the configuration; those that left and drain come last.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerStatus> {
        let now = Instant::now();
        self.selection.load().servers.iter().map(|server| ServerStatus::of(server, now)).collect()
    }

    /// Orders a server to serve, to drain or to rest. The order stays in force over reloads, until the next one or
    /// until the configuration says another word than it said.
    ///
    /// # Errors
    /// [`OrderRefused`] when no server of the group has this address.
    pub fn order(&self, address: &ServerAddress, mode: Mode) -> Result<ServerStatus, OrderRefused> {
        let selection = self.selection.load();
        let server = selection.servers.iter().find(|server| server.address == *address);
        let server = server.ok_or_else(|| OrderRefused::NoSuchServer(address.clone()))?;
        let now = Instant::now();
        server.state.order(mode, self.config.drain_timeout, now);
        let (upstream, server_name, mode) = (&self.config.name, &server.address, mode.word());
        tracing::info!(%upstream, server = %server_name, mode, "server ordered");
        Ok(ServerStatus::of(server, now))
    }

    /// Takes a server out that failed too often, unless too many are out already.
    pub(crate) fn eject(&self, server: &Server, why: &'static str, now: Instant) {
        let Some(outlier) = &self.config.outlier else { return };
        let _one_at_a_time = self.state.ejecting.lock();
        let selection = self.selection.load();
        let out =
            selection.servers.iter().filter(|server| !server.is_fit() || server.state.is_ejected()).count();
        let (out, all) = (out as f64, selection.servers.len() as f64);
        if server.state.is_ejected() || out + 1.0 > (outlier.max_ejected * all).floor() {
            return;
        }
        let time = server.state.eject(outlier, now);
        self.state.ejections.fetch_add(1, Ordering::Relaxed);
        let upstream = &self.config.name;
        tracing::info!(%upstream, server = %server.address, why, ?time, "server ejected");
    }

    /// How often one of its servers was ejected.
    #[must_use]
    pub fn ejections(&self) -> u64 {
        self.state.ejections.load(Ordering::Relaxed)
    }

    /// Does what is due; says when the next thing will be.
    pub(crate) fn keep_up(&self, now: Instant) -> Option<Instant> {
        let selection = self.selection.load();
        let mut next = None;
        let mut is_anybody_gone = false;
        for server in &selection.servers {
            let (due, has_come_back) = server.state.keep_up(now);
            next = [next, due].into_iter().flatten().min();
            is_anybody_gone |= server.state.is_gone();
            if has_come_back {
                let upstream = &self.config.name;
                tracing::info!(%upstream, server = %server.address, "ejection of a server is over");
            }
        }
        selection.tiers.iter().for_each(|tier| tier.count(now));
        if is_anybody_gone {
            self.exchange_servers(self.listed(), now, None);
        }
        next
    }

    pub(crate) fn changes(&self) -> &Arc<Changes> {
        &self.state.changes
    }
}

/// The servers to begin with: those of the list, or what discovery found before a reload.
fn first_servers(config: &config::Upstream, state: &GroupState) -> Vec<config::upstream::Server> {
    let Some(discovery) = &config.discovery else { return config.servers.clone() };
    let found = state.found.lock();
    found
        .as_ref()
        .filter(|(source, _)| *source == discovery.source)
        .map(|(_, found)| found.clone())
        .unwrap_or_default()
}

fn member(
    config: &Arc<config::Upstream>,
    server: &config::upstream::Server,
    state: &Arc<GroupState>,
    reach: &Reach,
    registry: &Registry,
) -> Arc<Server> {
    Arc::new(Server::new(config, server, state, reach, registry))
}

/// Why an order was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    /// No server of the group has this address.
    #[error("no server has the address `{0}`")]
    NoSuchServer(ServerAddress),
}

#[cfg(test)]
pub(crate) mod tests;
