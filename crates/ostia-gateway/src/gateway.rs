//! The gateway: the running configuration, and what outlives it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use ostia_config::{Config, Name};
use ostia_listener::Listener;
use ostia_oidc::resource_server::dpop::DpopGuard;
use ostia_session::Marks;
use ostia_telemetry::{AccessLog, AuditLog, Metrics, RouteMetrics};
use ostia_upstream::Registry;
use pingora_core::apps::HttpServerOptions;
use pingora_core::server::configuration::ServerConf;
use pingora_proxy::HttpProxy;

use crate::compile::{self, CompileRefused};
use crate::ended::Endings;
use crate::extension::Extensions;
use crate::forged::Forged;
use crate::proxy::Front;
use crate::readiness::{self, Readiness};
use crate::refresh::Refreshes;
use crate::session::copies::SessionCopies;
use crate::snapshot::Snapshot;
use crate::status::{self, OneServer, Order, OrderFailed, Status};
use crate::tether::Tethered;

/// Tries that Pingora may make at most; how many are made is decided by `retry` of each upstream.
const MAX_TRIES: usize = 8;

/// Stands for the route of requests that have none.
const NO_ROUTE: &str = "-";

/// The running gateway.
pub struct Gateway {
    snapshot: ArcSwap<Snapshot>,
    /// For each listener that was taken away, the last snapshot that had it: what still arrives there is served by it.
    retired: ArcSwap<BTreeMap<Name, Arc<Snapshot>>>,
    metrics: Arc<Metrics>,
    /// What is known of servers.
    servers: Arc<Registry>,
    access_log: AccessLog,
    audit_log: AuditLog,
    extensions: Extensions,
    refreshes: Refreshes,
    copies: SessionCopies,
    endings: Arc<Endings>,
    forged: Forged,
    dpop: DpopGuard,
    draining: AtomicBool,
    threads: usize,
}

/// A configuration that was compiled and may be swapped in.
pub struct Prepared(Arc<Snapshot>);

/// How to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainPlan {
    /// Readiness is off this long before listeners close.
    pub announce: Duration,
    /// What is open after this is cut.
    pub deadline: Duration,
}

impl Gateway {
    /// Compiles the first configuration. Nothing runs before [`Gateway::start`].
    ///
    /// # Errors
    /// What cannot be built, with the remedy.
    pub fn new(config: Config, threads: usize, extensions: Extensions) -> Result<Arc<Self>, CompileRefused> {
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"))?);
        let access_log = AccessLog::open(&config.logs, &metrics)?;
        let servers = Arc::new(Registry::default());
        let snapshot = compile::compile(config, None, &metrics, &servers, &extensions)?;
        let running = &snapshot.config;
        let audit_log = AuditLog::open(&running.logs, &running.runtime.state_dir, &metrics)?;
        metrics.config_in_force(&snapshot.config.hash, SystemTime::now());
        let endings = compile::endings(&snapshot.config)?;
        Ok(Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            retired: ArcSwap::default(),
            metrics,
            servers,
            access_log,
            audit_log,
            extensions,
            refreshes: Refreshes::default(),
            copies: SessionCopies::default(),
            endings,
            forged: Forged::default(),
            dpop: DpopGuard::new()?,
            draining: AtomicBool::new(false),
            threads,
        }))
    }

    /// Builds everything that needs neither the network nor an address, and throws it away.
    ///
    /// # Errors
    /// What cannot be built.
    pub fn trial(config: &Config, extensions: &Extensions) -> Result<(), CompileRefused> {
        compile::trial(config, extensions)
    }

    /// Starts discovery, key refresh and health checks. Must be called inside a tokio runtime.
    pub fn start(self: &Arc<Self>) {
        self.snapshot.load().start_tasks(&self.endings);
        self.endings.keep();
        crate::key_watch::watch(self);
        crate::session::returned::watch(self);
    }

    /// The gateway as one listener shows it to Pingora.
    #[must_use]
    pub fn front(self: &Arc<Self>, listener: &Name) -> Arc<Tethered> {
        let conf = ServerConf { threads: self.threads, max_retries: MAX_TRIES, ..ServerConf::default() };
        let front = Front { gateway: Arc::clone(self), listener: listener.clone() };
        let mut proxy = HttpProxy::new(front, Arc::new(conf));
        proxy.server_options = Some(HttpServerOptions::default());
        proxy.handle_init_modules();
        Tethered::new(proxy)
    }

    /// Compiles another configuration without using it; keys, health and providers whose sections are equal are taken
    /// over.
    ///
    /// # Errors
    /// What cannot be built, or what needs a restart. The running configuration stays in force.
    pub fn prepare(&self, config: Config) -> Result<Prepared, CompileRefused> {
        let running = self.snapshot.load_full();
        compile::needs_restart(&running.config, &config)?;
        let snapshot =
            compile::compile(config, Some(&running), &self.metrics, &self.servers, &self.extensions)?;
        Ok(Prepared(Arc::new(snapshot)))
    }

    /// Puts a prepared configuration in force: requests from now on begin with it.
    pub fn swap(&self, prepared: Prepared) {
        let Prepared(next) = prepared;
        next.start_tasks(&self.endings);
        let config = Arc::clone(&next.config);
        self.retire_listeners(&next);
        self.snapshot.store(next);
        self.metrics.retain(&config);
        self.servers.forget_unused();
        self.metrics.config_in_force(&config.hash, SystemTime::now());
    }

    fn retire_listeners(&self, next: &Snapshot) {
        let running = self.snapshot.load_full();
        let mut retired = BTreeMap::clone(&self.retired.load());
        retired.extend(running.listeners.keys().map(|name| (name.clone(), Arc::clone(&running))));
        retired.retain(|name, _| !next.listeners.contains_key(name));
        self.retired.store(Arc::new(retired));
    }

    /// The configuration for a request at this listener: the one in force, or the last one that had the listener.
    #[must_use]
    pub fn snapshot_at(&self, listener: &Name) -> Arc<Snapshot> {
        let snapshot = self.snapshot.load_full();
        if snapshot.listeners.contains_key(listener) {
            return snapshot;
        }
        self.retired.load().get(listener).map_or(snapshot, Arc::clone)
    }

    /// Reads the session keys anew under the running configuration. False when another configuration was put in force
    /// meanwhile.
    ///
    /// # Errors
    /// When the key file cannot be used; nothing changes then.
    pub fn rekey(&self) -> Result<bool, CompileRefused> {
        let running = self.snapshot.load_full();
        let next = compile::compile(
            (*running.config).clone(),
            Some(&running),
            &self.metrics,
            &self.servers,
            &self.extensions,
        )?;
        let next = Arc::new(next);
        next.start_tasks(&self.endings);
        Ok(Arc::ptr_eq(&self.snapshot.compare_and_swap(&running, next), &running))
    }

    /// Counts a configuration that was refused.
    pub fn reload_refused(&self) {
        self.metrics.config_refused();
    }

    /// The configuration in force.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The hash of the configuration in force.
    #[must_use]
    pub fn config_hash(&self) -> String {
        self.snapshot.load().config.hash.clone()
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The counters, for a task that outlives the request.
    #[must_use]
    pub fn shared_metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// The counters for requests that belong to no route.
    #[must_use]
    pub fn without_route(&self, listener: &Name) -> Arc<RouteMetrics> {
        self.metrics.route(listener, NO_ROUTE)
    }

    /// The access log.
    #[must_use]
    pub fn access_log(&self) -> &AccessLog {
        &self.access_log
    }

    /// The audit log.
    #[must_use]
    pub fn audit_log(&self) -> &AuditLog {
        &self.audit_log
    }

    /// Opens the files of the logs anew, after they were moved away.
    pub fn reopen_logs(&self) {
        self.access_log.reopen();
        self.audit_log.reopen();
    }

    /// Refreshes in flight and those that landed.
    #[must_use]
    pub fn refreshes(&self) -> &Refreshes {
        &self.refreshes
    }

    /// Sessions of the store that were served here.
    #[must_use]
    pub(crate) fn copies(&self) -> &SessionCopies {
        &self.copies
    }

    /// What was ended here.
    #[must_use]
    pub fn endings(&self) -> &Arc<Endings> {
        &self.endings
    }

    /// Whether the session of these marks has not been ended; if so, it was used now.
    #[must_use]
    pub fn still_lives(&self, session: &Marks, now: SystemTime) -> bool {
        if self.endings.has(session) {
            return false;
        }
        self.endings.streams().used(session.session(), now);
        true
    }

    /// Tokens whose signature was wrong, and who sent them.
    #[must_use]
    pub fn forged(&self) -> &Forged {
        &self.forged
    }

    /// The DPoP proofs of the last minutes.
    #[must_use]
    pub fn dpop(&self) -> &DpopGuard {
        &self.dpop
    }

    /// How to leave, by the configuration in force.
    #[must_use]
    pub fn drain_plan(&self) -> DrainPlan {
        let runtime = &self.snapshot.load().config.runtime;
        DrainPlan { announce: runtime.drain_announce, deadline: runtime.drain_deadline }
    }

    /// Turns readiness off. From now on each answer over HTTP/1.1 is the last of its connection and says so, so that
    /// clients go elsewhere before the connection is closed under them.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.metrics.set_draining(true);
    }

    /// Whether [`Gateway::begin_drain`] was called.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether the gateway can take requests, and what it knows about its surroundings.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        readiness::readiness(&self.snapshot.load(), self.draining.load(Ordering::Acquire))
    }

    /// What runs, and how each server stands.
    #[must_use]
    pub fn status(&self, listeners: &BTreeMap<Name, Arc<Listener>>) -> Status {
        Status::of(&self.snapshot.load(), self.readiness(), listeners)
    }

    /// Orders a server to serve, to drain or to rest.
    ///
    /// # Errors
    /// When there is no such server.
    pub fn order_server(&self, order: &Order) -> Result<OneServer, OrderFailed> {
        status::order(&self.snapshot.load(), order)
    }

    /// Counts and logs what a listener refuses before the request path sees it. Call it before the listener serves.
    pub fn hear_refusals(self: &Arc<Self>, listener: &Listener) {
        listener.on_refused(crate::refused::teller(self, listener.name()));
    }

    /// Copies the counters of a listener into the metrics.
    pub fn observe_listener(&self, name: &Name, listener: &Listener) {
        crate::observe::listener(&self.metrics, name, listener);
    }

    /// The metrics in the text format of Prometheus (version 0.0.4).
    #[must_use]
    pub fn metrics_text(&self) -> String {
        crate::observe::snapshot(&self.metrics, &self.snapshot.load());
        let store = self.snapshot.load().store.clone();
        self.metrics.set_session_store_up(store.is_some_and(|running| running.store.is_reachable()));
        self.metrics.set_streams_open(self.endings.streams().len());
        self.metrics.encode()
    }

    /// Writes what is still in the logs. The last call.
    pub fn finish(&self) {
        self.access_log.finish();
        self.audit_log.finish();
    }
}
