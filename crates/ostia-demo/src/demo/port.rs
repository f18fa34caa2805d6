//! Ports on loopback that are free.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// How many ports after the preferred one are tried.
const TRIED: u16 = 100;
/// Where the search for any port begins, and how far apart two processes begin it. All of it lies below the ports that
/// the system gives to outgoing connections: one of these could take a port between being found here and being bound.
const ANY: u16 = 12_000;
const ANY_SPREAD: u32 = 5_000;

/// A free port, `preferred` or one of the next; any when `preferred` is 0. With both addresses: the port is free on
/// IPv6, too, where there is IPv6, so that `localhost` leads here whichever address a browser tries first.
pub(super) fn free(preferred: u16, taken: &[u16]) -> io::Result<Vec<SocketAddr>> {
    let first = if preferred == 0 { any() } else { preferred };
    let candidates = (0..TRIED).filter_map(|step| first.checked_add(step));
    let mut free = candidates.filter(|port| !taken.contains(port)).filter_map(addresses);
    free.next().ok_or_else(|| {
        let last = first.saturating_add(TRIED - 1);
        io::Error::new(io::ErrorKind::AddrInUse, format!("every port from {first} to {last} is taken"))
    })
}

fn any() -> u16 {
    ANY + u16::try_from(std::process::id().wrapping_mul(7) % ANY_SPREAD).unwrap_or_default()
}

fn addresses(port: u16) -> Option<Vec<SocketAddr>> {
    let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port);
    TcpListener::bind(v4).ok()?;
    match TcpListener::bind(v6) {
        Ok(_) => Some(vec![v4, v6]),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => None,
        Err(_) => Some(vec![v4]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_gives_way_to_the_next_free_one() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = holder.local_addr().unwrap().port();
        let chosen = free(taken, &[]).unwrap()[0].port();
        assert!(chosen > taken, "{chosen} after {taken}");
        let other = free(taken, &[chosen]).unwrap()[0].port();
        assert!(other != chosen && other != taken);
    }

    #[test]
    fn zero_is_any_port() {
        assert!(
            free(0, &[]).unwrap().iter().all(|address| address.port() != 0 && address.ip().is_loopback())
        );
    }
}
