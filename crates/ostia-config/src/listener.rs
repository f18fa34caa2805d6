//! `listeners`: where clients connect.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use crate::{Name, Secret};

/// One named listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its key under `listeners`.
    pub name: Name,
    /// Addresses to bind, at least one.
    pub bind: Vec<SocketAddr>,
    /// `redirect: https`: answers every request with 308 to the same URL under `https`.
    pub redirect_to_https: bool,
    /// TLS is terminated here when present.
    pub tls: Option<Tls>,
    /// `protocols`, default `[h2, http/1.1]` with TLS and `[http/1.1]` without (there `h2` means prior knowledge, RFC
    /// 9113 section 3.3).
    pub protocols: Protocols,
    /// Peers whose `X-Forwarded-*` and `Forwarded` are believed. Empty by default.
    pub trusted_proxies: Vec<IpNet>,
    /// `proxy_protocol`, default `refuse`.
    pub proxy_protocol: ProxyProtocol,
    /// Bounds on what a client may send.
    pub limits: Limits,
}

/// Whether a PROXY header stands in front of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// Never.
    Refuse,
    /// From `trusted_proxies` it may.
    Accept,
    /// It must, and nobody but `trusted_proxies` may connect.
    Require,
}

/// TLS of a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// At least one pair, unless there is `acme`; chosen by SNI from the names in the certificates, the first also answers clients without
    /// SNI.
    pub certificates: Vec<Certificate>,
    /// `min_version`, default `"1.2"`.
    pub min_version: TlsVersion,
    /// `client_ca_file` and `client_certificate`; clients are not asked for certificates without.
    pub client_certificates: Option<ClientCertificates>,
    /// `ticket_keys_file`; without it Ostia makes and rotates `tickets.keys` in the state folder.
    pub ticket_keys_file: Option<PathBuf>,
    /// `acme`: certificates that an authority issues by itself, beside `certificates`.
    pub acme: Option<Acme>,
}

/// Certificates by ACME (RFC 8555).
#[derive(Clone, Debug, PartialEq)]
pub struct Acme {
    /// `contact`: URLs, mostly `mailto:`.
    pub contact: Vec<String>,
    /// `directory`, `https` alone; `None` is Let's Encrypt.
    pub directory: Option<Url>,
    /// `ca_file`; `None`: the authorities of the system.
    pub ca_file: Option<PathBuf>,
    /// `names`, lower case; by default the exact hosts of all routes.
    pub names: Vec<String>,
    /// `challenges`, at least one; the next is tried after a failure.
    pub challenges: Vec<AcmeChallenge>,
    /// `external_account`.
    pub external_account: Option<ExternalAccount>,
    /// `folder`; `None`: `acme` in the state folder.
    pub folder: Option<PathBuf>,
}

impl Acme {
    /// Where certificates are kept, on a node with this state folder.
    #[must_use]
    pub fn folder(&self, state_dir: &Path) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| state_dir.join("acme"))
    }
}

/// How an authority asks back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// RFC 8555 section 8.3: a file over plain HTTP.
    Http01,
    /// RFC 8737: a certificate over TLS.
    TlsAlpn01,
}

/// The account at the authority's own site (RFC 8555 section 7.3.4).
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalAccount {
    /// The key's identifier.
    pub key_id: String,
    /// The key, as base64url.
    pub hmac_key: Secret<String>,
}

/// Which clients show a certificate, and whose.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientCertificates {
    /// `client_ca_file`: the authorities, PEM.
    pub ca_file: PathBuf,
    /// `client_certificate: required` (the default) or `optional`.
    pub is_required: bool,
}

/// A certificate chain and its key, both PEM files; relative paths are beside the configuration file (or in
/// `$CREDENTIALS_DIRECTORY`, which is tried first).
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Leaf first.
    pub cert_file: PathBuf,
    /// PKCS#8, PKCS#1 or SEC1.
    pub key_file: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// What is spoken to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols {
    /// HTTP/1.1, RFC 9112.
    pub http1: bool,
    /// HTTP/2 by ALPN, without TLS by prior knowledge, RFC 9113.
    pub http2: bool,
}

/// Bounds of a listener. Each has a default; none can be switched off.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Connections open at once. Default 100000.
    pub connections: usize,
    /// The whole request head. Default 16 KiB; more is answered with 431.
    pub header_bytes: usize,
    /// Fields in a request head. Default 100; more is answered with 431.
    pub headers: usize,
    /// A request body. Default 100 MiB; more is answered with 413.
    pub body_bytes: u64,
    /// From the first byte of a request (or the accept) to the end of its head. Default 10 s; answered with 408.
    pub header_timeout: Duration,
    /// Between two reads of a request body. Default 30 s.
    pub body_timeout: Duration,
    /// How long an idle connection is kept. Default 75 s.
    pub keep_alive: Duration,
    /// Connections open at once from one IPv4 address or one IPv6 `/64`; trusted proxies are not counted. Default
    /// 4096.
    pub connections_per_address: usize,
    /// HTTP/2: requests in progress at once on one connection. Default 128, at most 1000.
    pub streams_per_connection: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            header_bytes: 16 * 1024,
            headers: 100,
            body_bytes: 100 * 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            connections_per_address: 4096,
            streams_per_connection: 128,
        }
    }
}
