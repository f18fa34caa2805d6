//! `upstreams`: groups of servers.

mod address;
mod connection;
mod discovery;
mod faults;
mod retry;

use std::time::Duration;

use http::{HeaderName, Method};

use crate::Name;
use crate::policy::ClaimPath;

pub use address::{AddressRefused, ServerAddress};
pub use connection::{ClientCertificate, KeepAlive, Limits, Protocol, ProxyProtocol, Timeouts, Tls};
pub use discovery::{Discovery, Source};
pub use faults::Faults;
pub use retry::{OnError, Retry};

pub use crate::section::upstream::{ListRefused, server_list};

/// One named group of servers.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Its key under `upstreams`, or the address that a route wrote.
    pub name: Name,
    /// At least one, or none where they are found by `discovery`.
    pub servers: Vec<Server>,
    /// `servers_dns`, `servers_srv` or `servers_file`, in the place of `servers`.
    pub discovery: Option<Discovery>,
    /// `balance`, default `round_robin`.
    pub balance: Balance,
    /// `affinity`: what leads a request back to its server. Default `source`. All but a cookie of Ostia's are hashed, so
    /// they are only allowed with `consistent_hash`.
    pub affinity: Affinity,
    /// `bounded_load`: a server takes at most this multiple of the mean load of requests in flight. Default 1.25.
    pub bounded_load: f64,
    /// `health_check`; absent: servers are taken to be healthy.
    pub health_check: Option<HealthCheck>,
    /// `outlier`; absent: failures of requests take nobody out.
    pub outlier: Option<Outlier>,
    /// `panic_threshold`: when a smaller share of the servers is healthy, health is not asked. Default 0: never.
    pub panic_threshold: f64,
    /// `slow_start`: how long a server that comes (back) takes a growing part of its share. Default 0: not at all.
    pub slow_start: Duration,
    /// `drain_timeout`: how long a server that drains serves the sessions it has. Default 5 min.
    pub drain_timeout: Duration,
    /// `zones`: the order in which zones are asked; servers of no zone come after them, backups last.
    pub zones: Vec<Name>,
    /// `retry`.
    pub retry: Retry,
    /// `timeouts`.
    pub timeouts: Timeouts,
    /// `keep_alive`.
    pub keep_alive: KeepAlive,
    /// `limits`.
    pub limits: Limits,
    /// `protocol`.
    pub protocol: Protocol,
    /// `tls`; absent: clear text.
    pub tls: Option<Tls>,
    /// `proxy_protocol`; absent: none is sent.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// `insecure_faults`.
    pub insecure_faults: Option<Faults>,
}

impl Upstream {
    /// The group of these servers, with the default of every key.
    #[must_use]
    pub fn of_servers(name: Name, servers: Vec<Server>) -> Self {
        crate::section::upstream::of_servers(name, servers)
    }

    /// The group of a route that answers itself: no server, all defaults. Nothing is ever sent there.
    #[must_use]
    pub fn of_nobody() -> Self {
        Self::of_servers(Name::from(""), Vec::new())
    }
}

/// One server of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// `address`: IP and port, or `unix:` and the path of a socket. A name is resolved once at load.
    pub address: ServerAddress,
    /// `weight`, 0 to 1000. Default 1. A server of weight 0 gets no requests.
    pub weight: u16,
    /// `backup`: used only when no other server is healthy.
    pub backup: bool,
    /// `zone`: one of `zones`.
    pub zone: Option<Name>,
    /// Servers of a lower number are asked first; those of SRV records have one, those of a list 0.
    pub priority: u16,
    /// `state`: what the server is for. Default `ready`.
    pub mode: Mode,
}

impl Server {
    /// A server of weight 1 that serves.
    #[must_use]
    pub fn at(address: impl Into<ServerAddress>) -> Self {
        Self { address: address.into(), weight: 1, backup: false, zone: None, priority: 0, mode: Mode::Ready }
    }
}

/// What a server is for, by order of the configuration or of the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It serves.
    #[default]
    Ready,
    /// It finishes: sessions that began before come back until `drain_timeout`, nobody else does.
    Drain,
    /// It rests: nothing new goes there.
    Maint,
}

impl Mode {
    /// The word in the configuration and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }
}

/// Taking a server out for a while because requests fail there.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    /// `consecutive_failures` that are too many. Default 5.
    pub consecutive_failures: u32,
    /// `failure_share` of the requests of a `window` that is too much; absent: not asked.
    pub failure_share: Option<f64>,
    /// `window` of `failure_share`. Default 10 s.
    pub window: Duration,
    /// `least_requests` in a window before `failure_share` is asked. Default 20.
    pub least_requests: u32,
    /// `statuses` that are failures, beside no connection, no answer and a broken one. Default 502, 503, 504.
    pub statuses: Vec<u16>,
    /// `eject`: for how long the first time; each time in a row twice as long. Default 30 s.
    pub eject: Duration,
    /// `max_eject`: the longest. Default 5 min.
    pub max_eject: Duration,
    /// `max_ejected`: the share of the servers that may be out, unhealthy ones included. Default 0.5.
    pub max_ejected: f64,
}

impl Default for Outlier {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            failure_share: None,
            window: Duration::from_secs(10),
            least_requests: 20,
            statuses: vec![502, 503, 504],
            eject: Duration::from_secs(30),
            max_eject: Duration::from_secs(300),
            max_ejected: 0.5,
        }
    }
}

/// How a server is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// Smooth weighted round robin.
    RoundRobin,
    /// Two by chance, of them the one with fewer requests in flight.
    Random,
    /// The fewest requests in flight for its weight.
    LeastRequests,
    /// Ketama ring.
    ConsistentHash,
}

impl Balance {
    /// The word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
            Self::LeastRequests => "least_requests",
            Self::ConsistentHash => "consistent_hash",
        }
    }
}

/// What a request is hashed by.
#[derive(Clone, Debug, PartialEq)]
pub enum Affinity {
    /// The login session, for bearers the subject, for the anonymous the source.
    Session,
    /// `{ cookie: name }`: a sealed cookie that Ostia sets; it names the server.
    Cookie(String),
    /// `{ application_cookie: name }`: the value of a cookie that the application sets; without it the source.
    ApplicationCookie(String),
    /// `{ header: name }`: the value of a request field; without it the source.
    Header(HeaderName),
    /// The client's address.
    Source,
    /// `{ claim: path }`: a claim that is a string or a number; without it the source.
    Claim(ClaimPath),
}

/// Active health check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// What is asked.
    pub ask: HealthAsk,
    /// `port`: another than that of requests.
    pub port: Option<u16>,
    /// `interval` of a healthy server, default 5 s, with jitter of a tenth.
    pub interval: Duration,
    /// `fast_interval` while the health is unknown or the last checks say otherwise. Default 1 s, or `interval` if that
    /// is shorter.
    pub fast_interval: Duration,
    /// `down_interval` of a server that is down. Default: `interval`.
    pub down_interval: Duration,
    /// `timeout` of one whole check. Default 2 s.
    pub timeout: Duration,
    /// `rise`: successes in a row that make a server healthy. Default 2.
    pub rise: u32,
    /// `fall`: failures in a row that make it unhealthy. Default 3.
    pub fall: u32,
    /// `until_checked: wait`: a server gets no requests before it was proven healthy. Default: it serves until it is
    /// proven dead.
    pub waits_for_check: bool,
}

/// What a health check asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HealthAsk {
    /// Whether a connection can be made.
    Tcp,
    /// `tls: true`: whether a TLS handshake succeeds.
    Tls,
    /// `path`: whether an HTTP request is answered as expected.
    Http {
        /// `method`, default `GET`.
        method: Method,
        /// `path`.
        path: String,
        /// `host`: the Host of the check. Default: the server's address.
        host: Option<String>,
        /// `expect`: statuses that are healthy. Default `[200]`.
        expect: Vec<u16>,
        /// `body`: a text that the first 64 KiB of the body must hold.
        body: Option<String>,
    },
    /// `grpc`: whether `grpc.health.v1.Health/Check` says `SERVING`.
    Grpc {
        /// The service; empty for the server as a whole.
        service: String,
    },
}
