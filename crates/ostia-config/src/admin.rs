//! `admin`: where the operator and Prometheus connect.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The two doors of the operator: an address that only reads, and a unix socket that also changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// `bind`, default `127.0.0.1:9910`; loopback only: `/metrics`, `/livez`, `/readyz`, `/status`.
    pub bind: SocketAddr,
    /// `socket`: the path of the unix socket for commands; absent: none.
    pub socket: Option<PathBuf>,
    /// `socket_access`: who may open the socket. Default: the owner.
    pub socket_access: SocketAccess,
}

/// Who may open the admin socket, and so may change what runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SocketAccess {
    /// The user that Ostia runs as, and root (mode 0600).
    #[default]
    Owner,
    /// The group of Ostia's user, too (mode 0660).
    Group,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 9910)),
            socket: None,
            socket_access: SocketAccess::default(),
        }
    }
}
