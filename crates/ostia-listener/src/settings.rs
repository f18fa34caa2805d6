//! What a reload changes on a bound listener.

use std::sync::Arc;
use std::time::Duration;

use ostia_config::listener::Limits;

use crate::proxy_protocol::ProxyHeaders;
use crate::tls::Tls;

/// One compiled configuration of a listener; swapped whole.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) bounds: Bounds,
    pub(crate) connections: usize,
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
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            header_bytes: limits.header_bytes,
            headers: limits.headers,
            header_timeout: limits.header_timeout,
            body_timeout: limits.body_timeout,
            keep_alive: limits.keep_alive,
        }
    }
}
