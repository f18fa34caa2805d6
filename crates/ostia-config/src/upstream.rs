//! `upstreams`: groups of servers.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderName;

use crate::Name;
use crate::policy::ClaimPath;

/// One named group of servers.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Its key under `upstreams`, or the address that a route wrote.
    pub name: Name,
    /// At least one.
    pub servers: Vec<Server>,
    /// `balance`, default `round_robin`.
    pub balance: Balance,
    /// `affinity`: what `consistent_hash` hashes. Default `source`; only allowed with `consistent_hash`.
    pub affinity: Affinity,
    /// `bounded_load`: a server takes at most this multiple of the mean load of requests in flight. Default 1.25.
    pub bounded_load: f64,
    /// `health_check`; absent: servers are taken to be healthy.
    pub health_check: Option<HealthCheck>,
    /// `retry`.
    pub retry: Retry,
    /// `timeouts`.
    pub timeouts: Timeouts,
    /// `keep_alive`.
    pub keep_alive: KeepAlive,
}

/// One server of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// `address`: IP and port. A name is resolved once at load (DNS discovery is not supported yet).
    pub address: SocketAddr,
    /// `weight`, 1 to 1000. Default 1.
    pub weight: u16,
    /// `backup`: used only when no other server is healthy.
    pub backup: bool,
}

/// How a server is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// Smooth weighted round robin.
    RoundRobin,
    /// Ketama ring.
    ConsistentHash,
}

/// What a request is hashed by.
#[derive(Clone, Debug, PartialEq)]
pub enum Affinity {
    /// The login session, for bearers the subject, for the anonymous the source.
    Session,
    /// `{ cookie: name }`: the value of a cookie that the application sets; without it the source.
    Cookie(String),
    /// `{ header: name }`: the value of a request field; without it the source.
    Header(HeaderName),
    /// The client's address.
    Source,
    /// `{ claim: path }`: a claim that is a string or a number; without it the source.
    Claim(ClaimPath),
}

/// Active health check. With `path` it is HTTP, without it a TCP connect.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheck {
    /// `path`: absent means TCP.
    pub path: Option<String>,
    /// `host`: the Host of the check. Default: the server's address.
    pub host: Option<String>,
    /// `expect`: statuses that are healthy. Default `[200]`.
    pub expect: Vec<u16>,
    /// `interval`, default 5 s, with jitter of a tenth.
    pub interval: Duration,
    /// `timeout` of one whole check. Default 2 s.
    pub timeout: Duration,
    /// `rise`: successes in a row that make a server healthy. Default 2.
    pub rise: u32,
    /// `fall`: failures in a row that make it unhealthy. Default 3.
    pub fall: u32,
}

/// Trying another server.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// `attempts` after the first. Default 1, at most 5. Only where nothing was sent, or the request is idempotent
    /// and no byte of an answer came.
    pub attempts: u32,
}

/// Timeouts towards the servers of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// `connect`, default 1 s.
    pub connect: Duration,
    /// `between_bytes`: until the answer begins, and between two reads of it. Default 60 s.
    pub between_bytes: Duration,
    /// `idle` of an upgraded connection (WebSocket), default 1 h.
    pub idle: Duration,
}

/// Idle connections to a server.
#[derive(Clone, Debug, PartialEq)]
pub struct KeepAlive {
    /// `idle`: how long one is kept. Default 55 s.
    pub idle: Duration,
}
