//! Metrics for Prometheus: what is counted, and the text of a scrape.
//!
//! What every request touches is counted in handles that are held ([`RouteMetrics`], [`UpstreamMetrics`],
//! [`ServerMetrics`]); the rest by name. Labels come from the configuration or from closed sets.

mod cold;
mod family;
mod hot;
mod label;
pub(crate) mod locked;
mod process;
mod route;
pub(crate) mod shard;
mod table;
mod upstream;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::Config;
use ostia_config::upstream::ServerAddress;
use prometheus::core::Desc;
use prometheus::{IntCounter, Registry, TextEncoder};

use self::cold::Cold;
use self::hot::{Hot, HotCollector};
use self::process::Process;
pub use self::route::{InFlight, RouteMetrics};
pub use self::table::{Kind, Row, TABLE};
pub use self::upstream::{ServerMetrics, UpstreamMetrics};

/// The label of requests that belong to no route.
pub const NO_ROUTE: &str = "-";
/// The label of what has no provider that is known, or no reason.
pub const NONE: &str = "none";

/// All metrics of a process. They outlive reloads.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    hot: Arc<Hot>,
    cold: Cold,
}

/// The metrics could not be registered: two of one name, or a wrong name. A test keeps this from happening.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be registered")]
pub struct MetricsRefused(#[from] prometheus::Error);

impl Metrics {
    /// Registers everything. `version` is that of the program.
    ///
    /// # Errors
    /// [`MetricsRefused`].
    pub fn new(version: &str) -> Result<Self, MetricsRefused> {
        let registry = Registry::new();
        let (hot, cold) = (Arc::new(Hot::default()), Cold::register(&registry)?);
        registry.register(Box::new(HotCollector { descs: descs(&Hot::ROWS)?, hot: Arc::clone(&hot) }))?;
        registry.register(Box::new(Process::new(descs(&Process::ROWS)?)))?;
        cold.build_info.set(&[version], 1);
        Ok(Self { registry, hot, cold })
    }

    /// The text of a scrape, in format 0.0.4 (`Content-Type: text/plain; version=0.0.4`).
    #[must_use]
    pub fn encode(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    /// Forgets the series of what `config` does not name (any more). To be called after a reload is in force.
    pub fn retain(&self, config: &Config) {
        let listeners: BTreeSet<&str> = config.listeners.iter().map(|listener| &*listener.name).collect();
        let routes: BTreeSet<&str> = config.routes.iter().map(|route| &*route.name).collect();
        let is_server = |upstream: &str, address: &ServerAddress| {
            let upstream = config.upstreams.get(upstream);
            upstream.is_some_and(|upstream| {
                upstream.discovery.is_some()
                    || upstream.servers.iter().any(|server| server.address == *address)
            })
        };
        let is_route = |name: &str| name == NO_ROUTE || routes.contains(name);
        self.hot.retain(
            |name| listeners.contains(name),
            is_route,
            |upstream, server| match server {
                None => config.upstreams.contains_key(upstream),
                Some(server) => is_server(upstream, server),
            },
        );
        let files = tls_files(config);
        self.cold.retain(&|label, value| match label {
            "listener" => listeners.contains(value),
            "file" => files.contains(Path::new(value)) || is_issued(config, Path::new(value)),
            "provider" => value == NONE || config.providers.contains_key(value),
            "upstream" => config.upstreams.contains_key(value),
            "route" => is_route(value),
            _ => true,
        });
    }
}

/// Handles for what every request touches.
impl Metrics {
    /// The counters of a route at a listener; [`NO_ROUTE`] for requests without one. To be held.
    #[must_use]
    pub fn route(&self, listener: &str, route: &str) -> Arc<RouteMetrics> {
        self.hot.route(listener, route)
    }

    /// The counters of an upstream. To be held.
    #[must_use]
    pub fn upstream(&self, upstream: &str) -> Arc<UpstreamMetrics> {
        self.hot.upstream(upstream)
    }

    /// Counts a decision by the route's name; [`RouteMetrics::decided`] is cheaper.
    pub fn decided(&self, route: &str, policy: &str, is_allowed: bool, reason: &'static str) {
        self.hot.totals(route).decided(policy, is_allowed, reason);
    }

    /// Counts an exchange with a server by the upstream's name; `status` 0: no answer came.
    /// [`UpstreamMetrics::answered`] is cheaper.
    pub fn upstream_answered(&self, upstream: &str, server: &ServerAddress, status: u16, took: Duration) {
        self.hot.upstream(upstream).answered(server, Some(status).filter(|status| *status != 0), took);
    }

    /// Counts how affinity came out: `kept`, `moved`, `new`. [`UpstreamMetrics::affinity`] is cheaper.
    pub fn affinity(&self, upstream: &str, outcome: &'static str) {
        self.hot.upstream(upstream).affinity(outcome);
    }

    /// A bearer token was among those that were checked before.
    pub fn token_cache_hit(&self) {
        self.hot.token_cache_hits.one_more();
    }

    /// A bearer token was not among those that were checked before.
    pub fn token_cache_miss(&self) {
        self.hot.token_cache_misses.one_more();
    }
}

/// The life of the process.
impl Metrics {
    /// A configuration is in force since `now`. The first one of a process is no reload.
    pub fn config_in_force(&self, hash: &str, now: SystemTime) {
        let since = self.cold.config_last_reload_success.get(&[]);
        if since != 0 {
            self.cold.config_reloads.one_more(&["applied"]);
        }
        self.cold.config_info.set_only(&[hash], 1);
        self.cold.config_last_reload_successful.set(&[], 1);
        self.cold.config_last_reload_success.set(&[], seconds(now));
    }

    /// A reload was refused; what was in force still is.
    pub fn config_refused(&self) {
        self.cold.config_reloads.one_more(&["refused"]);
        self.cold.config_last_reload_successful.set(&[], 0);
    }

    /// Draining has begun, or was taken back.
    pub fn set_draining(&self, is_draining: bool) {
        self.cold.draining.set(&[], is_draining.into());
    }

    /// A request or task ended in a panic.
    pub fn panicked(&self) {
        self.cold.panics.one_more(&[]);
    }

    /// The counter of lines that a log lost.
    pub(crate) fn log_lines_dropped(&self, log: &str) -> IntCounter {
        self.cold.log_lines_dropped.at(&[log])
    }

    /// What a listener has counted since it began; at each scrape. Of connections: accepted ones, `accept` calls that
    /// failed, those open now, those turned away by their reason.
    pub fn set_connections(
        &self,
        listener: &str,
        accepted: u64,
        accept_errors: u64,
        active: usize,
        rejected: &[(&'static str, u64)],
    ) {
        self.cold.connections_accepted.raise(&[listener], accepted);
        self.cold.accept_errors.raise(&[listener], accept_errors);
        self.cold.connections_active.set(&[listener], i64::try_from(active).unwrap_or(i64::MAX));
        for (reason, total) in rejected {
            self.cold.connections_rejected.raise(&[listener, reason], *total);
        }
    }

    /// The certificates of a listener with their ends, and its TLS files with whether they are in use; at each scrape.
    pub fn set_tls<'a>(
        &self,
        listener: &str,
        certificates: impl IntoIterator<Item = (&'a Path, SystemTime)>,
        files: impl IntoIterator<Item = (&'a Path, bool)>,
    ) {
        for (file, not_after) in certificates {
            self.cold.tls_certificate_not_after.set(&[listener, &file.to_string_lossy()], seconds(not_after));
        }
        for (file, is_current) in files {
            self.cold.tls_file_current.set(&[listener, &file.to_string_lossy()], is_current.into());
        }
    }

    /// Orders of certificates by ACME since the listener began; at each scrape.
    pub fn set_acme_orders(&self, listener: &str, issued: u64, failed: u64) {
        for (outcome, total) in [("issued", issued), ("failed", failed)] {
            self.cold.acme_orders.raise(&[listener, outcome], total);
        }
    }

    /// Whether a server passes its health checks; at each scrape.
    pub fn set_server_healthy(&self, upstream: &str, server: &ServerAddress, is_healthy: bool) {
        self.hot.upstream(upstream).server(server).set_healthy(is_healthy);
    }

    /// How many servers of an upstream are in a state; at each scrape.
    pub fn set_servers(&self, upstream: &str, state: &'static str, count: usize) {
        self.cold.upstream_servers.set(&[upstream, state], i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How often servers of an upstream were ejected since the process began; at each scrape.
    pub fn set_ejections(&self, upstream: &str, total: u64) {
        self.cold.upstream_ejections.raise(&[upstream], total);
    }

    /// A request came too soon for the limit of its route.
    pub fn rate_limited(&self, route: &str) {
        self.cold.rate_limited.one_more(&[route]);
    }

    /// An extension failed, and one request with it.
    pub fn extension_failed(&self, extension: &str, reason: &'static str) {
        self.cold.extension_failures.one_more(&[extension, reason]);
    }

    /// A copy of a request was sent, or why not.
    pub fn mirrored(&self, route: &str, outcome: &'static str) {
        self.cold.mirrored.one_more(&[route, outcome]);
    }

    /// A request ended early because of the client, or of Ostia itself.
    pub fn request_failed(&self, reason: &'static str) {
        self.cold.requests_failed.one_more(&[reason]);
    }

    /// A request was answered by Ostia because the upstream failed it.
    pub fn upstream_failed(&self, upstream: &str, reason: &'static str) {
        self.cold.upstream_failures.one_more(&[upstream, reason]);
    }

    /// Who waits for a place at a server; at each scrape.
    pub fn set_upstream_pending(&self, upstream: &str, pending: u32) {
        self.cold.upstream_pending.set(&[upstream], pending.into());
    }

    /// The connections to the servers of an upstream: those that stand, and what was counted of all; at each scrape.
    pub fn set_upstream_connections(&self, upstream: &str, open: u64, made: u64, reused: u64) {
        self.cold.upstream_connections_open.set(&[upstream], i64::try_from(open).unwrap_or(i64::MAX));
        self.cold.upstream_connections.raise(&[upstream], made);
        self.cold.upstream_connections_reused.raise(&[upstream], reused);
    }

    /// The lookups of the servers of an upstream so far; at each scrape.
    pub fn set_upstream_lookups(&self, upstream: &str, succeeded: u64, failed: u64, changed: u64) {
        self.cold.upstream_lookups.raise(&[upstream, "succeeded"], succeeded);
        self.cold.upstream_lookups.raise(&[upstream, "failed"], failed);
        self.cold.upstream_servers_changed.raise(&[upstream], changed);
    }

    /// Keeps the counters of these servers of an upstream alone: those that discovery found no more are forgotten.
    pub fn retain_servers(&self, upstream: &str, keep: impl Fn(&ServerAddress) -> bool) {
        self.hot.upstream(upstream).retain_servers(keep);
    }

    /// A request was sent to another server.
    pub fn upstream_retried(&self, upstream: &str, reason: &'static str) {
        self.cold.upstream_retries.one_more(&[upstream, reason]);
    }
}

/// Signing in, tokens, sessions.
impl Metrics {
    /// A browser was sent to the provider.
    pub fn login_started(&self, provider: &str) {
        self.cold.logins_started.one_more(&[provider]);
    }

    /// Somebody signed in; a session began.
    pub fn login_succeeded(&self, provider: &str) {
        self.cold.logins.one_more(&[provider, "succeeded", NONE]);
        self.cold.sessions_created.one_more(&[provider]);
    }

    /// A sign-in failed. [`NONE`] for a provider that is not known.
    pub fn login_failed(&self, provider: &str, reason: &'static str) {
        self.cold.logins.one_more(&[provider, "failed", reason]);
    }

    /// A bearer token was checked and accepted.
    pub fn token_accepted(&self, provider: &str) {
        self.cold.jwt_validations.one_more(&[provider, "accepted", NONE]);
    }

    /// A bearer token was checked and refused. [`NONE`] for a provider that is not known.
    pub fn token_refused(&self, provider: &str, reason: &'static str) {
        self.cold.jwt_validations.one_more(&[provider, "refused", reason]);
    }

    /// How many calls of a provider's token endpoint there have been since the process began; at each scrape.
    pub fn set_token_requests(&self, provider: &str, grant: &'static str, outcome: &'static str, total: u64) {
        self.cold.token_requests.raise(&[provider, grant, outcome], total);
    }

    /// When a provider's metadata and keys were last loaded; at each scrape. What never was has no series.
    pub fn set_provider_age(&self, provider: &str, metadata: Option<SystemTime>, keys: Option<SystemTime>) {
        if let Some(at) = metadata {
            self.cold.discovery_last_success.set(&[provider], seconds(at));
        }
        if let Some(at) = keys {
            self.cold.jwks_last_success.set(&[provider], seconds(at));
        }
    }

    /// A session's cookies were taken back.
    pub fn session_ended(&self, reason: &'static str) {
        self.cold.sessions_ended.one_more(&[reason]);
    }

    /// Somebody was signed out by `kind` (`local`, `back_channel`, `front_channel`, `operator`, `displaced`): `done`, or why not.
    pub fn logged_out(&self, provider: &str, kind: &'static str, outcome: &'static str) {
        self.cold.logouts.one_more(&[provider, kind, outcome]);
    }

    /// An open answer ended with its session.
    pub fn stream_ended(&self, reason: &'static str) {
        self.cold.streams_ended.one_more(&[reason]);
    }

    /// Whether the store that nodes share answers.
    pub fn set_session_store_up(&self, is_up: bool) {
        self.cold.session_store_up.set(&[], i64::from(is_up));
    }

    /// Answers of sessions that are open now.
    pub fn set_streams_open(&self, count: usize) {
        self.cold.streams_open.set(&[], i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A session's tokens were refreshed ([`NONE`] for the reason), or why not.
    pub fn session_refreshed(&self, provider: &str, outcome: &'static str, reason: &'static str) {
        self.cold.session_refreshes.one_more(&[provider, outcome, reason]);
    }

    /// A refresh token was given back to its issuer (RFC 7009), or could not be.
    pub fn token_revoked(&self, provider: &str, outcome: &'static str) {
        self.cold.token_revocations.one_more(&[provider, outcome]);
    }
}

/// The files of `tls` that a configuration names, and those that Ostia makes for it.
fn tls_files(config: &Config) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::from([config.runtime.state_dir.join("tickets.keys")]);
    for tls in config.listeners.iter().filter_map(|listener| listener.tls.as_ref()) {
        files.extend(tls.certificates.iter().map(|pair| pair.cert_file.clone()));
        files.extend(tls.client_certificates.iter().map(|clients| clients.ca_file.clone()));
        files.extend(tls.ticket_keys_file.clone());
    }
    files
}

/// Whether a file is among those that `acme` keeps.
fn is_issued(config: &Config, file: &Path) -> bool {
    let sections = config.listeners.iter().filter_map(|listener| listener.tls.as_ref()?.acme.as_ref());
    sections.into_iter().any(|acme| file.starts_with(acme.folder(&config.runtime.state_dir)))
}

fn descs(rows: &[Row]) -> Result<Vec<Desc>, prometheus::Error> {
    let labels = |row: &Row| row.labels.iter().map(|label| (*label).to_owned()).collect();
    let desc =
        |row: &Row| Desc::new(row.name.to_owned(), row.help.to_owned(), labels(row), Default::default());
    rows.iter().map(desc).collect()
}

fn seconds(time: SystemTime) -> i64 {
    let since: Duration = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
