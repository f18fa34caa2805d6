use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

/// A request in the making, valid until a test spoils it.
struct Request {
    version: Version,
    method: Method,
    target: Vec<u8>,
    authority: Option<&'static str>,
    headers: HeaderMap,
}

impl Request {
    fn get(target: &str) -> Self {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("example.com"))]);
        let (version, method) = (Version::HTTP_11, Method::GET);
        Self { version, method, target: target.into(), authority: None, headers }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    fn http2(mut self, authority: Option<&'static str>) -> Self {
        (self.version, self.authority) = (Version::HTTP_2, authority);
        self
    }

    fn refusal(&self) -> Option<HeadRefused> {
        self.examine().err()
    }

    fn examine(&self) -> Result<Examined<'_>, HeadRefused> {
        let Self { version, ref method, ref target, authority, ref headers } = *self;
        examine(&Head { version, method, target, authority, headers }, &Limits::default())
    }
}

/// PINGORA 2 rows 5, 6, 7, 38.
#[test]
fn hosts_that_are_not_exactly_one_are_refused() {
    use HeadRefused::{Host, HostDisagrees, HostMissing, HostRepeated};
    for (request, reason) in [
        (Request::get("/").without("host"), HostMissing),
        (Request::get("http://example.com/").without("host"), HostMissing),
        (Request::get("/").with("host", "example.com"), HostRepeated),
        (Request::get("/").without("host").with("host", ""), Host(crate::HostRefused::Empty)),
        (Request::get("/").without("host").with("host", "a,b"), Host(crate::HostRefused::Character)),
        (Request::get("http://other.example/"), HostDisagrees),
        (Request::get("http://example.com:80/"), HostDisagrees),
        (Request::get("http://a@example.com/"), Host(crate::HostRefused::Character)),
        (Request::get("/").http2(Some("other.example")), HostDisagrees),
        (Request::get("/").without("host").http2(None), HostMissing),
        (Request::get("/").http2(Some("a:80x")), Host(crate::HostRefused::Port)),
    ] {
        assert_eq!(request.refusal(), Some(reason), "{:?}", request.headers);
    }
}

#[test]
fn the_host_is_found_wherever_the_version_puts_it() {
    for (request, name, port) in [
        (Request::get("/"), "example.com", None),
        (Request::get("http://EXAMPLE.com/"), "example.com", None),
        (Request::get("/").http2(Some("example.com")), "example.com", None),
        (Request::get("/").http2(None), "example.com", None),
        (Request::get("/").without("host").http2(Some("Example.com:8443")), "example.com", Some(8443)),
    ] {
        let examined = request.examine().expect("a valid request");
        assert_eq!((examined.host().name(), examined.host().port()), (name, port));
    }
}

/// LESSONS 1.3 (CONNECT), PINGORA 2 row 16 (TRACE), HTTP Garden (versions).
#[test]
fn methods_and_versions_that_are_not_served_are_refused() {
    for method in [Method::CONNECT, Method::TRACE, Method::from_bytes(b"TRACK").expect("a token")] {
        let mut request = Request::get("/");
        request.method = method;
        assert_eq!(request.refusal(), Some(HeadRefused::Method), "{}", request.method);
    }
    for version in [Version::HTTP_09, Version::HTTP_3] {
        let mut request = Request::get("/");
        request.version = version;
        assert_eq!(request.refusal(), Some(HeadRefused::Version), "{version:?}");
    }
    let mut options = Request::get("*");
    options.method = Method::OPTIONS;
    assert_eq!(options.refusal(), Some(HeadRefused::TargetAsterisk));
}

/// PINGORA 2 row 21; LESSONS 1.4.
#[test]
fn too_much_of_anything_is_refused() {
    let mut request = Request::get("/");
    for _ in 0..99 {
        request = request.with("x-a", "b");
    }
    assert_eq!(request.refusal(), None);
    assert_eq!(request.with("x-a", "b").refusal(), Some(HeadRefused::TooManyFields));

    let longest = "/".to_owned() + &"a".repeat(8191);
    assert_eq!(Request::get(&longest).refusal(), None);
    assert_eq!(Request::get(&(longest + "a")).refusal(), Some(HeadRefused::TargetTooLong));
}

/// PINGORA 2 row 11; LESSONS section 4 (HAProxy forwards NUL), Envoy CVE-2023-27491.
#[test]
fn field_values_with_controls_are_refused() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for value in [&b"a\0b"[..], b"a\rb", b"a\nb", b"a\x01b", b"\x7f", b"a\x1b[0m"] {
            let mut request = Request::get("/");
            request.version = version;
            // What a parser that does not look may hand over: Pingora makes values unchecked.
            let Ok(value) = HeaderValue::from_bytes(value) else { continue };
            request.headers.append("x-a", value);
            assert_eq!(request.refusal(), Some(HeadRefused::FieldValue));
        }
    }
    for value in [&b"a\0b"[..], b"a\rb", b"a\nb", b"a\x01b", b"\x7f", b"\x1f"] {
        assert!(field::has_control(value), "{value:?}");
    }
    for value in [&b""[..], b"a\tb", b"a b", "\u{fc}".as_bytes(), b"\x80\xff"] {
        assert!(!field::has_control(value), "{value:?}");
    }
}

#[test]
fn text_outside_ascii_passes_in_fields_that_are_not_ours() {
    let mut request = Request::get("/");
    request.headers.append("referer", HeaderValue::from_bytes("/\u{fc}".as_bytes()).expect("obs-text"));
    assert_eq!(request.refusal(), None);
}

#[test]
fn connection_fields_do_not_exist_in_http2() {
    for (name, value) in [
        ("connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("te", "trailers, deflate"),
    ] {
        let request = Request::get("/").with(name, value).http2(None);
        assert_eq!(request.refusal(), Some(HeadRefused::ConnectionField), "{name}: {value}");
    }
    assert_eq!(Request::get("/").with("te", "trailers").http2(None).refusal(), None);
    assert_eq!(Request::get("/").with("x-a", " b").http2(None).refusal(), Some(HeadRefused::FieldValue));
}

/// Traefik CVE-2024-45410, PINGORA 2 row 15.
#[test]
fn nominations_of_what_a_message_rests_on_are_refused() {
    for value in ["host", "close, Content-Length", "Authorization", "cookie", "content-type"] {
        let request = Request::get("/").with("connection", value);
        assert_eq!(request.refusal(), Some(HeadRefused::Nomination), "{value}");
    }
    for value in ["close", "keep-alive, TE", "x-mine", ""] {
        assert_eq!(Request::get("/").with("connection", value).refusal(), None, "{value}");
    }
}

/// PINGORA 2 row 5.
#[test]
fn the_absolute_form_goes_on_in_origin_form() {
    for (target, expected) in [
        ("/a?b", None),
        ("http://example.com", Some("/")),
        ("http://example.com?x", Some("/?x")),
        ("http://example.com/a%2Fb?c#".trim_end_matches('#'), Some("/a%2Fb?c")),
    ] {
        let request = Request::get(target);
        let rewritten = request.examine().expect(target).rewritten_target();
        assert_eq!(rewritten.as_deref(), expected, "{target}");
    }
}

/// Every refusal answers with a client's error and has a name of its own.
#[test]
fn each_refusal_has_its_own_slug() {
    use HeadRefused::*;
    let all = [
        (Version, 505),
        (Method, 405),
        (HostMissing, 400),
        (HostRepeated, 400),
        (Host(crate::HostRefused::Empty), 400),
        (HostDisagrees, 400),
        (TooManyFields, 431),
        (FieldValue, 400),
        (ConnectionField, 400),
        (Nomination, 400),
        (LengthRepeated, 400),
        (LengthMalformed, 400),
        (LengthWithCoding, 400),
        (TransferCoding, 400),
        (TransferCodingVersion, 400),
        (UpgradeWithBody, 400),
        (UpgradeMalformed, 400),
        (Expectation, 417),
        (TargetTooLong, 414),
        (TargetAsterisk, 400),
        (TargetForm, 400),
        (TargetFragment, 400),
        (TargetBackslash, 400),
        (TargetControl, 400),
        (TargetNotAscii, 400),
        (TargetPercent, 400),
        (TargetNul, 400),
    ];
    let slugs: std::collections::BTreeSet<_> = all.iter().map(|(refused, _)| refused.slug()).collect();
    assert_eq!(slugs.len(), all.len());
    for (refused, status) in all {
        assert_eq!(refused.status().as_u16(), status, "{refused:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_on_arbitrary_heads(data in prop::collection::vec(any::<u8>(), 0..300)) {
        crate::fuzzing::request(&data);
    }
}
