//! How the servers of a group are reached: protocol, TLS, timeouts, kept connections, bounds.

use std::path::PathBuf;
use std::time::Duration;

/// What is spoken to the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `http/1.1`.
    #[default]
    Http1,
    /// `h2`: HTTP/2 over TLS.
    H2,
    /// `h2c`: HTTP/2 in clear text, by prior knowledge (RFC 9113 section 3.3).
    H2c,
}

impl Protocol {
    /// The word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::H2 => "h2",
            Self::H2c => "h2c",
        }
    }

    /// Whether requests share connections.
    #[must_use]
    pub fn is_multiplexed(self) -> bool {
        self != Self::Http1
    }
}

/// `tls`: TLS to the servers. Their name and chain are always checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// `server_name`: the name, or the address, that every server's certificate must be for; a name is also sent as
    /// SNI.
    pub server_name: String,
    /// `ca_file`: who may have issued the certificates. Absent: the authorities of the system.
    pub ca_file: Option<PathBuf>,
    /// `client_cert_file` and `client_key_file`.
    pub client: Option<ClientCertificate>,
}

/// How Ostia shows the servers who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientCertificate {
    /// The chain, leaf first.
    pub cert_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
}

/// `proxy_protocol`: tells the servers the client's address before the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyProtocol {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

impl ProxyProtocol {
    /// The word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// Timeouts towards the servers of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// `connect`: until the connection stands, TLS included. Default 1 s.
    pub connect: Duration,
    /// `first_byte`: from the end of the request until the answer begins. Default: as `between_bytes`.
    pub first_byte: Duration,
    /// `between_bytes`: between two reads of the answer. Default 60 s.
    pub between_bytes: Duration,
    /// `idle` of an upgraded connection (WebSocket), default 1 h.
    pub idle: Duration,
}

/// Connections that are kept for the next request, for each server.
#[derive(Clone, Debug, PartialEq)]
pub struct KeepAlive {
    /// `connections`: how many wait at most. Default 128; 0: none is kept.
    pub connections: usize,
    /// `idle`: how long one is kept. Default 55 s.
    pub idle: Duration,
    /// `min_idle`: how many always wait, made in advance. Default 0.
    pub min_idle: usize,
}

/// Bounds on what is sent to the servers at the same time.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// `connections`: requests at one server, each with its connection. Default 10,000.
    pub connections: u32,
    /// `requests`: requests at all servers of the group. Default 100,000.
    pub requests: u32,
    /// `pending`: requests that wait for a place. Default 100; 0: none waits.
    pub pending: u32,
    /// `pending_timeout`: how long one waits. Default 1 s.
    pub pending_timeout: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            connect: Duration::from_secs(1),
            first_byte: minute,
            between_bytes: minute,
            idle: Duration::from_secs(3600),
        }
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { connections: 128, idle: Duration::from_secs(55), min_idle: 0 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, requests: 100_000, pending: 100, pending_timeout: Duration::from_secs(1) }
    }
}
