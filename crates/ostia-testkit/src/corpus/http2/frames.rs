//! Frames that no peer may send: the connection ends (RFC 9113 sections 4 to 6).

use super::{
    CONTINUATION, Case, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PRIORITY, PUSH_PROMISE,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, case, fields, frame, request, settings, window_update,
};
use crate::corpus::Expected;

const GROUP: &str = "frames";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = control();
    cases.extend(streams());
    cases.extend(blocks());
    cases
}

fn closed(name: &'static str, bytes: Vec<u8>) -> Case {
    case(GROUP, name, Expected::Closed, bytes)
}

fn control() -> Vec<Case> {
    vec![
        closed("SETTINGS on a stream", frame(SETTINGS, 0, 1, &[])),
        closed("SETTINGS of five bytes", frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0])),
        closed("an acknowledgement with a payload", frame(SETTINGS, 1, 0, &[0, 3, 0, 0, 0, 9])),
        closed("a window of 2^31", settings(&[(4, 1 << 31)])),
        closed("a frame size of 100", settings(&[(5, 100)])),
        closed("a frame size of 2^24", settings(&[(5, 1 << 24)])),
        closed("push neither on nor off", settings(&[(2, 2)])),
        closed("PING of seven bytes", frame(PING, 0, 0, &[0; 7])),
        closed("PING on a stream", frame(PING, 0, 1, &[0; 8])),
        closed("GOAWAY on a stream", frame(GOAWAY, 0, 1, &[0; 8])),
        closed("WINDOW_UPDATE of three bytes", frame(WINDOW_UPDATE, 0, 0, &[0; 3])),
        closed("WINDOW_UPDATE of nothing on the connection", window_update(0, 0)),
        closed(
            "a window of the connection over 2^31",
            [window_update(0, 0x7fff_ffff), window_update(0, 0x7fff_ffff)].concat(),
        ),
        closed("a frame over 16 KiB", frame(DATA, 0, 1, &[0; 16_385])),
        closed("PUSH_PROMISE from a client", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])),
    ]
}

fn streams() -> Vec<Case> {
    let block =
        fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/x")]);
    vec![
        closed("DATA on stream 0", frame(DATA, 0, 0, b"hello")),
        closed("HEADERS on stream 0", frame(HEADERS, END_HEADERS | END_STREAM, 0, &block)),
        closed("HEADERS on an even stream", frame(HEADERS, END_HEADERS | END_STREAM, 2, &block)),
        closed("DATA on a stream that never began", frame(DATA, 0, 1, b"hello")),
        closed("RST_STREAM on a stream that never began", frame(RST_STREAM, 0, 1, &[0; 4])),
        closed("RST_STREAM on stream 0", frame(RST_STREAM, 0, 0, &[0; 4])),
        closed("RST_STREAM of three bytes", frame(RST_STREAM, 0, 1, &[0; 3])),
        closed("WINDOW_UPDATE on a stream that never began", window_update(1, 5)),
        closed("PRIORITY on stream 0", frame(PRIORITY, 0, 0, &[0, 0, 0, 1, 1])),
        closed("DATA with more padding than payload", {
            let head = request(1, &[(":method", "POST"), (":authority", "nowhere.test")], false);
            [head, frame(DATA, PADDED, 1, &[200, 1, 2])].concat()
        }),
        closed(
            "HEADERS with more padding than payload",
            frame(HEADERS, END_HEADERS | PADDED, 1, &[200, 1, 2]),
        ),
    ]
}

fn blocks() -> Vec<Case> {
    let block =
        fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/x")]);
    let begun = frame(HEADERS, END_STREAM, 1, &block);
    let whole = |payload: &[u8]| frame(HEADERS, END_HEADERS | END_STREAM, 1, payload);
    vec![
        closed("CONTINUATION without HEADERS", frame(CONTINUATION, END_HEADERS, 1, &block)),
        closed("DATA inside of a header block", [begun.clone(), frame(DATA, 0, 1, b"x")].concat()),
        closed(
            "HEADERS inside of a header block",
            [begun.clone(), frame(HEADERS, END_HEADERS, 3, &block)].concat(),
        ),
        closed("PING inside of a header block", [begun.clone(), frame(PING, 0, 0, &[0; 8])].concat()),
        closed(
            "an unknown frame inside of a header block",
            [begun.clone(), frame(0x42, 0, 1, b"x")].concat(),
        ),
        closed("CONTINUATION on another stream", [begun, frame(CONTINUATION, END_HEADERS, 3, &[])].concat()),
        closed("an index that does not exist", whole(&[0xff, 0x80, 0x01])),
        closed("index zero", whole(&[0x80])),
        closed("a header block cut in a name", whole(&[0x00, 0x05, b'x'])),
        closed(
            "a number that never ends",
            whole(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ),
        closed("a table larger than agreed", whole(&[0x3f, 0xe1, 0xff, 0x3f])),
        closed("a table that changes behind a field", whole(&[0x82, 0x20, 0x86, 0x84])),
        closed(
            "the end-of-string code in a value",
            whole(&[0x82, 0x86, 0x84, 0x00, 0x01, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]),
        ),
    ]
}
