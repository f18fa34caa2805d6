//! Requests whose fields are malformed (RFC 9113 section 8).

use super::{Case, END_HEADERS, END_STREAM, HEADERS, case, fields, frame, request};
use crate::corpus::Expected;

const GROUP: &str = "head";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = names();
    cases.extend(values());
    cases.extend(pseudo());
    cases.extend(targets());
    cases.extend(sets());
    cases
}

fn stopped(name: &'static str, more: &[(&str, &str)]) -> Case {
    case(GROUP, name, Expected::Stopped, request(1, more, true))
}

fn names() -> Vec<Case> {
    let bytes: [(&str, &[u8]); 10] = [
        ("a name in capitals", b"X-Name"),
        ("a name with a blank", b"x name"),
        ("a name with a colon", b"x:name"),
        ("an empty name", b""),
        ("a name with NUL", b"x\0name"),
        ("a name with a line end", b"x\r\nx-smuggled: 1"),
        ("a name that is no ASCII", b"x\xe4"),
        ("a name with DEL", b"x\x7f"),
        ("a name in brackets", b"[x]"),
        ("a name that ends with a blank", b"x "),
    ];
    let ours: [(&[u8], &[u8]); 4] =
        [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"app.test"), (b":path", b"/x")];
    let block = |name: &'static [u8]| fields(&[&ours[..], &[(name, b"1")]].concat());
    bytes
        .into_iter()
        .map(|(name, field)| {
            case(GROUP, name, Expected::Stopped, frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(field)))
        })
        .collect()
}

fn values() -> Vec<Case> {
    [
        ("CR in a value", "a\rb"),
        ("LF in a value", "a\nb"),
        ("a smuggled line in a value", "a\r\nx-smuggled: 1"),
        ("a smuggled request in a value", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: app.test"),
        ("NUL in a value", "a\0b"),
        ("a control in a value", "a\u{1}b"),
        ("DEL in a value", "a\u{7f}b"),
        ("a blank before a value", " a"),
        ("a blank behind a value", "a "),
        ("a tab before a value", "\ta"),
    ]
    .into_iter()
    .map(|(name, value)| stopped(name, &[("x", value)]))
    .collect()
}

fn pseudo() -> Vec<Case> {
    [
        ("no method", &[(":scheme", "http"), (":authority", "app.test"), (":path", "/x")][..]),
        ("no scheme", &[(":method", "GET"), (":authority", "app.test"), (":path", "/x")]),
        ("no path", &[(":method", "GET"), (":scheme", "http"), (":authority", "app.test")]),
        ("no authority and no host", &[(":method", "GET"), (":scheme", "http"), (":path", "/x")]),
        (
            "two methods",
            &[
                (":method", "GET"),
                (":method", "PUT"),
                (":scheme", "http"),
                (":authority", "app.test"),
                (":path", "/x"),
            ],
        ),
        (
            "two paths",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "app.test"),
                (":path", "/x"),
                (":path", "/y"),
            ],
        ),
        (
            "two authorities",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "app.test"),
                (":authority", "evil.test"),
                (":path", "/x"),
            ],
        ),
        (
            "a pseudo-header field behind the others",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "app.test"),
                ("x", "1"),
                (":path", "/x"),
            ],
        ),
        (
            "a pseudo-header field nobody knows",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "app.test"),
                (":path", "/x"),
                (":foo", "1"),
            ],
        ),
        (
            "a status in a request",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "app.test"),
                (":path", "/x"),
                (":status", "200"),
            ],
        ),
        (
            "another host beside the authority",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "app.test"),
                (":path", "/x"),
                ("host", "evil.test"),
            ],
        ),
        (
            "two hosts",
            &[
                (":method", "GET"),
                (":scheme", "http"),
                (":path", "/x"),
                ("host", "app.test"),
                ("host", "evil.test"),
            ],
        ),
    ]
    .into_iter()
    .map(|(name, block)| {
        case(GROUP, name, Expected::Stopped, frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields(block)))
    })
    .collect()
}

fn targets() -> Vec<Case> {
    [
        ("an empty path", ":path", ""),
        ("a path without a slash", ":path", "x"),
        ("an asterisk", ":path", "*"),
        ("an absolute path", ":path", "http://evil.test/x"),
        ("a path with a blank", ":path", "/a b"),
        ("a path with a tab", ":path", "/a\tb"),
        ("a path with a version", ":path", "/x HTTP/1.1"),
        ("a path with a request", ":path", "/x HTTP/1.1\r\nHost: app.test\r\n\r\nGET /smuggled"),
        ("a path with NUL", ":path", "/a\0b"),
        ("a path with a backslash", ":path", "/a\\b"),
        ("a path with an encoded NUL", ":path", "/a%00b"),
        ("a path that is no ASCII", ":path", "/caf\u{e9}"),
        ("a method with a blank", ":method", "GET /x"),
        ("a method with a line end", ":method", "GET /x HTTP/1.1\r\nX: "),
        ("an empty method", ":method", ""),
        ("TRACE", ":method", "TRACE"),
        ("CONNECT with a path", ":method", "CONNECT"),
        ("an authority with a user", ":authority", "user@app.test"),
        ("an authority with a path", ":authority", "app.test/x"),
        ("a list of authorities", ":authority", "app.test,evil.test"),
        ("an authority with a blank", ":authority", "app.test evil.test"),
        ("an authority with a line end", ":authority", "app.test\r\nx-smuggled: 1"),
        ("an empty authority", ":authority", ""),
        ("a port with letters", ":authority", "app.test:80x"),
        ("a scheme with a blank", ":scheme", "ht tp"),
        ("a scheme with a line end", ":scheme", "http\r\nx-smuggled: 1"),
    ]
    .into_iter()
    .map(|(name, field, value)| stopped(name, &[(field, value)]))
    .collect()
}

fn sets() -> Vec<Case> {
    let names: Vec<String> = (0..150).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let long = "a".repeat(15_000);
    let mut cases = vec![
        stopped("Connection", &[("connection", "close")]),
        stopped("Keep-Alive", &[("keep-alive", "timeout=5")]),
        stopped("Proxy-Connection", &[("proxy-connection", "keep-alive")]),
        stopped("Transfer-Encoding", &[("transfer-encoding", "chunked")]),
        stopped("Upgrade", &[("upgrade", "websocket")]),
        stopped("TE with something else than trailers", &[("te", "trailers, gzip")]),
        stopped("an expectation nobody knows", &[("expect", "200-ok")]),
        stopped("150 fields", &many),
        stopped("CONNECT for a WebSocket", &[(":method", "CONNECT"), (":protocol", "websocket")]),
    ];
    let block =
        fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/x")]);
    let parts = [&fields(&[("x", &long), ("y", &long)]), &fields(&[("z", &long), ("w", &long)])];
    let bytes = [
        frame(HEADERS, END_STREAM, 1, &block),
        parts.iter().flat_map(|part| continued(part, 0)).collect(),
        continued(&fields(&[("v", &long)]), END_HEADERS),
    ];
    cases.push(case(GROUP, "fields of 75 KB", Expected::Stopped, bytes.concat()));
    cases
}

/// CONTINUATION frames of at most 16 KiB each.
fn continued(block: &[u8], flags: u8) -> Vec<u8> {
    let count = block.len().div_ceil(16_384);
    let frames = block.chunks(16_384).enumerate().flat_map(|(number, part)| {
        frame(super::CONTINUATION, if number + 1 == count { flags } else { 0 }, 1, part)
    });
    frames.collect()
}
