//! What is known of the request besides who makes it.

use std::net::IpAddr;

/// The circumstances of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The client's address, as the connection or a trusted proxy tells it. An IPv4 address inside of IPv6
    /// (`::ffff:192.0.2.1`) counts as IPv4.
    pub source: IpAddr,
}

impl Facts {
    /// A request from this address.
    #[must_use]
    pub fn new(source: IpAddr) -> Self {
        Self { source: source.to_canonical() }
    }
}
