//! Names and servers of DNS.

use std::net::{IpAddr, SocketAddr};

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

/// A name to look up, with `_` as in SRV; without a trailing dot.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DnsName(pub(crate) String);

impl FromText for DnsName {
    const GRAMMAR: Grammar =
        Grammar { name: "a name such as `_http._tcp.api.internal`", pattern: "^[A-Za-z0-9_.-]+$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_label = |label: &str| {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !label.is_empty() && label.len() <= 63 && label.bytes().all(good)
        };
        if name.len() > 253 || name.parse::<IpAddr>().is_ok() || !name.split('.').all(is_label) {
            return Err(Wrong::new("is not a name of DNS")
                .help("labels of letters, digits, `-` and `_`, parted by dots"));
        }
        Ok(Self(name.to_ascii_lowercase()))
    }
}

/// `servers_dns`: a name and the port of all its addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DnsServer {
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl FromText for DnsServer {
    const GRAMMAR: Grammar = Grammar {
        name: "a name and a port such as `api.internal:8080`",
        pattern: "^[A-Za-z0-9_.-]+:[0-9]{1,5}$",
    };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let no_port =
            || Wrong::new("has no port").help("a name and the port of its servers: `api.internal:8080`");
        let (name, port) = text.rsplit_once(':').ok_or_else(no_port)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(no_port)?;
        let DnsName(name) = DnsName::from_text(name)?;
        Ok(Self { name, port })
    }
}

/// A server of DNS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Nameserver(pub(crate) SocketAddr);

impl FromText for Nameserver {
    const GRAMMAR: Grammar =
        Grammar { name: "an address such as `10.0.0.53` or `127.0.0.1:8600`", pattern: "" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let plain = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53));
        let address = text.parse().ok().or_else(plain).filter(|address: &SocketAddr| address.port() != 0);
        address.map(Self).ok_or_else(|| Wrong::new("is not the address of a name server"))
    }
}
