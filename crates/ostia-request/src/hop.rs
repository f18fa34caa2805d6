//! Fields that live for one connection only (RFC 9110 7.6.1).

use http::HeaderMap;
use http::header::CONNECTION;

use crate::ManagedFields;

/// The fields that no hop passes on, whether or not `Connection` names them, in lower case.
pub const NAMES: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whether a field lives for one connection only, by its name alone.
#[must_use]
pub fn is_hop_by_hop(field_name: &str) -> bool {
    NAMES.iter().any(|name| field_name.eq_ignore_ascii_case(name))
}

/// The options of all `Connection` fields, blanks around them removed, in order; letter case as sent.
///
/// Fields of these names end here too. An option that is no text is passed over: it can name no field.
pub fn nominated(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|option| std::str::from_utf8(option.trim_ascii()).ok())
        .filter(|option| !option.is_empty())
}

/// Whether a client tries to have one of our own fields removed behind us (`Connection: X-Forwarded-User`).
///
/// Such a request is answered with 400: it has no honest reading.
#[must_use]
pub fn nominates_managed(headers: &HeaderMap, managed: &ManagedFields) -> bool {
    headers.contains_key(CONNECTION) && nominated(headers).any(|option| managed.matches(option))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn connection(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (CONNECTION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn nominations_of_all_connection_fields_are_read() {
        let headers = connection(&["close, X-Id ,,\tFoo", "", "bar"]);
        assert_eq!(nominated(&headers).collect::<Vec<_>>(), ["close", "X-Id", "Foo", "bar"]);
    }

    #[test]
    fn a_nomination_of_a_managed_field_is_seen_in_every_spelling() {
        let managed = ManagedFields::new(&[HeaderName::from_static("x-forwarded-user")]);
        for (values, expected) in [
            (&["close, X-Forwarded-User"][..], true),
            (&["close", "x_forwarded_user"], true),
            (&["keep-alive"], false),
            (&[], false),
        ] {
            assert_eq!(nominates_managed(&connection(values), &managed), expected, "{values:?}");
        }
    }

    #[test]
    fn hop_by_hop_names_match_in_every_case() {
        for name in ["Connection", "TE", "keep-alive", "Proxy-Authorization"] {
            assert!(is_hop_by_hop(name), "{name}");
        }
        assert!(!is_hop_by_hop("content-length"));
    }
}
