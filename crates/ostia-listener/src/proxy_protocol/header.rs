//! The bytes of a PROXY header. The specification is HAProxy's `proxy-protocol.txt`, sections 2.1 and 2.2.

use std::net::SocketAddr;

use ppp::v2;
use ppp::{v1, v2::PROTOCOL_PREFIX};

/// How version 1 begins.
const V1: &[u8] = b"PROXY ";
/// The longest header of version 1, with its CRLF.
const V1_BYTES: usize = 107;
/// The fixed part of version 2; its last two bytes are the length of the rest.
const V2_FIXED: usize = 16;
/// The longest header of version 2 that is read: the longest addresses with room for TLVs, which are skipped.
const V2_BYTES: usize = 4096;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing about addresses: a health check of the proxy (`LOCAL`), or a connection that is not TCP (`UNKNOWN`).
    Nobody,
    /// Who connected, and to where.
    Addresses {
        /// The client.
        source: SocketAddr,
        /// Where the client connected to.
        destination: SocketAddr,
    },
}

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The beginning of a header, or of something else: more is needed to know.
    Partial,
    /// Something else.
    Absent,
    /// A header of so many bytes.
    Header {
        /// With everything that belongs to it.
        length: usize,
        /// What it says.
        told: Told,
    },
    /// It begins as a header and is none.
    Malformed,
}

pub(super) fn parse(bytes: &[u8]) -> Parsed {
    if bytes.starts_with(PROTOCOL_PREFIX) {
        parse_v2(bytes)
    } else if bytes.starts_with(V1) {
        parse_v1(bytes)
    } else if PROTOCOL_PREFIX.starts_with(bytes) || V1.starts_with(bytes) {
        Parsed::Partial
    } else {
        Parsed::Absent
    }
}

fn parse_v1(bytes: &[u8]) -> Parsed {
    let within = bytes.get(..V1_BYTES).unwrap_or(bytes);
    let Some(end) = memchr::memchr(b'\n', within) else {
        return if bytes.len() < V1_BYTES { Parsed::Partial } else { Parsed::Malformed };
    };
    let length = end + 1;
    let line = within.get(..length).unwrap_or_default();
    // Rust reads `+80` as a number; nobody writes it.
    if line.contains(&b'+') || !line.ends_with(b"\r\n") {
        return Parsed::Malformed;
    }
    let Ok(header) = v1::Header::try_from(line) else { return Parsed::Malformed };
    if header.header.len() != length {
        return Parsed::Malformed;
    }
    let told = match header.addresses {
        v1::Addresses::Unknown => Told::Nobody,
        v1::Addresses::Tcp4(of) => Told::Addresses {
            source: (of.source_address, of.source_port).into(),
            destination: (of.destination_address, of.destination_port).into(),
        },
        v1::Addresses::Tcp6(of) => Told::Addresses {
            source: (of.source_address, of.source_port).into(),
            destination: (of.destination_address, of.destination_port).into(),
        },
    };
    Parsed::Header { length, told }
}

fn parse_v2(bytes: &[u8]) -> Parsed {
    let Some((_, [.., high, low])) = bytes.split_first_chunk::<V2_FIXED>().map(|(fixed, rest)| (rest, fixed))
    else {
        return Parsed::Partial;
    };
    let length = V2_FIXED + usize::from(u16::from_be_bytes([*high, *low]));
    if length > V2_BYTES {
        return Parsed::Malformed;
    }
    let Some(whole) = bytes.get(..length) else { return Parsed::Partial };
    let Ok(header) = v2::Header::try_from(whole) else { return Parsed::Malformed };
    let told = match (header.command, header.protocol, header.addresses) {
        (v2::Command::Proxy, v2::Protocol::Stream, v2::Addresses::IPv4(of)) => Told::Addresses {
            source: (of.source_address, of.source_port).into(),
            destination: (of.destination_address, of.destination_port).into(),
        },
        (v2::Command::Proxy, v2::Protocol::Stream, v2::Addresses::IPv6(of)) => Told::Addresses {
            source: (of.source_address, of.source_port).into(),
            destination: (of.destination_address, of.destination_port).into(),
        },
        _ => Told::Nobody,
    };
    Parsed::Header { length, told }
}

/// Whatever the bytes: what a prefix is cannot be taken back by more bytes, and a header ends within them.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn fuzz(data: &[u8]) {
    let whole = parse(data);
    if let Parsed::Header { length, .. } = whole {
        assert!(length <= data.len(), "a header ends within the bytes");
    }
    for end in 0..data.len() {
        let part = parse(data.get(..end).unwrap_or_default());
        assert!(part == Parsed::Partial || part == whole, "{part:?} at {end} became {whole:?}");
    }
}

#[cfg(test)]
mod tests;
