//! Binding of addresses: all at once, before anything is accepted, with an error that says what to do.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use crate::inherited::InheritedSockets;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// Connections that the kernel keeps until they are accepted; it cuts this to `net.core.somaxconn`.
const BACKLOG: i32 = 65_535;

/// Listens on one address: with the socket that was inherited for it, else with a new one. Options that accepted
/// sockets inherit are set here once.
pub(crate) fn listen(address: SocketAddr, inherited: &InheritedSockets) -> io::Result<TcpListener> {
    let socket = match inherited.take(address) {
        Some(socket) => socket.into(),
        None => bind(address)?,
    };
    socket.set_nonblocking(true)?;
    // Linux: accepted sockets inherit both, which spares two system calls for each connection.
    socket.set_tcp_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    socket.set_tcp_keepalive(&keepalive.with_retries(4))?;
    Ok(socket.into())
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // Each address is written out: `[::]` never takes `0.0.0.0` along by a setting of the kernel.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// What the operator can do about a failed bind.
pub(crate) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process listens there; `ss -ltnp` shows which",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)"
        }
        io::ErrorKind::AddrNotAvailable => {
            "no interface of this machine has the address; `ip address` shows them"
        }
        _ => "check `bind` of the listener",
    }
}
