//! Bodies that are not what was announced, and trailers (RFC 9113 section 8.1.1).

use super::{Case, DATA, END_HEADERS, END_STREAM, HEADERS, case, fields, frame, request};
use crate::corpus::{Arrival, Expected};

const GROUP: &str = "content";

pub(super) fn cases() -> Vec<Case> {
    let post = |length: &str| request(1, &[(":method", "POST"), ("content-length", length)], false);
    let open = || request(1, &[(":method", "POST")], false);
    let data = |flags: u8, text: &str| frame(DATA, flags, 1, text.as_bytes());
    let trailers = |flags: u8, list: &[(&str, &str)]| frame(HEADERS, END_HEADERS | flags, 1, &fields(list));
    let reset = Expected::BrokenOff(0);
    let stopped = Expected::Stopped;
    // No trailer of a client goes on, whatever it holds.
    let arrival = Arrival { target: "/x".to_owned(), body: b"hello".to_vec(), ..Arrival::default() };
    let whole = Expected::Arrives(vec![Arrival { without: &[":path", "path", "trailer"], ..arrival }]);
    let table: [(&'static str, &Expected, Vec<Vec<u8>>); 15] = [
        ("less than announced", &reset, vec![post("9"), data(END_STREAM, "hello")]),
        ("more than announced", &reset, vec![post("3"), data(END_STREAM, "hello")]),
        ("more than nothing", &stopped, vec![post("0"), data(END_STREAM, "hello")]),
        (
            "a smuggled request behind the length",
            &reset,
            vec![post("1"), data(END_STREAM, "aGET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n")],
        ),
        (
            "a length and the end at once",
            &stopped,
            vec![request(1, &[(":method", "POST"), ("content-length", "5")], true)],
        ),
        (
            "less than announced, then trailers",
            &reset,
            vec![post("9"), data(0, "hello"), trailers(END_STREAM, &[("x-trailer", "1")])],
        ),
        ("a length with a sign", &stopped, vec![post("+5"), data(END_STREAM, "hello")]),
        ("a list of lengths", &stopped, vec![post("5, 6"), data(END_STREAM, "hello")]),
        (
            "two lengths",
            &stopped,
            vec![
                request(1, &[(":method", "POST"), ("content-length", "5"), ("content-length", "6")], false),
                data(END_STREAM, "hello"),
            ],
        ),
        (
            "the same length twice",
            &stopped,
            vec![
                request(1, &[(":method", "POST"), ("content-length", "5"), ("content-length", "5")], false),
                data(END_STREAM, "hello"),
            ],
        ),
        ("a length over the bound", &stopped, vec![post("99999999999"), data(0, "hello")]),
        (
            "trailers with a pseudo-header field",
            &whole,
            vec![open(), data(0, "hello"), trailers(END_STREAM, &[(":path", "/smuggled")])],
        ),
        (
            "trailers that end nothing",
            &reset,
            vec![open(), data(0, "hello"), trailers(0, &[("x-trailer", "1")])],
        ),
        ("a body that never ends", &Expected::BrokenOff(408), vec![post("5"), data(0, "hel")]),
        ("a body without length that never ends", &Expected::BrokenOff(408), vec![open(), data(0, "hel")]),
    ];
    table
        .into_iter()
        .map(|(name, expected, frames)| case(GROUP, name, expected.clone(), frames.concat()))
        .collect()
}
