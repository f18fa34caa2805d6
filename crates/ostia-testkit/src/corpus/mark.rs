//! The mark of a case: the address that it is sent from, which the proxy tells behind it (`X-Forwarded-For`).
//!
//! So nothing about the case itself changes, and what arrives late, when another case is under way already, still counts
//! for its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::{TcpSocket, TcpStream};

/// Addresses of loopback that nobody else comes from: 127.83.0.0/16.
const NETWORK: [u8; 2] = [127, 83];

/// The mark of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark(Ipv4Addr);

impl Mark {
    /// One that no other case of this process has, as long as there are fewer than 65,536.
    #[must_use]
    pub fn unused() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Self(Ipv4Addr::new(NETWORK[0], NETWORK[1], high, low))
    }

    /// Connects from this address.
    pub(super) async fn connect(self, proxy: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.0, 0).into())?;
        let stream = socket.connect(proxy).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The mark in the head that these bytes begin with; `None` where the proxy tells no address.
    pub(super) fn of(request: &[u8]) -> Option<Self> {
        let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(request.len());
        let mut lines = request[..end].split(|&byte| byte == b'\n').skip(1);
        lines.find_map(|line| {
            let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
            let last = value.rsplit(',').next()?.trim();
            let address: Ipv4Addr = last.parse().ok()?;
            (name.eq_ignore_ascii_case("x-forwarded-for") && address.octets().starts_with(&NETWORK))
                .then_some(Self(address))
        })
    }

    /// The line that a proxy writes.
    #[cfg(test)]
    pub(super) fn line(self) -> String {
        format!("X-Forwarded-For: {}\r\n", self.0)
    }
}
