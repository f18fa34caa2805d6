//! Addresses to bind and networks.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

/// An address with a port.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BindAddress(pub(crate) SocketAddr);

impl FromText for BindAddress {
    const GRAMMAR: Grammar =
        Grammar { name: "an address with a port such as `0.0.0.0:443`", pattern: "^.+:[0-9]{1,5}$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let help = match text.strip_prefix(':') {
            Some(port) => format!("every address is `[::]:{port}`, this machine alone `127.0.0.1:{port}`"),
            None if text.parse::<IpAddr>().is_ok() => "the port is missing".to_owned(),
            None => "an IP address and a port, IPv6 in brackets: `[::]:443`; names are not resolved here"
                .to_owned(),
        };
        Err(Wrong::new("is not an address with a port").help(help))
    }
}

impl FromText for IpNet {
    const GRAMMAR: Grammar = Grammar { name: "a network such as `192.0.2.0/24`", pattern: "" };

    /// An address alone is a network of one.
    fn from_text(text: &str) -> Result<Self, Wrong> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::from(address));
        }
        let Ok(network) = text.parse::<Self>() else {
            return Err(
                Wrong::new("is not a network").help("`192.0.2.0/24`, `2001:db8::/32`, or one address")
            );
        };
        if network.trunc() != network {
            let help = format!("did you mean `{}`?", network.trunc());
            return Err(Wrong::new("has bits beyond its prefix").help(help));
        }
        Ok(network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_with_host_bits_is_refused() {
        let wrong = IpNet::from_text("10.1.2.3/8").unwrap_err();
        assert_eq!(wrong.help.as_deref(), Some("did you mean `10.0.0.0/8`?"));
    }

    #[test]
    fn address_alone_is_a_network_of_one() {
        assert_eq!(IpNet::from_text("::1"), Ok("::1/128".parse().unwrap()));
    }

    #[test]
    fn bind_address_needs_its_port() {
        for text in [":443", "0.0.0.0", "localhost:80", "::1:80", "1.2.3.4:99999", ""] {
            assert!(BindAddress::from_text(text).is_err(), "{text}");
        }
    }
}
