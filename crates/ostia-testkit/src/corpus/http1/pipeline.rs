//! Several requests on one connection, honest ones and smuggled ones.

use super::{Case, at, get, post, with_body};
use crate::corpus::{Arrival, Expected};

const GROUP: &str = "pipeline";

pub(super) fn cases() -> Vec<Case> {
    let second = "GET /second HTTP/1.1\r\nHost: app.test\r\n\r\n";
    let both = |first: Arrival| vec![first, at("/second")];
    let table: [(&'static str, String, Vec<Arrival>); 8] = [
        ("two requests at once", get("") + second, both(at("/x"))),
        (
            "a request behind a body",
            post("Content-Length: 5\r\n", "hello") + second,
            both(with_body("/x", "hello")),
        ),
        (
            "a request behind chunks",
            post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n") + second,
            both(with_body("/x", "hello")),
        ),
        (
            "a request inside of a body",
            post(&format!("Content-Length: {}\r\n", second.len()), second),
            vec![with_body("/x", second)],
        ),
        (
            "a request inside of a chunk",
            post("Transfer-Encoding: chunked\r\n", &format!("{:x}\r\n{second}\r\n0\r\n\r\n", second.len())),
            vec![with_body("/x", second)],
        ),
        (
            "a request inside of a body on GET",
            get(&format!("Content-Length: {}\r\n", second.len())) + second,
            vec![with_body("/x", second)],
        ),
        ("noise behind a request", get("") + "\0\0\0\0", vec![at("/x")]),
        ("a body that was not announced", post("", "hello"), vec![at("/x")]),
    ];
    table
        .into_iter()
        .map(|(name, bytes, arrivals)| Case {
            group: GROUP,
            name,
            bytes: bytes.into_bytes(),
            expected: Expected::Pipelined(arrivals),
        })
        .collect()
}
