//! What is known of the request besides who makes it.

use std::net::IpAddr;
use std::time::SystemTime;

/// The circumstances of one request. Borrowed; costs nothing to make.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The client's address, as the connection or a trusted proxy tells it. An IPv4 address inside of IPv6
    /// (`::ffff:192.0.2.1`) counts as IPv4: made so by [`Facts::new`].
    pub source: IpAddr,
    /// The time of the request.
    pub now: SystemTime,
    /// The method.
    pub method: &'a str,
    /// The host that was asked for: lower case, without port.
    pub host: &'a str,
    /// The path as it came, without the query.
    pub path: &'a str,
    /// The certificate of the client's connection, if the listener verified one.
    pub certificate: Option<ClientCertificate<'a>>,
}

/// What a verified client certificate says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificate<'a> {
    /// The distinguished name of the subject (RFC 4514).
    pub subject: &'a str,
    /// The distinguished name of the issuer (RFC 4514).
    pub issuer: &'a str,
    /// The subject alternative names as plain text: DNS names, e-mail addresses, URIs, IP addresses.
    pub names: &'a [String],
    /// The SHA-256 of the certificate (DER), as lower-case hex.
    pub sha256: &'a str,
}

impl<'a> Facts<'a> {
    /// A request for this host and path, without a client certificate.
    #[must_use]
    pub fn new(source: IpAddr, now: SystemTime, method: &'a str, host: &'a str, path: &'a str) -> Self {
        Self { source: source.to_canonical(), now, method, host, path, certificate: None }
    }
}
