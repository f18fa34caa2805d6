//! The host of a route.

use std::net::IpAddr;

use crate::codes;
use crate::describe::Grammar;
use crate::route::HostPattern;
use crate::value::{FromText, Wrong};

impl FromText for HostPattern {
    const GRAMMAR: Grammar = Grammar {
        name: "a host such as `app.example.com` or `*.example.com`",
        pattern: "^(\\*\\.)?[A-Za-z0-9.:\\[\\]-]+$",
    };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let refused = |wrong: Wrong| wrong.code(codes::BAD_HOST);
        if text == "*" {
            return Err(refused(
                Wrong::new("is not a host").help("remove `host`: without it a route serves every host"),
            ));
        }
        if let Some(suffix) = text.strip_prefix("*.") {
            return name(suffix).map(Self::Wildcard).map_err(refused);
        }
        if let Some(address) = literal(text) {
            return Ok(Self::Exact(bracketed(address)));
        }
        name(text).map(Self::Exact).map_err(refused)
    }
}

/// An address as it stands in a `Host` field.
fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// An address literal, IPv6 with or without brackets.
fn literal(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.map_or_else(|| text.parse().ok(), |inner| inner.parse().ok().filter(IpAddr::is_ipv6))
}

/// A host name in lower case: labels of letters, digits and hyphens (RFC 1123 section 2.1).
fn name(text: &str) -> Result<String, Wrong> {
    if text.contains("://") || text.contains('/') {
        return Err(Wrong::new("is not a host").help("the host alone, without `https://` and path"));
    }
    if text.contains('*') {
        return Err(
            Wrong::new("has a `*` in the middle").help("only the first label can be `*`: `*.example.com`")
        );
    }
    if let Some((host, port)) = text.split_once(':') {
        let help = format!("write `{host}` without `:{port}`: the port belongs to a listener");
        return Err(Wrong::new("has a port").help(help));
    }
    if text.ends_with('.') {
        return Err(
            Wrong::new("ends with a dot").help(format!("did you mean `{}`?", text.trim_end_matches('.')))
        );
    }
    if !text.is_ascii() {
        return Err(Wrong::new("is not ASCII").help("write the `xn--` form that browsers send"));
    }
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let all_digits = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > 253 || !text.split('.').all(good) || text.rsplit('.').next().is_some_and(all_digits) {
        return Err(Wrong::new("is not a host name"));
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_browser_would_send_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "a..b",
            "a.",
            "-a",
            "a-",
            "ä.example",
            "a b",
            "https://a",
            "a/b",
            "a:443",
            "a.*.b",
            "**.a",
            "1.2.3",
            "1.2.3.4.5",
            "[1.2.3.4]",
            "a_\u{0}",
        ] {
            assert!(HostPattern::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn host_is_kept_in_lower_case() {
        for (text, host) in [
            ("App.Example.com", HostPattern::Exact("app.example.com".to_owned())),
            ("localhost", HostPattern::Exact("localhost".to_owned())),
            ("*.Example.com", HostPattern::Wildcard("example.com".to_owned())),
            ("127.0.0.1", HostPattern::Exact("127.0.0.1".to_owned())),
            ("[0:0::1]", HostPattern::Exact("[::1]".to_owned())),
            ("xn--bcher-kva.example", HostPattern::Exact("xn--bcher-kva.example".to_owned())),
        ] {
            assert_eq!(HostPattern::from_text(text), Ok(host), "{text}");
        }
    }
}
