//! Where a server listens: an address with a port, or a unix socket.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// Where a server listens. Its text is the name of the server in logs, metrics, `status` and commands: `10.0.0.1:80`,
/// `[::1]:80`, `unix:/run/app.sock`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerAddress {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// The path of a unix socket.
    Unix(Arc<Path>),
}

impl ServerAddress {
    /// The address of IP, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for ServerAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

/// The text is no address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is neither an IP address with a port nor `unix:` with an absolute path")]
pub struct AddressRefused;

impl FromStr for ServerAddress {
    type Err = AddressRefused;

    /// Reads what [`fmt::Display`] writes; names are not resolved.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(Path::new(path).into())),
            Some(_) => Err(AddressRefused),
            None => text.parse().map(Self::Ip).map_err(|_| AddressRefused),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for text in ["10.0.0.1:80", "[::1]:8080", "unix:/run/app.sock"] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().to_string(), text);
        }
        for text in ["", "10.0.0.1", "unix:", "unix:app.sock", "name:80", "http://10.0.0.1:80"] {
            assert_eq!(text.parse::<ServerAddress>(), Err(AddressRefused), "{text}");
        }
    }
}
