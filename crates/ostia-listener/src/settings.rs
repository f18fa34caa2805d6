//! What a reload changes on a bound listener.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use ostia_config as config;
use ostia_config::listener::{Limits, Protocols};

use crate::proxy_protocol::ProxyHeaders;
use crate::tls::Tls;

/// One compiled configuration of a listener; swapped whole.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) bounds: Bounds,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) protocols: Protocols,
    trusted_proxies: Vec<IpNet>,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) proxy_headers: ProxyHeaders,
}

/// The bounds that each request is read under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) header_bytes: usize,
    pub(crate) headers: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) streams: u32,
}

impl Settings {
    pub(crate) fn new(section: &config::Listener, tls: Option<Arc<Tls>>) -> Self {
        Self {
            bounds: (&section.limits).into(),
            connections: section.limits.connections,
            connections_per_address: section.limits.connections_per_address,
            protocols: section.protocols,
            trusted_proxies: section.trusted_proxies.clone(),
            tls,
            proxy_headers: ProxyHeaders::new(section.proxy_protocol, &section.trusted_proxies),
        }
    }

    /// The same with other certificates.
    pub(crate) fn with_tls(&self, tls: Arc<Tls>) -> Self {
        Self { tls: Some(tls), ..self.clone() }
    }

    /// The most connections that this peer may have open; a trusted proxy brings many clients and is not counted.
    pub(crate) fn most_from(&self, peer: IpAddr) -> Option<usize> {
        let peer = peer.to_canonical();
        let is_trusted = self.trusted_proxies.iter().any(|network| network.contains(&peer));
        (!is_trusted).then_some(self.connections_per_address)
    }
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            header_bytes: limits.header_bytes,
            headers: limits.headers,
            header_timeout: limits.header_timeout,
            body_timeout: limits.body_timeout,
            keep_alive: limits.keep_alive,
            streams: limits.streams_per_connection,
        }
    }
}
