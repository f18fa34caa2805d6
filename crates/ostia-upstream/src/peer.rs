//! A server as Pingora's peer: address, timeouts, and who may share its connections.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use ostia_config::upstream::Upstream;
use pingora_core::upstreams::peer::HttpPeer;

/// The peer that every request to a server starts from; cloning it allocates nothing but its box.
///
/// Pingora has one timeout for all reads, so the answer's first byte has as long as its further ones.
pub(crate) fn template(section: &Upstream, address: SocketAddr) -> HttpPeer {
    let timeouts = &section.timeouts;
    let mut peer = HttpPeer::new(address, false, String::new());
    peer.group_key = group_key(section);
    let options = &mut peer.options;
    options.connection_timeout = Some(timeouts.connect);
    options.total_connection_timeout = Some(timeouts.connect);
    options.read_timeout = Some(timeouts.between_bytes);
    options.write_timeout = Some(timeouts.between_bytes);
    options.idle_timeout = Some(section.keep_alive.idle);
    peer
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
        let peer = template(&section(1), ([127, 0, 0, 1], 80).into());
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
        let address = ([127, 0, 0, 1], 80).into();
        assert_ne!(template(&one, address).group_key, template(&two, address).group_key);
        assert_eq!(template(&one, address).group_key, template(&one, address).group_key);
    }
}
