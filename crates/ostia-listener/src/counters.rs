//! What a listener counted, as atomics that a scrape reads without a lock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::head::HeadRefused;
use crate::http2::Flood;

/// Why a connection was turned away, or ended without having been asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionRefused {
    /// `limits.connections` are open already.
    Limit,
    /// The TLS handshake failed.
    Handshake,
    /// The TLS handshake took longer than 10 s.
    HandshakeTimeout,
    /// The client negotiated no protocol that is spoken here.
    NoProtocol,
    /// The HTTP/2 preface was wrong or late.
    Preface,
    /// `proxy_protocol: require`, and the peer is none of `trusted_proxies`.
    ProxyHeaderOfStranger,
    /// `proxy_protocol: require`, and the connection began with something else, or ended.
    ProxyHeaderMissing,
    /// A PROXY header that cannot be read.
    ProxyHeaderMalformed,
    /// The PROXY header took longer than `limits.header_timeout`.
    ProxyHeaderTimeout,
    /// An authority looked at a challenge (`tls-alpn-01`) and was answered.
    AcmeChallenge,
    /// `limits.connections_per_address` are open already.
    AddressLimit,
    /// HTTP/2: streams were reset faster than they were answered, by the client or because of it.
    ResetFlood,
    /// HTTP/2: pings, settings, priorities, windows or empty DATA without end.
    FrameFlood,
    /// HTTP/2: one malformed request after the other.
    Protocol,
}

impl ConnectionRefused {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 14] = [
        Self::Limit,
        Self::Handshake,
        Self::HandshakeTimeout,
        Self::NoProtocol,
        Self::Preface,
        Self::ProxyHeaderOfStranger,
        Self::ProxyHeaderMissing,
        Self::ProxyHeaderMalformed,
        Self::ProxyHeaderTimeout,
        Self::AcmeChallenge,
        Self::AddressLimit,
        Self::ResetFlood,
        Self::FrameFlood,
        Self::Protocol,
    ];

    /// The reason in metrics and logs.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Handshake => "handshake",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::NoProtocol => "no_protocol",
            Self::Preface => "preface",
            Self::ProxyHeaderOfStranger => "proxy_header_of_stranger",
            Self::ProxyHeaderMissing => "proxy_header_missing",
            Self::ProxyHeaderMalformed => "proxy_header_malformed",
            Self::ProxyHeaderTimeout => "proxy_header_timeout",
            Self::AcmeChallenge => "acme_challenge",
            Self::AddressLimit => "address_limit",
            Self::ResetFlood => "http2_reset_flood",
            Self::FrameFlood => "http2_frame_flood",
            Self::Protocol => "http2_protocol",
        }
    }
}

impl From<Flood> for ConnectionRefused {
    fn from(flood: Flood) -> Self {
        match flood {
            Flood::Resets => Self::ResetFlood,
            Flood::Frames => Self::FrameFlood,
        }
    }
}

/// The counters of one listener. They survive a reload.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    accept_errors: AtomicU64,
    handshakes: AtomicU64,
    acme_orders: [AtomicU64; 2],
    active: AtomicUsize,
    connections_refused: [AtomicU64; ConnectionRefused::ALL.len()],
    heads_refused: [AtomicU64; HeadRefused::ALL.len()],
}

impl Counters {
    /// Connections that the kernel handed over, refused ones included.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// `accept` calls that failed, mostly for want of file descriptors.
    #[must_use]
    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.load(Relaxed)
    }

    /// TLS handshakes that succeeded.
    #[must_use]
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Relaxed)
    }

    /// Orders of certificates by ACME: issued, failed.
    #[must_use]
    pub fn acme_orders(&self) -> (u64, u64) {
        let [issued, failed] = &self.acme_orders;
        (issued.load(Relaxed), failed.load(Relaxed))
    }

    pub(crate) fn count_acme_order(&self, is_issued: bool) {
        let [issued, failed] = &self.acme_orders;
        if is_issued { issued } else { failed }.fetch_add(1, Relaxed);
    }

    /// Connections that are open now, idle ones included.
    #[must_use]
    pub fn active(&self) -> usize {
        self.active.load(Relaxed)
    }

    /// Connections that were turned away or cut, by reason slug.
    pub fn connections_refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ConnectionRefused::ALL.iter().map(|r| r.slug()).zip(self.connections_refused.iter().map(load))
    }

    /// Request heads that were refused before the request path saw them, by reason slug.
    pub fn heads_refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        HeadRefused::ALL.iter().map(|r| r.slug()).zip(self.heads_refused.iter().map(load))
    }

    pub(crate) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_handshake(&self) {
        self.handshakes.fetch_add(1, Relaxed);
    }

    pub(crate) fn refuse_connection(&self, reason: ConnectionRefused) {
        if let Some(counter) = self.connections_refused.get(reason as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn refuse_head(&self, reason: HeadRefused) {
        if let Some(counter) = self.heads_refused.get(reason as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// False when `limit` connections are open already; then nothing was counted.
    pub(crate) fn open(&self, limit: usize) -> bool {
        if self.active.fetch_add(1, Relaxed) < limit {
            return true;
        }
        self.close();
        false
    }

    /// True when this was the last open connection.
    pub(crate) fn close(&self) -> bool {
        self.active.fetch_sub(1, Relaxed) == 1
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}
