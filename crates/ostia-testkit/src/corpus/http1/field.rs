//! Field lines: their grammar, their bounds, and those that steer a connection.

use super::{Arrival, Case, arrives, at, get, post, refused, with_body};

const GROUP: &str = "field";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = malformed();
    cases.extend(steering());
    cases.extend(fine());
    let many: String = (0..150).map(|number| format!("X-{number}: 1\r\n")).collect();
    cases.push(refused(GROUP, "150 fields", 431, get(&many)));
    cases.push(refused(GROUP, "a field of 70 KB", 431, get(&format!("X: {}\r\n", "a".repeat(70_000)))));
    cases.push(refused(GROUP, "a name of 70 KB", 431, get(&format!("{}: 1\r\n", "x".repeat(70_000)))));
    cases.push(refused(
        GROUP,
        "a head that never ends",
        408,
        "GET /x HTTP/1.1\r\nHost: app.test\r\nX: 1\r\n",
    ));
    cases
}

fn malformed() -> Vec<Case> {
    let lines: [(&str, &str); 24] = [
        ("a blank in a name", "X Y: 1\r\n"),
        ("a blank before a colon", "X : 1\r\n"),
        ("a tab before a colon", "X\t: 1\r\n"),
        ("no name", ": 1\r\n"),
        ("no colon", "X\r\n"),
        ("a name that is no ASCII", "X\u{e4}: 1\r\n"),
        ("a name with a slash", "X/Y: 1\r\n"),
        ("a name in brackets", "[X]: 1\r\n"),
        ("a name with quotes", "\"X\": 1\r\n"),
        ("a name with NUL", "X\0: 1\r\n"),
        ("NUL in a value", "X: a\0b\r\n"),
        ("a bare CR in a value", "X: a\rb\r\n"),
        ("a bare LF in a value", "X: a\nb\r\n"),
        ("a smuggled line behind a bare LF", "X: a\nX-Smuggled: 1\r\n"),
        ("a smuggled line behind a bare CR", "X: a\rX-Smuggled: 1\r\n"),
        ("CR CR LF", "X: a\r\r\n"),
        ("LF CR", "X: a\n\r\n"),
        ("a bell in a value", "X: a\u{7}b\r\n"),
        ("an escape in a value", "X: \u{1b}[2J\r\n"),
        ("a vertical tab in a value", "X: a\u{b}b\r\n"),
        ("DEL in a value", "X: a\u{7f}b\r\n"),
        ("a fold with a blank", "X: a\r\n b\r\n"),
        ("a fold with a tab", "X: a\r\n\tb\r\n"),
        ("a fold of nothing", "X: a\r\n \r\n"),
    ];
    lines.into_iter().map(|(name, lines)| refused(GROUP, name, 400, get(lines))).collect()
}

fn steering() -> Vec<Case> {
    let websocket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let refusals: [(&str, u16, String); 12] = [
        ("Host is to be removed", 400, get("Connection: host\r\n")),
        (
            "the length is to be removed",
            400,
            post("Connection: content-length\r\nContent-Length: 5\r\n", "hello"),
        ),
        ("a managed field is to be removed", 400, get("Connection: X-Forwarded-For\r\n")),
        (
            "a managed field is to be removed, in another spelling",
            400,
            get("Connection: close, x_forwarded_proto\r\n"),
        ),
        ("an expectation nobody knows", 417, post("Expect: 200-ok\r\nContent-Length: 5\r\n", "hello")),
        ("an expectation and more", 417, post("Expect: 100-continue, x\r\nContent-Length: 5\r\n", "hello")),
        (
            "two expectations",
            417,
            post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", "hello"),
        ),
        (
            "an expectation with a blank inside",
            417,
            post("Expect: 100 -continue\r\nContent-Length: 5\r\n", "hello"),
        ),
        ("an upgrade with a body", 400, post(&format!("{websocket}Content-Length: 5\r\n"), "hello")),
        (
            "an upgrade with chunks",
            400,
            post(&format!("{websocket}Transfer-Encoding: chunked\r\n"), "0\r\n\r\n"),
        ),
        ("an upgrade that Connection does not name", 400, get("Upgrade: websocket\r\n")),
        ("websocket among others", 400, get("Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n")),
    ];
    refusals.into_iter().map(|(name, status, bytes)| refused(GROUP, name, status, bytes)).collect()
}

fn fine() -> Vec<Case> {
    let without = |names: &'static [&'static str]| Arrival { without: names, ..at("/x") };
    let with = |name: &'static str, value: &str| Arrival { with: vec![(name, value.to_owned())], ..at("/x") };
    let h2c = "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    vec![
        arrives(GROUP, "an empty value", get("X:\r\n"), with("x", "")),
        arrives(GROUP, "blanks around a value", get("X: \t a b \t\r\n"), with("x", "a b")),
        arrives(GROUP, "colons in a value", get("X::a:b:\r\n"), with("x", ":a:b:")),
        arrives(
            GROUP,
            "a name with every sign",
            get("x!#$%&'*+-.^`|~9: 1\r\n"),
            without(&["x!#$%&'*+-.^`|~9"]),
        ),
        arrives(GROUP, "a name with an underscore", get("X_Y: 1\r\n"), without(&["x_y", "x-y"])),
        arrives(
            GROUP,
            "a nominated field",
            get("Connection: close, X-Gone\r\nX-Gone: 1\r\n"),
            without(&["x-gone"]),
        ),
        arrives(
            GROUP,
            "fields of one hop",
            get(
                "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nProxy-Authorization: x\r\n",
            ),
            without(&["keep-alive", "proxy-connection", "te", "proxy-authorization"]),
        ),
        arrives(GROUP, "an upgrade to h2c", get(h2c), without(&["upgrade", "http2-settings"])),
        arrives(
            GROUP,
            "an upgrade to something",
            get("Upgrade: x\r\nConnection: Upgrade\r\n"),
            without(&["upgrade"]),
        ),
        arrives(
            GROUP,
            "100-continue",
            post("Expect: 100-Continue\r\nContent-Length: 5\r\n", "hello"),
            with_body("/x", "hello"),
        ),
        arrives(
            GROUP,
            "a forged client address",
            get(
                "X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: evil.test\r\nX_Forwarded_Host: evil.test\r\n",
            ),
            Arrival {
                with: vec![
                    ("x-forwarded-proto", "http".to_owned()),
                    ("x-forwarded-host", "app.test".to_owned()),
                ],
                ..at("/x")
            },
        ),
    ]
}
