//! The name that a server's certificate must be for.

use std::net::IpAddr;

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

/// A DNS name or an IP address, as in a certificate.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServerName(pub(crate) String);

impl FromText for ServerName {
    const GRAMMAR: Grammar =
        Grammar { name: "a name such as `api.internal`, or an IP address", pattern: "^[A-Za-z0-9_.:-]+$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        if text.parse::<IpAddr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        let is_label = |label: &str| {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(good)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() > 253 || !text.split('.').all(is_label) {
            let help =
                "the name that the certificate is for, without scheme, port, wildcard and trailing dot";
            return Err(Wrong::new("is not a name of a server").help(help));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}
