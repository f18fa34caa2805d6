//! The PROXY protocol towards servers: who the client is, told before the first request (haproxy.org, proxy-protocol.txt).

use std::net::SocketAddr;

use ostia_config::upstream::ProxyProtocol;

/// What opens a header of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The two ends of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The client.
    pub client: SocketAddr,
    /// Where it connected to.
    pub listener: SocketAddr,
}

/// The header as bytes.
#[must_use]
pub(crate) fn bytes(version: ProxyProtocol, ends: &Ends) -> Box<[u8]> {
    match version {
        ProxyProtocol::V1 => text(ends).into_bytes().into(),
        ProxyProtocol::V2 => binary(ends).into(),
    }
}

/// The header of a connection of our own, such as a health check: it stands for no client.
#[must_use]
pub(crate) fn local(version: ProxyProtocol) -> Box<[u8]> {
    match version {
        ProxyProtocol::V1 => (*b"PROXY UNKNOWN\r\n").into(),
        ProxyProtocol::V2 => [&SIGNATURE[..], &[0x20, 0, 0, 0]].concat().into(),
    }
}

/// Both ends in one family: a mixture is written as IPv6 (RFC 4291 section 2.5.5.2).
fn one_family(ends: &Ends) -> (SocketAddr, SocketAddr) {
    let wide = |address: SocketAddr| match address {
        SocketAddr::V4(v4) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        SocketAddr::V6(_) => address,
    };
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (client, listener) = (plain(ends.client), plain(ends.listener));
    if client.is_ipv4() == listener.is_ipv4() { (client, listener) } else { (wide(client), wide(listener)) }
}

fn text(ends: &Ends) -> String {
    let (client, listener) = one_family(ends);
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    format!("PROXY {family} {} {} {} {}\r\n", client.ip(), listener.ip(), client.port(), listener.port())
}

fn binary(ends: &Ends) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.push(0x21);
    match one_family(ends) {
        (SocketAddr::V4(client), SocketAddr::V4(listener)) => {
            bytes.extend([0x11, 0, 12]);
            bytes.extend(client.ip().octets());
            bytes.extend(listener.ip().octets());
        }
        (client, listener) => {
            bytes.extend([0x21, 0, 36]);
            for end in [client, listener] {
                let ip = match end.ip() {
                    std::net::IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                    std::net::IpAddr::V6(v6) => v6,
                };
                bytes.extend(ip.octets());
            }
        }
    }
    bytes.extend(ends.client.port().to_be_bytes());
    bytes.extend(ends.listener.port().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use ppp::{HeaderResult, v2};

    use super::*;

    const CASES: [(&str, &str); 4] = [
        ("192.0.2.7:4711", "198.51.100.1:443"),
        ("[2001:db8::7]:4711", "[2001:db8::1]:443"),
        ("192.0.2.7:4711", "[2001:db8::1]:443"),
        ("[::ffff:192.0.2.7]:4711", "198.51.100.1:443"),
    ];

    fn ends((client, listener): (&str, &str)) -> Ends {
        Ends { client: client.parse().unwrap(), listener: listener.parse().unwrap() }
    }

    #[test]
    fn version_1_is_the_line_of_the_specification() {
        let lines = CASES.map(|case| text(&ends(case)));
        assert_eq!(
            lines,
            [
                "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n",
                "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n",
                "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 4711 443\r\n",
                "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n",
            ]
        );
    }

    #[test]
    fn another_reader_reads_version_2_as_it_was_meant() {
        for case in CASES {
            let ends = ends(case);
            let written = bytes(ProxyProtocol::V2, &ends);
            let HeaderResult::V2(Ok(header)) = HeaderResult::parse(&written) else {
                panic!("{case:?}: {written:?}")
            };
            assert_eq!(header.len(), written.len());
            let read = match header.addresses {
                v2::Addresses::IPv4(ip) => (
                    SocketAddr::from((ip.source_address, ip.source_port)),
                    SocketAddr::from((ip.destination_address, ip.destination_port)),
                ),
                v2::Addresses::IPv6(ip) => (
                    SocketAddr::from((ip.source_address, ip.source_port)),
                    SocketAddr::from((ip.destination_address, ip.destination_port)),
                ),
                other => panic!("{case:?}: {other:?}"),
            };
            assert_eq!(read, one_family(&ends), "{case:?}");
        }
    }
}
