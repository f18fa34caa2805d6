//! Absolute URLs.

use url::Url;

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

/// An absolute `https` or `http` URL with a host and without user information. What else is asked of it, the key
/// says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AnyUrl(pub(crate) Url);

impl FromText for AnyUrl {
    const GRAMMAR: Grammar = Grammar { name: "a URL", pattern: "^https?://.+" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let Ok(url) = Url::parse(text) else {
            return Err(Wrong::new("is not an absolute URL").help("`https://` and a host"));
        };
        if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
            return Err(Wrong::new("is not an `https` URL").help("`https://` and a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Wrong::new("has a user name or a password in it"));
        }
        Ok(Self(url))
    }
}

/// Whether plain `http` to this host stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
