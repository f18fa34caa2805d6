//! A server as Pingora's peer: address, timeouts, and who may share its connections.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ostia_config::upstream::{ServerAddress, Upstream};
use pingora_core::upstreams::peer::{HttpPeer, Peer as _};

/// The peer that every request to a server starts from; cloning it allocates nothing but its box.
///
/// Pingora has one timeout for all reads, so the answer's first byte has as long as its further ones.
pub(crate) fn template(section: &Upstream, address: &ServerAddress) -> HttpPeer {
    let timeouts = &section.timeouts;
    let mut peer = at(address);
    peer.group_key = group_key(section);
    let options = &mut peer.options;
    options.connection_timeout = Some(timeouts.connect);
    options.total_connection_timeout = Some(timeouts.connect);
    options.read_timeout = Some(timeouts.between_bytes);
    options.write_timeout = Some(timeouts.between_bytes);
    options.idle_timeout = Some(section.keep_alive.idle);
    peer
}

fn at(address: &ServerAddress) -> HttpPeer {
    match address {
        ServerAddress::Ip(address) => HttpPeer::new(address, false, String::new()),
        ServerAddress::Unix(path) => HttpPeer::new_uds(&path.to_string_lossy(), false, String::new())
            .unwrap_or_else(|_| HttpPeer::new(NOWHERE, false, String::new())),
    }
}

/// Stands for a socket whose path cannot be one, which the configuration refuses: nobody listens on port 0.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A number for the way in which an address is reached: upstreams that reach it in clear text by the same protocol have
/// the same, with TLS each has its own.
pub(crate) fn way(template: &HttpPeer) -> u64 {
    let mut hasher = DefaultHasher::new();
    template.options.alpn.hash(&mut hasher);
    if template.tls() {
        template.group_key.hash(&mut hasher);
    }
    hasher.finish()
}

/// Idle connections are shared within a group only: two groups may reach one address in different ways.
fn group_key(section: &Upstream) -> u64 {
    let mut hasher = DefaultHasher::new();
    section.name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::group::tests::section;

    #[test]
    fn every_wait_for_a_server_has_a_deadline() {
        let peer = template(&section(1), &SocketAddr::from(([127, 0, 0, 1], 80)).into());
        let options = &peer.options;
        assert_eq!(options.connection_timeout, Some(Duration::from_secs(1)));
        assert_eq!(options.total_connection_timeout, Some(Duration::from_secs(1)));
        assert_eq!(options.read_timeout, Some(section(1).timeouts.between_bytes));
        assert_eq!(options.write_timeout, Some(Duration::from_secs(50)));
        assert_eq!(options.idle_timeout, Some(Duration::from_secs(55)));
    }

    #[test]
    fn groups_do_not_share_connections() {
        let (one, mut two) = (section(1), section(1));
        two.name = "other".into();
        let address = &SocketAddr::from(([127, 0, 0, 1], 80)).into();
        assert_ne!(template(&one, address).group_key, template(&two, address).group_key);
        assert_eq!(template(&one, address).group_key, template(&one, address).group_key);
    }
}
