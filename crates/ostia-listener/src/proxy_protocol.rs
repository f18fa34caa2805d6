//! The PROXY protocol, versions 1 and 2: who connected to the proxy before us, told in front of the first byte and
//! believed from listed addresses only.

mod header;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use ipnet::IpNet;
use ostia_config::listener::ProxyProtocol;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use self::header::Parsed;
pub(crate) use self::header::Told;
use crate::counters::ConnectionRefused;
use crate::socket::Socket;

/// The first read: longer than any header of version 1 and most of version 2.
const FIRST_READ: usize = 512;

/// Who may send a header, and who must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyHeaders {
    rule: ProxyProtocol,
    trusted: Vec<IpNet>,
}

/// What is to be done with a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing is looked for; whatever comes is TLS or HTTP, or malformed.
    Nothing,
    /// A header may come.
    Perhaps,
    /// A header must come.
    Header,
    /// The peer may not connect at all.
    Stranger,
}

impl ProxyHeaders {
    pub(crate) fn new(rule: ProxyProtocol, trusted: &[IpNet]) -> Self {
        let trusted = if rule == ProxyProtocol::Refuse { Vec::new() } else { trusted.to_vec() };
        Self { rule, trusted }
    }

    pub(crate) fn expected(&self, peer: SocketAddr) -> Expected {
        let peer = peer.ip().to_canonical();
        let is_trusted = || self.trusted.iter().any(|network| network.contains(&peer));
        match self.rule {
            ProxyProtocol::Refuse => Expected::Nothing,
            ProxyProtocol::Accept if is_trusted() => Expected::Perhaps,
            ProxyProtocol::Accept => Expected::Nothing,
            ProxyProtocol::Require if is_trusted() => Expected::Header,
            ProxyProtocol::Require => Expected::Stranger,
        }
    }
}

/// Reads what is expected; afterwards the socket goes by the address that was told, and what followed the header is
/// still to be read from it. Not cancel safe: a dropped call loses what it read, and with it the connection.
///
/// # Errors
/// Why the connection cannot go on.
pub(crate) async fn read(
    mut socket: Socket,
    expected: Expected,
    deadline: Duration,
) -> Result<Socket, ConnectionRefused> {
    match expected {
        Expected::Nothing => return Ok(socket),
        Expected::Stranger => return Err(ConnectionRefused::ProxyHeaderOfStranger),
        Expected::Perhaps | Expected::Header => {}
    }
    let mut bytes = BytesMut::with_capacity(FIRST_READ);
    let told = timeout(deadline, header(&mut socket, &mut bytes));
    let told = told.await.map_err(|_| ConnectionRefused::ProxyHeaderTimeout)??;
    match told {
        Some(told) => socket.told(told),
        None if expected == Expected::Header => return Err(ConnectionRefused::ProxyHeaderMissing),
        None => {}
    }
    socket.unread(bytes);
    Ok(socket)
}

/// The header, cut off from `bytes`; `None` when the connection begins without one.
async fn header(socket: &mut Socket, bytes: &mut BytesMut) -> Result<Option<Told>, ConnectionRefused> {
    loop {
        match header::parse(bytes) {
            Parsed::Absent => return Ok(None),
            Parsed::Header { length, told } => {
                let _ = bytes.split_to(length);
                return Ok(Some(told));
            }
            Parsed::Malformed => return Err(ConnectionRefused::ProxyHeaderMalformed),
            Parsed::Partial => {}
        }
        match socket.read_buf(bytes).await {
            // Whoever looks whether the port is open closes without a word.
            Ok(0) | Err(_) => return Err(ConnectionRefused::ProxyHeaderMissing),
            Ok(_) => {}
        }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(data: &[u8]) {
    header::fuzz(data);
}
