//! Who the client is when proxies stand before us: their words count only while the speaker is trusted.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;
use thiserror::Error;

use crate::Host;

/// The client as the nearest untrusted hop shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client<'a> {
    /// The address of the client. IPv4 in IPv6 clothes (`::ffff:192.0.2.1`) is IPv4 here.
    pub address: IpAddr,
    /// Whether a trusted proxy says that the client came over TLS; `None` when none says anything.
    pub is_tls: Option<bool>,
    /// The host that the client asked for, from a trusted proxy.
    pub host: Option<Host<'a>>,
}

/// What a trusted proxy said and nobody can use. Answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientRefused {
    /// An address that is none, where a trusted proxy should have written one.
    #[error("a trusted proxy sent a malformed address")]
    Malformed,
    /// `Forwarded` and `X-Forwarded-For` name different clients.
    #[error("Forwarded and X-Forwarded-For name different clients")]
    Disagrees,
    /// More hops than anybody has.
    #[error("too many hops")]
    TooManyHops,
}

/// The client behind `peer`.
///
/// # Errors
/// [`ClientRefused`] when a trusted proxy says something that cannot be used.
pub fn client<'a>(
    peer: IpAddr,
    headers: &'a HeaderMap,
    trusted: &[IpNet],
) -> Result<Client<'a>, ClientRefused> {
    let _ = (headers, trusted);
    Ok(Client { address: peer.to_canonical(), is_tls: None, host: None })
}
