//! The host of a request: a whitelist grammar, so that nobody behind us can read another name in it.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

#[cfg(test)]
mod tests;

/// The longest name of the DNS as text (RFC 1035 2.3.4).
const NAME_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;

/// A host and, when given, a port: `portal.example.com`, `192.0.2.1:8080`, `[2001:db8::1]:443`.
///
/// Two hosts are equal when name and port are; no default port is supposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host<'a> {
    name: Cow<'a, str>,
    port: Option<u16>,
}

/// What is wrong with a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HostRefused {
    /// Nothing, or nothing before the port.
    #[error("it is empty")]
    Empty,
    /// A character outside `A-Z a-z 0-9 - . _` (userinfo, lists, percent signs, blanks among them).
    #[error("a character does not belong into a host")]
    Character,
    /// An empty label, one over 63 bytes, or a name over 253 bytes.
    #[error("a label is empty or too long")]
    Label,
    /// Ends in a number but is no IPv4 address in its usual spelling: `127.1`, `0x7f.1`, `1.2.3.4.5`.
    #[error("it looks like an address and is none")]
    Address4,
    /// Brackets around something else than an IPv6 address without zone.
    #[error("it is no IPv6 address")]
    Address6,
    /// A port that is not a number from 1 to 65535 without leading zeros.
    #[error("the port is malformed")]
    Port,
}

impl<'a> Host<'a> {
    /// Reads `host [":" port]` (RFC 9110 7.2), more strictly than RFC 3986 does.
    ///
    /// `_` is let through: internal names have it and no parser divides at it. One trailing dot is dropped. Allocates
    /// only for upper-case letters and for IPv6 addresses in an unusual spelling.
    ///
    /// # Errors
    /// [`HostRefused`] for everything outside the grammar.
    pub fn parse(text: &'a [u8]) -> Result<Self, HostRefused> {
        if text.first() == Some(&b'[') {
            return Self::parse_bracketed(text);
        }
        let (name, port) = match text.iter().position(|&byte| byte == b':') {
            Some(at) => (text.get(..at).unwrap_or_default(), Some(parse_port(text.get(at + 1..))?)),
            None => (text, None),
        };
        Ok(Self { name: parse_name(name)?, port })
    }

    /// The name in lower case without trailing dot and port; an IPv6 address in its usual spelling (RFC 5952), in
    /// brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if the client named one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    fn parse_bracketed(text: &[u8]) -> Result<Self, HostRefused> {
        let end = text.iter().position(|&byte| byte == b']').ok_or(HostRefused::Address6)?;
        let inside = text.get(1..end).and_then(|inside| std::str::from_utf8(inside).ok());
        let address: Ipv6Addr = inside.and_then(|inside| inside.parse().ok()).ok_or(HostRefused::Address6)?;
        let port = match text.get(end + 1..) {
            None | Some([]) => None,
            Some([b':', digits @ ..]) => Some(parse_port(Some(digits))?),
            Some(_) => return Err(HostRefused::Character),
        };
        Ok(Self { name: Cow::Owned(format!("[{address}]")), port })
    }
}

impl std::fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

fn parse_name(name: &[u8]) -> Result<Cow<'_, str>, HostRefused> {
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.is_empty() {
        return Err(HostRefused::Empty);
    }
    let (mut label, mut upper) = (0_usize, false);
    for &byte in name {
        match byte {
            b'.' if label == 0 => return Err(HostRefused::Label),
            b'.' => label = 0,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
            b'A'..=b'Z' => {
                upper = true;
                label += 1;
            }
            _ => return Err(HostRefused::Character),
        }
        if label > LABEL_BYTES {
            return Err(HostRefused::Label);
        }
    }
    if label == 0 || name.len() > NAME_BYTES {
        return Err(HostRefused::Label);
    }
    let name = std::str::from_utf8(name).map_err(|_| HostRefused::Character)?;
    if ends_in_number(name) && name.parse::<Ipv4Addr>().is_err() {
        return Err(HostRefused::Address4);
    }
    Ok(if upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) })
}

/// Whether a resolver may take the name for an IPv4 address (the "ends in a number" check of the WHATWG URL standard).
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn parse_port(digits: Option<&[u8]>) -> Result<u16, HostRefused> {
    match digits {
        Some(digits @ [b'1'..=b'9', ..]) if digits.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(HostRefused::Port)
        }
        _ => Err(HostRefused::Port),
    }
}
