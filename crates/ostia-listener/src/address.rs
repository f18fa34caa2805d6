//! How many connections each address has open.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// Connections by address. Locked once when a connection begins and once when it ends, never for a request.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// One connection of an address; dropping it gives its place back.
#[derive(Debug)]
pub(crate) struct FromAddress {
    counted: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// `None` when the address has `limit` connections open already.
    pub(crate) fn open(self: &Arc<Self>, peer: IpAddr, limit: usize) -> Option<FromAddress> {
        let address = counted_as(peer);
        let mut open = self.0.lock();
        let count = open.entry(address).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(FromAddress { counted: Arc::clone(self), address })
    }
}

impl Drop for FromAddress {
    fn drop(&mut self) {
        let mut open = self.counted.0.lock();
        if let Entry::Occupied(mut count) = open.entry(self.address) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// One customer of IPv6 holds a `/64` at least, so counting its single addresses would bound nothing.
fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_places_back_and_is_forgotten() {
        let addresses = Arc::new(Addresses::default());
        let peer = IpAddr::from([192, 0, 2, 1]);
        let first = addresses.open(peer, 2);
        let second = addresses.open(peer, 2);
        assert!(first.is_some() && second.is_some() && addresses.open(peer, 2).is_none());
        assert!(
            addresses.open(IpAddr::from([192, 0, 2, 2]), 2).is_some(),
            "another one is not counted with it"
        );
        drop(first);
        assert!(addresses.open(peer, 2).is_some());
        drop(second);
        assert!(addresses.0.lock().is_empty());
    }

    #[test]
    fn ipv6_is_counted_by_the_network_and_mapped_addresses_as_ipv4() {
        for (peer, counted) in [
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(
                counted_as(peer.parse().expect(peer)),
                counted.parse::<IpAddr>().expect(counted),
                "{peer}"
            );
        }
    }
}
