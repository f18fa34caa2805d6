//! `admin`: where the operator and Prometheus connect.

use std::net::SocketAddr;

/// The read-only address: `/metrics`, `/livez`, `/readyz`.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// `bind`, default `127.0.0.1:9910`; loopback only.
    pub bind: SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 9910)) }
    }
}
