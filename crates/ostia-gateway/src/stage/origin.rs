//! What proxies before us say about the client's own request: believed from trusted peers, removed from everybody else.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use ostia_request::ManagedFields;
use ostia_request::client::Client;

/// The port that the client connected to.
pub const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Fields by which proxies and content networks tell applications who the client is, what it asked for and by which
/// certificate. Ostia writes none of them; from a peer that is not trusted they are the client's own words.
const TOLD_BY_PROXIES: [&str; 27] = [
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "client-cert",
    "client-cert-chain",
    "client-ip",
    "fastly-client-ip",
    "front-end-https",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-client-cert",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-prefix",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "x-url-scheme",
];

static STRANGERS_MAY_NOT: LazyLock<ManagedFields> =
    LazyLock::new(|| ManagedFields::new(TOLD_BY_PROXIES.map(HeaderName::from_static).iter()));

/// Whether only a trusted peer may send this field, however it is spelled.
#[must_use]
pub fn told_by_proxies(field_name: &str) -> bool {
    STRANGERS_MAY_NOT.matches(field_name)
}

/// The host and port that a trusted peer says the client asked for, to be told to the server; nothing here decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToldOrigin {
    /// For `X-Forwarded-Host`.
    pub host: Option<HeaderValue>,
    /// For `X-Forwarded-Port`.
    pub port: Option<HeaderValue>,
}

impl ToldOrigin {
    /// Nothing, unless the peer is trusted and said it in one field that can be read.
    #[must_use]
    pub fn of(told: &Client<'_>, headers: &HeaderMap, peer_is_trusted: bool) -> Self {
        if !peer_is_trusted {
            return Self::default();
        }
        let host = told.host.as_ref().and_then(|host| HeaderValue::from_str(&host.to_string()).ok());
        Self { host, port: port(headers).cloned() }
    }
}

fn port(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(X_FORWARDED_PORT).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse::<u16>().is_ok_and(|port| port != 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_what_proxies_tell_is_known() {
        for name in ["x-real-ip", "X-Real-IP", "x_real_ip", "X.Original.URL", "client-cert"] {
            assert!(told_by_proxies(name), "{name}");
        }
        for name in ["x-real-ips", "x-request-id", "accept", "host"] {
            assert!(!told_by_proxies(name), "{name}");
        }
    }

    #[test]
    fn only_one_port_in_digits_is_a_port() {
        for (values, expected) in [
            (&["8443"][..], Some("8443")),
            (&["8443", "80"][..], None),
            (&["0"][..], None),
            (&["65536"][..], None),
            (&["+80"][..], None),
            (&[""][..], None),
            (&[][..], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(X_FORWARDED_PORT, HeaderValue::from_static(value));
            }
            assert_eq!(port(&headers).map(HeaderValue::as_bytes), expected.map(str::as_bytes), "{values:?}");
        }
    }
}
