//! How the servers of a group are reached: the lines of HTTP/1.1, and the peers that Pingora is given.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};

use ostia_config::upstream::{Protocol, ServerAddress, Upstream};
use parking_lot::Mutex;
use pingora_core::upstreams::peer::{ALPN, HttpPeer, Peer as _, Scheme};

use crate::picked::Picked;
use crate::proxy_header::{self, Ends};
use crate::tls::UpstreamTls;
use crate::wire::{Line, LineCounters, Patience, PlainDial, Trip};

/// Streams on one HTTP/2 connection at most; what servers usually allow.
const STREAMS: usize = 100;
/// Stands for a socket whose path cannot be one, which the configuration refuses: nobody listens on port 0.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What one request wants of its connection.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How long the server may keep silent.
    pub patience: Patience,
    /// The connection becomes a tunnel (WebSocket): it speaks HTTP/1.1, is a new one, and is not kept.
    pub is_tunnel: bool,
    /// The ends of the client's connection, for `proxy_protocol`.
    pub ends: Option<Ends>,
}

/// The way to a picked server.
#[derive(Debug)]
pub struct Way {
    /// For Pingora.
    pub peer: Box<HttpPeer>,
    /// Asked how it went; `None` with HTTP/2, whose connections are Pingora's.
    pub trip: Option<Arc<Trip>>,
}

/// How the servers of a group are reached.
#[derive(Debug)]
pub(crate) struct Reach {
    section: Arc<Upstream>,
    tls: Option<UpstreamTls>,
    /// Connections are shared only where this is equal.
    key: u64,
}

/// Lines that are in use, by address and by all that decides how they are reached. One for a process and upstream: a
/// server that stays keeps its connections when the set of servers is exchanged or the configuration reloaded.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    in_use: Mutex<BTreeMap<(ServerAddress, u64), Weak<Line>>>,
    counters: Arc<LineCounters>,
}

impl Lines {
    /// What is counted of the connections to all servers.
    pub(crate) fn counters(&self) -> &Arc<LineCounters> {
        &self.counters
    }
}

impl Reach {
    pub(crate) fn new(section: &Arc<Upstream>, tls: Option<UpstreamTls>) -> Self {
        let mut hasher = DefaultHasher::new();
        section.name.hash(&mut hasher);
        (section.protocol, section.proxy_protocol, tls.as_ref().map(UpstreamTls::digest)).hash(&mut hasher);
        (section.timeouts.connect, section.keep_alive.connections).hash(&mut hasher);
        (section.keep_alive.idle, section.keep_alive.min_idle).hash(&mut hasher);
        Self { section: Arc::clone(section), tls, key: hasher.finish() }
    }

    pub(crate) fn tls(&self) -> Option<&UpstreamTls> {
        self.tls.as_ref()
    }

    /// The line to a server.
    pub(crate) fn line(&self, address: &ServerAddress, lines: &Lines) -> Arc<Line> {
        let mut in_use = lines.in_use.lock();
        in_use.retain(|_, line| line.strong_count() > 0);
        let known = in_use.entry((address.clone(), self.key)).or_default();
        known.upgrade().unwrap_or_else(|| {
            let tls = self.tls.as_ref().map(UpstreamTls::line);
            let (connect, keep_alive) = (self.section.timeouts.connect, &self.section.keep_alive);
            let line = Arc::new(Line::new(address.clone(), connect, tls, keep_alive, &lines.counters));
            *known = Arc::downgrade(&line);
            line
        })
    }

    /// The peer that requests and checks of a server start from; cloning it allocates nothing but its box.
    pub(crate) fn template(&self, address: &ServerAddress) -> HttpPeer {
        let timeouts = &self.section.timeouts;
        let mut peer = at(address);
        peer.group_key = self.key;
        let options = &mut peer.options;
        options.idle_timeout = Some(self.section.keep_alive.idle);
        options.write_timeout = Some(timeouts.between_bytes);
        options.connection_timeout = Some(timeouts.connect);
        options.total_connection_timeout = Some(timeouts.connect);
        options.read_timeout = Some(timeouts.between_bytes);
        options.max_h2_streams = STREAMS;
        options.alpn = if self.section.protocol.is_multiplexed() { ALPN::H2 } else { ALPN::H1 };
        if let Some(version) = self.section.proxy_protocol {
            // Of our own, such as health checks.
            options.custom_l4 =
                Some(Arc::new(PlainDial { header: proxy_header::local(version), within: timeouts.connect }));
        }
        if let Some(tls) = &self.tls {
            options.ca = Some(Arc::clone(tls.authorities()));
            // Never empty: without a name Pingora checks nothing.
            tls.sni().clone_into(&mut peer.sni);
            peer.scheme = Scheme::HTTPS;
            peer.client_cert_key = tls.client().cloned();
        }
        peer
    }

    /// The way to a picked server.
    pub(crate) fn way(&self, picked: &Picked, wish: Wish) -> Way {
        let server = picked.server();
        let version = self.section.proxy_protocol;
        let header = version.zip(wish.ends).map(|(version, ends)| proxy_header::bytes(version, &ends));
        let mut peer = Box::new(server.template.clone());
        if self.section.protocol == Protocol::Http1 || wish.is_tunnel {
            let trip = Trip::new(&server.line, wish.patience, header, wish.is_tunnel);
            peer.scheme = Scheme::HTTP;
            peer.options.alpn = ALPN::H1;
            peer.options.read_timeout = None;
            peer.options.connection_timeout = None;
            peer.options.total_connection_timeout = None;
            peer.options.write_timeout = Some(wish.patience.between_bytes);
            peer.options.custom_l4 = Some(Arc::clone(&trip) as _);
            return Way { peer, trip: Some(trip) };
        }
        peer.options.read_timeout = Some(wish.patience.between_bytes);
        peer.options.write_timeout = Some(wish.patience.between_bytes);
        if let Some(header) = header {
            let mut hasher = DefaultHasher::new();
            (peer.group_key, &header).hash(&mut hasher);
            peer.group_key = hasher.finish();
            let dial = PlainDial { header, within: self.section.timeouts.connect };
            peer.options.custom_l4 = Some(Arc::new(dial));
        }
        Way { peer, trip: None }
    }
}

/// A number for the way in which an address is reached: upstreams that reach it in clear text by the same protocol have
/// the same, with TLS or a PROXY header each has its own.
pub(crate) fn way(template: &HttpPeer) -> u64 {
    let mut hasher = DefaultHasher::new();
    template.options.alpn.hash(&mut hasher);
    if template.tls() || template.options.custom_l4.is_some() {
        template.group_key.hash(&mut hasher);
    }
    hasher.finish()
}

fn at(address: &ServerAddress) -> HttpPeer {
    match address {
        ServerAddress::Ip(address) => HttpPeer::new(address, false, String::new()),
        ServerAddress::Unix(path) => HttpPeer::new_uds(&path.to_string_lossy(), false, String::new())
            .unwrap_or_else(|_| HttpPeer::new(NOWHERE, false, String::new())),
    }
}

#[cfg(test)]
mod tests;
