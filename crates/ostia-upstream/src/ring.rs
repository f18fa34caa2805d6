//! The consistent-hash ring: which server a key belongs to, and who comes next.
//!
//! The ring is pingora-ketama's (version 2): a server's points are CRC-32 (IEEE) values chained from its address, a
//! key's point is the CRC-32 of its bytes. Nothing in it is random and nothing depends on the order of servers, so
//! every node and every run agrees on each key.
//!
//! The number of points decides how even the ring is. With ketama's usual 160 a server of ten strays from its tenth
//! by 0.8 points of a hundred; with 8,192 by 0.1.

use std::collections::HashMap;
use std::net::{Ipv6Addr, SocketAddr};

use ostia_config::upstream::ServerAddress;
use pingora_ketama::{Bucket, Continuum, Version};

use crate::picked::ServerTag;

/// Points of the heaviest server.
const POINTS: u32 = 8192;
/// Points of all servers together. Larger groups get fewer a server, in steps of two: a group that grows past 256
/// servers is dealt anew, once for each doubling.
const TOTAL_POINTS: u32 = 256 * POINTS;

/// The ring of one pool of servers.
pub(crate) struct Ring {
    continuum: Continuum,
    /// The server at each point, so that a look-up does not go by way of the address.
    servers: Box<[u16]>,
}

impl Ring {
    /// `servers` are a server's index, address and weight, at least 1; an address that comes twice counts once.
    pub(crate) fn new(servers: &[(u16, &ServerAddress, u16)]) -> Self {
        let heaviest = servers.iter().map(|(_, _, weight)| *weight).max().unwrap_or(1);
        let points = points_of_the_heaviest(servers.len());
        let mut by_address = HashMap::with_capacity(servers.len());
        let mut buckets = Vec::with_capacity(servers.len());
        for (server, address, weight) in servers {
            let address = place(address);
            if by_address.insert(address, *server).is_none() {
                buckets.push(Bucket::new(address, share(points, *weight, heaviest)));
            }
        }
        let continuum = Continuum::new_with_version(&buckets, Version::V2 { point_multiple: 1 });
        let servers =
            all_points(&continuum).filter_map(|address| by_address.get(&address).copied()).collect();
        Self { continuum, servers }
    }

    /// The servers in the order in which they serve a key, each as often as it has points on the way; ends after one
    /// turn around the ring.
    pub(crate) fn walk(&self, key: &[u8]) -> impl Iterator<Item = u16> + '_ {
        let start = self.continuum.node_idx(key);
        let (before, from) = self.servers.split_at_checked(start).unwrap_or_default();
        from.iter().chain(before).copied()
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("points", &self.servers.len()).finish_non_exhaustive()
    }
}

/// A number that belongs to a key (FNV-1a), independent of its point on the ring.
pub(crate) fn number(key: &[u8]) -> u32 {
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325, hash);
    u32::try_from((hash ^ (hash >> 32)) & 0xffff_ffff).unwrap_or_default()
}

/// The address that a server stands by on the ring. Ketama knows addresses of IP only, so a unix socket stands by one
/// of the discard prefix (RFC 6666) that is made of its path.
fn place(address: &ServerAddress) -> SocketAddr {
    match address {
        ServerAddress::Ip(address) => *address,
        ServerAddress::Unix(_) => {
            let tag = ServerTag::of(address).0;
            let prefix = 0x0100_u128 << 112;
            SocketAddr::from((Ipv6Addr::from(prefix | u128::from(tag)), 1))
        }
    }
}

fn points_of_the_heaviest(servers: usize) -> u32 {
    let servers = u32::try_from(servers).unwrap_or(u32::MAX).next_power_of_two();
    TOTAL_POINTS.checked_div(servers).unwrap_or(POINTS).clamp(1, POINTS)
}

/// Weights count in steps of the next power of two above the heaviest: so a change of one weight leaves the points
/// of the others alone, unless it crosses such a step.
fn share(points: u32, weight: u16, heaviest: u16) -> u32 {
    let unit = u32::from(heaviest).next_power_of_two();
    (points.saturating_mul(u32::from(weight)) / unit).max(1)
}

/// The address at each point, in the order of the ring.
fn all_points(continuum: &Continuum) -> impl Iterator<Item = SocketAddr> + '_ {
    let mut at = 0;
    let mut is_done = false;
    std::iter::from_fn(move || {
        if is_done {
            return None;
        }
        let address = continuum.get_addr(&mut at).copied();
        is_done = at == 0;
        address
    })
}

#[cfg(test)]
mod tests;
