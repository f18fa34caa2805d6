//! Requests with nothing wrong about them, however they look.

use super::{
    CONTINUATION, Case, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PRIORITY, arrives, at, fields, frame,
    request, settings, window_update,
};
use crate::corpus::Arrival;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = heads();
    cases.extend(bodies());
    cases.extend(frames());
    cases
}

fn heads() -> Vec<Case> {
    let get = |more: &[(&str, &str)]| request(1, more, true);
    let with = |name: &'static str, value: &str| Arrival { with: vec![(name, value.to_owned())], ..at("/x") };
    let odd = "/~a/../%2e%2E//b%2Fc;d=1/%5c!$&'()*+,=:@?x=/../y;z";
    let host = fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/x"), ("host", "app.test")]);
    vec![
        arrives("a plain request", at("/x"), get(&[])),
        arrives("a path with everything", at(odd), get(&[(":path", odd)])),
        arrives(
            "cookies in crumbs",
            with("cookie", "a=1; b=2; c=3"),
            get(&[("cookie", "a=1"), ("cookie", "b=2"), ("x", "1"), ("cookie", "c=3")]),
        ),
        // The library cuts it off before anybody has seen it, so all readers agree.
        arrives("a fragment, which nobody gets to see", at("/a"), get(&[(":path", "/a#b")])),
        arrives(
            "a host instead of an authority",
            at("/x"),
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &host),
        ),
        arrives("a host that agrees", at("/x"), get(&[("host", "app.test")])),
        arrives("TE: trailers", Arrival { without: &["te"], ..at("/x") }, get(&[("te", "trailers")])),
        arrives(
            "a name with an underscore",
            Arrival { without: &["x_y", "x-y"], ..at("/x") },
            get(&[("x_y", "1")]),
        ),
        arrives(
            "a forged address",
            Arrival { with: vec![("x-forwarded-proto", "http".to_owned())], ..at("/x") },
            get(&[("x-forwarded-proto", "gopher"), ("x_forwarded_for", "192.0.2.1")]),
        ),
        arrives("an empty value", with("x", ""), get(&[("x", "")])),
    ]
}

fn bodies() -> Vec<Case> {
    let post = |more: &[(&str, &str)]| request(1, &[&[(":method", "POST")], more].concat(), false);
    let hello = Arrival { body: b"hello".to_vec(), ..at("/x") };
    let clean = Arrival { without: &["x-trailer", "x-forwarded-user"], ..hello.clone() };
    let trailers = fields(&[("x-trailer", "1"), ("x-forwarded-user", "mallory")]);
    vec![
        arrives("a body", hello.clone(), [post(&[]), frame(DATA, END_STREAM, 1, b"hello")].concat()),
        arrives(
            "a body with its length",
            hello.clone(),
            [post(&[("content-length", "5")]), frame(DATA, END_STREAM, 1, b"hello")].concat(),
        ),
        arrives(
            "a body in pieces",
            hello.clone(),
            [post(&[]), frame(DATA, 0, 1, b"he"), frame(DATA, 0, 1, b"llo"), frame(DATA, END_STREAM, 1, b"")]
                .concat(),
        ),
        arrives(
            "a padded body",
            hello.clone(),
            [post(&[]), frame(DATA, END_STREAM | PADDED, 1, b"\x03hello\0\0\0")].concat(),
        ),
        arrives("a body of nothing", at("/x"), [post(&[]), frame(DATA, END_STREAM, 1, b"")].concat()),
        arrives(
            "trailers that would change the request",
            clean,
            [post(&[]), frame(DATA, 0, 1, b"hello"), frame(HEADERS, END_HEADERS | END_STREAM, 1, &trailers)]
                .concat(),
        ),
    ]
}

fn frames() -> Vec<Case> {
    let block =
        fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/x")]);
    let (first, rest) = block.split_at(7);
    let (second, third) = rest.split_at(1);
    vec![
        arrives(
            "a header block in three frames",
            at("/x"),
            [
                frame(HEADERS, END_STREAM, 1, first),
                frame(CONTINUATION, 0, 1, second),
                frame(CONTINUATION, END_HEADERS, 1, third),
            ]
            .concat(),
        ),
        arrives(
            "frames nobody knows",
            at("/x"),
            [frame(0x42, 0xff, 0, b"x"), request(1, &[], true), frame(0x42, 0, 1, b"x")].concat(),
        ),
        arrives(
            "settings nobody knows",
            at("/x"),
            [settings(&[(0x4242, 1), (6, 100)]), request(1, &[], true)].concat(),
        ),
        arrives(
            "priorities and windows",
            at("/x"),
            [frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 16]), window_update(0, 1000), request(1, &[], true)]
                .concat(),
        ),
    ]
}
