//! Where the servers of a group are found.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Servers that are found while Ostia runs, in the place of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovery {
    /// Where they are found.
    pub source: Source,
    /// `discovery.min_refresh`: no lookup sooner than this after the last one, whatever the TTL says. Default 5 s.
    pub min_refresh: Duration,
    /// `discovery.max_refresh`: a lookup at least this often, whatever the TTL says. Default 5 min.
    pub max_refresh: Duration,
    /// `discovery.nameservers`; empty: those of the system (`/etc/resolv.conf`).
    pub nameservers: Vec<SocketAddr>,
}

/// Where servers are found.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `servers_dns: name:port`: every address of A and AAAA.
    Dns {
        /// The name; never with a search domain.
        name: String,
        /// The port of all servers.
        port: u16,
    },
    /// `servers_srv: name`: targets, ports, priorities and weights of SRV (RFC 2782).
    Srv {
        /// The name.
        name: String,
    },
    /// `servers_file: path`: a list as under `servers`, watched.
    File {
        /// The file.
        path: PathBuf,
    },
}
