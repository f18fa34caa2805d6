use http::HeaderValue;
use http::header::FORWARDED;
use proptest::prelude::*;

use super::*;

fn trusted() -> Vec<IpNet> {
    ["10.0.0.0/8", "fd00::/8"].iter().map(|network| network.parse().expect("a network")).collect()
}

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn address(peer: &str, fields: &[(&'static str, &'static str)]) -> Result<String, ClientRefused> {
    let headers = headers(fields);
    client(peer.parse().expect("an address"), &headers, &trusted()).map(|client| client.address.to_string())
}

/// PROMISES E5; caddy-security issues 266-275, section 5 row 10.
#[test]
fn a_peer_that_is_not_trusted_is_the_client_whatever_it_says() {
    let lies = headers(&[
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "admin.example"),
        ("forwarded", "for=10.0.0.1;proto=https;host=admin.example"),
    ]);
    let garbage = headers(&[("x-forwarded-for", "\"\"\""), ("forwarded", "\"")]);
    for fields in [lies, garbage] {
        let peer: IpAddr = "192.0.2.9".parse().expect("an address");
        for networks in [&trusted()[..], &[]] {
            let expected = Client { address: peer, is_tls: None, host: None };
            assert_eq!(client(peer, &fields, networks), Ok(expected));
        }
    }
}

#[test]
fn hops_are_believed_from_the_right_while_they_are_trusted() {
    for (peer, fields, expected) in [
        ("10.0.0.1", &[][..], "10.0.0.1"),
        ("10.0.0.1", &[("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
        ("10.0.0.1", &[("x-forwarded-for", "10.9.9.9, 192.0.2.1")], "192.0.2.1"),
        ("10.0.0.1", &[("x-forwarded-for", "198.51.100.1, 192.0.2.1, 10.0.0.2")], "192.0.2.1"),
        ("10.0.0.1", &[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
        ("10.0.0.1", &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
        ("10.0.0.1", &[("x-forwarded-for", "garbage, 192.0.2.1")], "192.0.2.1"),
        ("10.0.0.1", &[("x-forwarded-for", " , 192.0.2.1 ,, ")], "192.0.2.1"),
        ("10.0.0.1", &[("x-forwarded-for", "")], "10.0.0.1"),
        ("10.0.0.1", &[("x-forwarded-for", "192.0.2.1:4711")], "192.0.2.1"),
        ("10.0.0.1", &[("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
        ("10.0.0.1", &[("x-forwarded-for", "[2001:db8::1]")], "2001:db8::1"),
        ("10.0.0.1", &[("x-forwarded-for", "[2001:db8::1]:80")], "2001:db8::1"),
        ("10.0.0.1", &[("x-forwarded-for", "::ffff:192.0.2.1")], "192.0.2.1"),
        ("::ffff:10.0.0.1", &[("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
        ("::ffff:192.0.2.9", &[("x-forwarded-for", "192.0.2.1")], "192.0.2.9"),
        ("fd00::1", &[("forwarded", "for=192.0.2.1")], "192.0.2.1"),
        ("10.0.0.1", &[("forwarded", "For=\"[2001:db8::1]:4711\"")], "2001:db8::1"),
        ("10.0.0.1", &[("forwarded", "for=[2001:db8::1]")], "2001:db8::1"),
        (
            "10.0.0.1",
            &[("forwarded", "for=x, for=192.0.2.1;by=10.0.0.2, for=10.0.0.2;proto=http")],
            "192.0.2.1",
        ),
        ("10.0.0.1", &[("forwarded", "for=198.51.100.1"), ("forwarded", ",; for=192.0.2.1;;,")], "192.0.2.1"),
        ("10.0.0.1", &[("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
    ] {
        assert_eq!(address(peer, fields).as_deref(), Ok(expected), "{peer} {fields:?}");
    }
}

#[test]
fn what_a_trusted_proxy_says_and_nobody_can_use_is_refused() {
    use ClientRefused::{Disagrees, Malformed, TooManyHops};
    let hops = |count| (0..count).map(|_| "10.0.0.2").collect::<Vec<_>>().join(", ").leak() as &'static str;
    let elements =
        |count| (0..count).map(|_| "for=10.0.0.2").collect::<Vec<_>>().join(", ").leak() as &'static str;
    for (fields, reason) in [
        (&[("x-forwarded-for", "unknown")][..], Malformed),
        (&[("x-forwarded-for", "192.0.2.1, garbage")], Malformed),
        (&[("x-forwarded-for", "192.0.2.1, 10.0.0.300")], Malformed),
        (&[("x-forwarded-for", hops(33))], TooManyHops),
        (&[("forwarded", "for=unknown")], Malformed),
        (&[("forwarded", "for=_hidden")], Malformed),
        (&[("forwarded", "proto=https")], Malformed),
        (&[("forwarded", "for=192.0.2.1;for=192.0.2.2")], Malformed),
        (&[("forwarded", "for=192.0.2.1;proto=gopher")], Malformed),
        (&[("forwarded", "for=192.0.2.1;host=\"a,b\"")], Malformed),
        (&[("forwarded", "for=\"192.0.2.1")], Malformed),
        (&[("forwarded", "for=\"192.0.2.1\"x")], Malformed),
        (&[("forwarded", "for=\"192.0.2\\.1\"")], Malformed),
        (&[("forwarded", "for = 192.0.2.1")], Malformed),
        (&[("forwarded", "192.0.2.1")], Malformed),
        (&[("forwarded", "=192.0.2.1")], Malformed),
        // The client opens a quote to swallow what the proxy adds.
        (&[("forwarded", "for=\"10.0.0.9, for=192.0.2.1")], Malformed),
        (&[("forwarded", elements(33))], TooManyHops),
        (&[("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.2")], Disagrees),
        (&[("forwarded", "for=192.0.2.1;proto=https"), ("x-forwarded-proto", "http")], Disagrees),
        (&[("forwarded", "for=192.0.2.1;host=a"), ("x-forwarded-host", "b")], Disagrees),
    ] {
        assert_eq!(address("10.0.0.1", fields), Err(reason), "{fields:?}");
    }
}

#[test]
fn scheme_and_host_come_from_the_neighbour_of_the_client() {
    let x = |name, value| (name, value);
    for (fields, is_tls, host) in [
        (
            &[x("x-forwarded-proto", "https"), x("x-forwarded-host", "A.example:80")][..],
            Some(true),
            Some("a.example:80"),
        ),
        (&[x("x-forwarded-proto", "HTTP")], Some(false), None),
        (&[x("x-forwarded-proto", "wss")], Some(true), None),
        (&[x("x-forwarded-proto", "https, http")], None, None),
        (&[x("x-forwarded-proto", "https"), x("x-forwarded-proto", "http")], None, None),
        (&[x("x-forwarded-host", "a, b")], None, None),
        (
            &[x("forwarded", "for=192.0.2.1;proto=https;host=a, for=10.0.0.2;proto=http;host=b")],
            Some(true),
            Some("a"),
        ),
        (
            &[x("forwarded", "for=10.0.0.9;proto=https;host=evil, for=192.0.2.1;proto=http")],
            Some(false),
            None,
        ),
    ] {
        let headers = headers(fields);
        let peer = "10.0.0.1".parse().expect("an address");
        let client = client(peer, &headers, &trusted()).expect("a usable client");
        assert_eq!(
            (client.is_tls, client.host.map(|host| host.to_string()).as_deref()),
            (is_tls, host),
            "{fields:?}"
        );
    }
}

proptest! {
    #[test]
    fn arbitrary_fields_never_make_a_stranger_trusted(
        field in r#"(for=|proto=https|"|10\.0\.0\.1|192\.0\.2\.1|,|;| |\[|\]|:|x){0,12}"#,
        is_forwarded in any::<bool>(),
    ) {
        let name = if is_forwarded { FORWARDED } else { X_FORWARDED_FOR };
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(&field).expect("visible"))]);
        let stranger: IpAddr = "192.0.2.9".parse().expect("an address");
        let read = client(stranger, &headers, &trusted()).expect("never refused");
        prop_assert_eq!(read.address, stranger);
        let _ = client("10.0.0.1".parse().expect("an address"), &headers, &trusted());
    }

    #[test]
    fn nothing_to_the_left_of_a_stranger_counts(left in "[ -~]{0,30}") {
        let field = format!("{left}, 192.0.2.1, 10.0.0.2");
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from_str(&field).expect("visible"))]);
        let read = client("10.0.0.1".parse().expect("an address"), &headers, &trusted()).expect("usable");
        prop_assert_eq!(read.address.to_string(), "192.0.2.1");
    }
}
