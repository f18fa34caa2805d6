//! What is told: metrics, access log, redaction.
//!
//! (Interfaces as the gateway calls them; the bodies follow.)

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Method;
use ostia_config::{Logs, Name};

/// Why the metrics cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MetricsRefused {
    /// Two metrics of one name.
    #[error("the metrics cannot be registered: {0}")]
    Register(#[from] prometheus::Error),
}

/// Why the access log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AccessLogRefused {
    /// The file cannot be opened.
    #[error("the access log cannot be opened: {0}")]
    Open(#[from] std::io::Error),
}

/// All counters of a process, in a registry of their own.
#[derive(Debug)]
pub struct Metrics {}

/// The counters of one route on one listener, resolved once.
#[derive(Debug)]
pub struct RouteMetrics {}

/// Counts a request as in flight until it is dropped.
#[derive(Debug)]
pub struct InFlight {}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// [`MetricsRefused`].
    pub fn new(_version: &str) -> Result<Self, MetricsRefused> {
        Ok(Self {})
    }
    /// The counters of a route on a listener. The name `-` stands for requests without a route.
    #[must_use]
    pub fn route(&self, _listener: &str, _route: &str) -> Arc<RouteMetrics> {
        Arc::new(RouteMetrics {})
    }
    /// Drops the series of routes, upstreams, servers and providers that a reload removed.
    pub fn retain(&self, _routes: &[&str], _upstreams: &[&str], _providers: &[&str]) {}
    /// A configuration was put in force.
    pub fn config_in_force(&self, _hash: &str, _now: SystemTime) {}
    /// A configuration was refused.
    pub fn config_refused(&self) {}
    /// Draining or not.
    pub fn set_draining(&self, _draining: bool) {}
    /// `ostia_authorization_decisions_total`; called once a request: must be cheap.
    pub fn decided(&self, _route: &str, _policy: &str, _allowed: bool, _reason: &'static str) {}
    /// `ostia_jwt_validation_cache_total{outcome="hit"}`.
    pub fn token_cache_hit(&self) {}
    /// `ostia_jwt_validation_cache_total{outcome="miss"}`.
    pub fn token_cache_miss(&self) {}
    /// `ostia_jwt_validations_total{outcome="accepted"}`.
    pub fn token_accepted(&self, _provider: &str) {}
    /// `ostia_jwt_validations_total{outcome="refused"}`.
    pub fn token_refused(&self, _provider: &str, _reason: &'static str) {}
    /// `ostia_oidc_logins_started_total`.
    pub fn login_started(&self, _provider: &str) {}
    /// `ostia_oidc_logins_total{outcome="succeeded"}` and `ostia_sessions_created_total`.
    pub fn login_succeeded(&self, _provider: &str) {}
    /// `ostia_oidc_logins_total{outcome="failed"}`; the provider is `none` where it is not known.
    pub fn login_failed(&self, _provider: &str, _reason: &'static str) {}
    /// `ostia_sessions_ended_total`.
    pub fn session_ended(&self, _reason: &'static str) {}
    /// `ostia_session_refreshes_total`: `renewed`, `ended`, `postponed`.
    pub fn session_refreshed(&self, _provider: &str, _outcome: &'static str) {}
    /// `ostia_upstream_retries_total`.
    pub fn upstream_retried(&self, _upstream: &str, _reason: &'static str) {}
    /// `ostia_upstream_requests_total` and `ostia_upstream_request_duration_seconds`; `status` 0: no answer came.
    pub fn upstream_answered(&self, _upstream: &str, _server: SocketAddr, _status: u16, _took: Duration) {}
    /// `ostia_affinity_total`: `kept`, `moved`, `new`.
    pub fn affinity(&self, _upstream: &str, _outcome: &'static str) {}
    /// `ostia_upstream_server_healthy`.
    pub fn set_server_healthy(&self, _upstream: &str, _server: SocketAddr, _healthy: bool) {}
    /// `ostia_oidc_discovery_last_success_timestamp_seconds` and `ostia_oidc_jwks_last_success_timestamp_seconds`.
    pub fn set_provider_age(
        &self,
        _provider: &str,
        _metadata: Option<SystemTime>,
        _keys: Option<SystemTime>,
    ) {
    }
    /// `ostia_oidc_token_requests_total`: totals so far of a provider's own counters.
    pub fn set_token_requests(
        &self,
        _provider: &str,
        _grant: &'static str,
        _outcome: &'static str,
        _total: u64,
    ) {
    }
    /// Counters of a listener so far: `ostia_connections_accepted_total`, `_active`, `_rejected_total`.
    pub fn set_connections(
        &self,
        _listener: &str,
        _accepted: u64,
        _active: usize,
        _rejected: &[(&'static str, u64)],
    ) {
    }
    /// `ostia_panics_total`.
    pub fn panicked(&self) {}
    /// Everything in the text format of Prometheus, version 0.0.4.
    #[must_use]
    pub fn encode(&self) -> String {
        String::new()
    }
}

impl RouteMetrics {
    /// The request is here; it is in flight until the guard is dropped.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> InFlight {
        InFlight {}
    }
    /// The connection was upgraded; it counts until the guard is dropped.
    #[must_use]
    pub fn upgraded(self: &Arc<Self>) -> InFlight {
        InFlight {}
    }
    /// The request has ended. Neither allocates nor hashes after the first time.
    pub fn record(&self, _method: &Method, _status: u16, _took: Duration) {}
}

/// How a request ended: one closed word list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// A server's answer went out whole.
    Done,
    /// Ostia answered: a page of its own, a redirect of the listener.
    Answered,
    /// Ostia sent the browser to sign in, or took part in a sign-in or sign-out.
    Login,
    /// The caller may not enter.
    Denied,
    /// The client left.
    ClientGone,
    /// The client was too slow.
    ClientTimeout,
    /// No connection to a server.
    UpstreamRefused,
    /// A server was too slow.
    UpstreamTimeout,
    /// A server broke off.
    UpstreamReset,
    /// No server was left.
    NoServer,
    /// The body was too large.
    TooLarge,
    /// The request cannot be understood.
    BadRequest,
    /// Our own fault.
    Internal,
}

/// The access log: a line a request, written by a thread of its own.
#[derive(Debug)]
pub struct AccessLog {}

impl AccessLog {
    /// Opens the log of the configuration and starts its thread.
    ///
    /// # Errors
    /// [`AccessLogRefused`].
    pub fn open(_config: &Logs, _metrics: &Arc<Metrics>) -> Result<Self, AccessLogRefused> {
        Ok(Self {})
    }
    /// Whether lines go anywhere: ask before gathering one.
    #[must_use]
    pub fn is_on(&self) -> bool {
        false
    }
    /// Hands a line to the thread; drops and counts it when the thread does not keep up.
    pub fn write(&self, _line: &AccessLine<'_>) {}
    /// Writes what is left and stops.
    pub fn finish(&self) {}
}

/// One request and its answer, as the access log tells it.
#[derive(Clone, Copy, Debug)]
pub struct AccessLine<'a> {
    /// When the request's head was complete.
    pub received_at: SystemTime,
    /// `request.id`.
    pub request_id: &'a str,
    /// `http.request.method`.
    pub method: &'a str,
    /// `server.address`.
    pub host: &'a str,
    /// `url.path`, without the query: codes and states live there.
    pub path: &'a str,
    /// `network.protocol.version`.
    pub protocol: &'a str,
    /// `tls.protocol.version`.
    pub tls: Option<&'a str>,
    /// `client.address`.
    pub client: Option<IpAddr>,
    /// `http.response.status_code`; 0 when nobody was answered.
    pub status: u16,
    /// `http.response.body.size`.
    pub response_bytes: u64,
    /// `http.request.body.size`.
    pub request_bytes: u64,
    /// `ostia.listener`.
    pub listener: &'a str,
    /// `http.route`.
    pub route: Option<&'a Name>,
    /// `user.id`, in the form of `logs.access.subject`.
    pub subject: Option<&'a str>,
    /// `ostia.provider`.
    pub provider: Option<&'a str>,
    /// `ostia.decision`.
    pub allowed: Option<bool>,
    /// `ostia.policy`.
    pub policy: Option<&'a str>,
    /// `ostia.reason`.
    pub reason: Option<&'a str>,
    /// `ostia.upstream.name`.
    pub upstream: Option<&'a str>,
    /// `ostia.upstream.address`.
    pub server: Option<SocketAddr>,
    /// `ostia.upstream.attempts`.
    pub attempts: u32,
    /// `ostia.affinity`.
    pub affinity: Option<&'static str>,
    /// `ostia.duration.total`.
    pub total: Duration,
    /// `ostia.duration.own`: until the request was on its way to a server, or answered.
    pub own: Duration,
    /// `ostia.end`.
    pub end: EndReason,
}
