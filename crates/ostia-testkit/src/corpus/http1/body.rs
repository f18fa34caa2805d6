//! The body itself: chunks, their sizes and extensions, trailers.

use super::{Arrival, Case, arrives, post, refused, with_body};
use crate::corpus::Expected;

const GROUP: &str = "body";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = broken();
    cases.extend(fine());
    cases.push(refused(GROUP, "a length over the bound", 413, post("Content-Length: 99999999999\r\n", "")));
    cases.push(broken_off("a body shorter than its length", 408, "Content-Length: 50\r\n", "hello"));
    cases
}

/// The head is good, the body turns bad: by then the head may be on its way.
fn broken_off(name: &'static str, status: u16, lines: &str, body: &str) -> Case {
    let expected = Expected::BrokenOff(status);
    Case { group: GROUP, name, bytes: post(lines, body).into_bytes(), expected }
}

fn broken() -> Vec<Case> {
    let bodies: [(&str, &str); 28] = [
        ("a hexadecimal mark", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("a plus sign before a size", "+5\r\nhello\r\n0\r\n\r\n"),
        ("a minus sign before a size", "-5\r\nhello\r\n0\r\n\r\n"),
        ("a blank before a size", " 5\r\nhello\r\n0\r\n\r\n"),
        ("an underscore in a size", "0_5\r\nhello\r\n0\r\n\r\n"),
        ("a letter that is no digit", "5g\r\nhello\r\n0\r\n\r\n"),
        ("no size", "\r\nhello\r\n0\r\n\r\n"),
        ("an extension without a size", ";a=b\r\nhello\r\n0\r\n\r\n"),
        ("a size in quotes", "\"5\"\r\nhello\r\n0\r\n\r\n"),
        ("a size that wraps to 5 in 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        ("a size that is negative in 64 bits", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        ("a size of forty digits", "0000000000000000000000000000000000000005\r\nhello\r\n0\r\n\r\n"),
        ("a bare LF behind a size", "5\nhello\r\n0\r\n\r\n"),
        ("a bare CR behind a size", "5\rhello\r\n0\r\n\r\n"),
        ("CR CR LF behind a size", "5\r\r\nhello\r\n0\r\n\r\n"),
        ("a bare LF behind the data", "5\r\nhello\n0\r\n\r\n"),
        ("a bare LF behind the last size", "5\r\nhello\r\n0\n\r\n"),
        ("a bare LF at the very end", "5\r\nhello\r\n0\r\n\n"),
        ("nothing behind the data", "5\r\nhello0\r\n\r\n"),
        ("two more bytes behind the data", "5\r\nhelloXX0\r\n\r\n"),
        ("more data than the size says", "5\r\nhello world\r\n0\r\n\r\n"),
        ("a bare LF in an extension", "5;a=b\nX: y\r\nhello\r\n0\r\n\r\n"),
        ("a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        ("NUL in an extension", "5;a\0b\r\nhello\r\n0\r\n\r\n"),
        ("a trailer without a colon", "5\r\nhello\r\n0\r\nTrailer\r\n\r\n"),
        ("a trailer with a blank in its name", "5\r\nhello\r\n0\r\nX Y: 1\r\n\r\n"),
        ("a trailer with a bare LF", "5\r\nhello\r\n0\r\nX: 1\nY: 2\r\n\r\n"),
        ("a trailer with NUL", "5\r\nhello\r\n0\r\nX: \0\r\n\r\n"),
    ];
    let mut cases: Vec<Case> =
        bodies.into_iter().map(|(name, body)| broken_off(name, 400, CHUNKED, body)).collect();
    let long = "a".repeat(20 * 1024);
    cases.push(broken_off(
        "an extension of 20 KiB",
        400,
        CHUNKED,
        &format!("5;{long}\r\nhello\r\n0\r\n\r\n"),
    ));
    let many: String = (0..4000).map(|_| "1;extension\r\na\r\n").collect();
    cases.push(broken_off("extensions of 44 KiB in all", 400, CHUNKED, &format!("{many}0\r\n\r\n")));
    cases.push(broken_off(
        "trailers of 128 KiB",
        400,
        CHUNKED,
        &format!("5\r\nhello\r\n0\r\n{}\r\n", format!("X: {}\r\n", "a".repeat(1000)).repeat(128)),
    ));
    cases.push(broken_off("chunks that never end", 408, CHUNKED, "5\r\nhello\r\n"));
    cases
}

fn fine() -> Vec<Case> {
    let hello = with_body("/x", "hello");
    let chunked = |body: &str| post(CHUNKED, body);
    let trailers = Arrival {
        without: &["content-length", "x-forwarded-user", "x-trailer", "x-smuggled"],
        ..hello.clone()
    };
    vec![
        arrives(GROUP, "several chunks", chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), hello.clone()),
        arrives(
            GROUP,
            "hexadecimal digits",
            chunked("A\r\n0123456789\r\nb\r\nabcdefghijk\r\n0\r\n\r\n"),
            with_body("/x", "0123456789abcdefghijk"),
        ),
        arrives(GROUP, "leading zeros of a size", chunked("0005\r\nhello\r\n000\r\n\r\n"), hello.clone()),
        arrives(GROUP, "an extension", chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), hello.clone()),
        arrives(
            GROUP,
            "an extension in quotes",
            chunked("5;a=\"b;c\"\r\nhello\r\n0;last\r\n\r\n"),
            hello.clone(),
        ),
        arrives(
            GROUP,
            "line ends inside the data",
            chunked("9\r\n0\r\n\r\nGET \r\n0\r\n\r\n"),
            with_body("/x", "0\r\n\r\nGET "),
        ),
        arrives(
            GROUP,
            "trailers that would change the request",
            chunked(
                "5\r\nhello\r\n0\r\nContent-Length: 9\r\nX-Forwarded-User: mallory\r\nX-Trailer: 1\r\n\r\n",
            ),
            trailers,
        ),
    ]
}
