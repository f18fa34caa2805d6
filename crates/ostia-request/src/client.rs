//! Who the client is when proxies stand before us: their words count only while the speaker is trusted.

mod forwarded;

use std::net::{IpAddr, SocketAddr};
use std::str;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use thiserror::Error;

use crate::Host;

#[cfg(test)]
mod tests;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The most hops that are followed.
const MOST_HOPS: usize = 32;

/// The client as the nearest untrusted hop shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client<'a> {
    /// The address of the client. IPv4 in IPv6 clothes (`::ffff:192.0.2.1`) is IPv4 here.
    pub address: IpAddr,
    /// Whether a trusted proxy says that the client came over TLS; `None` when none says anything clear.
    pub is_tls: Option<bool>,
    /// The host that the client asked for, from a trusted proxy. For logs and for `X-Forwarded-Host`: it decides no
    /// route and is part of no URL that we make.
    pub host: Option<Host<'a>>,
}

/// What a trusted proxy said and nobody can use. Answered with 400: to go on with the address of the proxy would let
/// the client through where only the proxy may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientRefused {
    /// A hop that names no address (`unknown`, `_hidden`, something else), or a `Forwarded` outside the grammar of
    /// RFC 7239 section 4.
    #[error("a trusted proxy sent a malformed address")]
    Malformed,
    /// `Forwarded` and `X-Forwarded-*` contradict each other: one of them is the client's own, and we cannot know which.
    #[error("Forwarded and X-Forwarded-* contradict each other")]
    Disagrees,
    /// More hops than anybody has.
    #[error("there are too many forwarding hops")]
    TooManyHops,
}

impl ClientRefused {
    /// The reason in metrics, logs and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Malformed => "forwarded_malformed",
            Self::Disagrees => "forwarded_disagrees",
            Self::TooManyHops => "forwarded_too_many_hops",
        }
    }
}

/// The client behind `peer`.
///
/// Without trust in the peer no forwarding field is even looked at. With it, `X-Forwarded-For` and `Forwarded`
/// (RFC 7239) are read from the right, each hop believed only because the one after it is trusted; the first address
/// outside `trusted` is the client, and nothing to its left is read. What that hop's neighbour says of scheme and host
/// counts too. Does not allocate in ordinary use.
///
/// # Errors
/// [`ClientRefused`] when a trusted proxy says something that cannot be used.
pub fn client<'a>(
    peer: IpAddr,
    headers: &'a HeaderMap,
    trusted: &[IpNet],
) -> Result<Client<'a>, ClientRefused> {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return Ok(Client { address: peer, is_tls: None, host: None });
    }
    let of_x = x_forwarded_for(peer, headers, trusted)?;
    let hop = forwarded::nearest(peer, headers, trusted)?;
    let (is_tls, host) = match &hop {
        Some(hop) => (hop.is_tls, hop.host.clone()),
        None => (None, None),
    };
    Ok(Client {
        address: agreed(of_x, hop.map(|hop| hop.address))?.unwrap_or(peer),
        is_tls: agreed(x_forwarded_proto(headers), is_tls)?,
        host: agreed(x_forwarded_host(headers), host)?,
    })
}

/// Whether an address is one of the trusted proxies. IPv4 in IPv6 clothes, as a dual-stack listener shows it, counts as
/// IPv4.
#[must_use]
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// What both say, or what the only one says that speaks.
fn agreed<T: PartialEq>(one: Option<T>, other: Option<T>) -> Result<Option<T>, ClientRefused> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(ClientRefused::Disagrees),
        (one, other) => Ok(one.or(other)),
    }
}

fn x_forwarded_for(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Result<Option<IpAddr>, ClientRefused> {
    let hops = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|field| field.as_bytes().rsplit(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|hop| !hop.is_empty());
    let mut nearest = None;
    for (hops, hop) in hops.enumerate() {
        if !is_trusted(nearest.unwrap_or(peer), trusted) {
            break;
        }
        if hops == MOST_HOPS {
            return Err(ClientRefused::TooManyHops);
        }
        nearest = Some(parse_address(hop).ok_or(ClientRefused::Malformed)?);
    }
    Ok(nearest)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// Exactly one field with exactly one known scheme; anything else (Apache makes lists) says nothing.
fn x_forwarded_proto(headers: &HeaderMap) -> Option<bool> {
    is_tls(only(headers, &X_FORWARDED_PROTO)?)
}

fn x_forwarded_host(headers: &HeaderMap) -> Option<Host<'_>> {
    Host::parse(only(headers, &X_FORWARDED_HOST)?).ok()
}

/// `wss` and `ws` are what Traefik says of a WebSocket.
fn is_tls(scheme: &[u8]) -> Option<bool> {
    let is = |name: &str| scheme.eq_ignore_ascii_case(name.as_bytes());
    if is("https") || is("wss") {
        Some(true)
    } else if is("http") || is("ws") {
        Some(false)
    } else {
        None
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes().trim_ascii()),
        _ => None,
    }
}
