use proptest::prelude::*;

use super::*;

fn judge(head: &str) -> Result<(), HeadRefused> {
    examine(head.as_bytes())
}

/// PINGORA 2 rows 2, 4, 8, 9, 11, 12; HTTP Garden.
#[test]
fn what_a_lenient_parser_repairs_is_refused() {
    for (head, reason) in [
        ("", HeadRefused::Line),
        ("\r\n\r\n", HeadRefused::Line),
        ("GET / HTTP/1.1\r\nHost: a\r\n", HeadRefused::Line),
        ("GET / HTTP/1.1\nHost: a\n\n", HeadRefused::Line),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", HeadRefused::Line),
        ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", HeadRefused::Line),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\r\n", HeadRefused::Line),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HeadRefused::Line),
        (" GET / HTTP/1.1\r\n\r\n", HeadRefused::Line),
        ("GET  / HTTP/1.1\r\n\r\n", HeadRefused::TargetControl),
        ("GET /\tHTTP/1.1\r\n\r\n", HeadRefused::Line),
        ("GET / HTTP/1.1 \r\n\r\n", HeadRefused::Line),
        ("GET /\r\n\r\n", HeadRefused::Line),
        ("G@T / HTTP/1.1\r\n\r\n", HeadRefused::Line),
        ("GET / HTTP/1.2\r\n\r\n", HeadRefused::Version),
        ("GET / HTTP/2.0\r\n\r\n", HeadRefused::Version),
        ("GET / HTTP/11\r\n\r\n", HeadRefused::Line),
        ("GET / http/1.1\r\n\r\n", HeadRefused::Line),
        ("GET / XHTTP/1.1\r\n\r\n", HeadRefused::Line),
        ("CONNECT a:443 HTTP/1.1\r\n\r\n", HeadRefused::Method),
        ("GET /a b HTTP/1.1\r\n\r\n", HeadRefused::TargetControl),
        ("GET /a#b HTTP/1.1\r\n\r\n", HeadRefused::TargetFragment),
        ("GET /\u{fc} HTTP/1.1\r\n\r\n", HeadRefused::TargetNotAscii),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", HeadRefused::FieldName),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", HeadRefused::FieldName),
        ("GET / HTTP/1.1\r\nX\u{fc}: a\r\n\r\n", HeadRefused::FieldName),
        ("GET / HTTP/1.1\r\nX(: a\r\n\r\n", HeadRefused::FieldName),
        ("GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", HeadRefused::Line),
        ("GET / HTTP/1.1\r\nX: a\r\n\tY: b\r\n\r\n", HeadRefused::Line),
        ("GET / HTTP/1.1\r\n X: a\r\n\r\n", HeadRefused::Line),
        ("GET / HTTP/1.1\r\nX\r\n\r\n", HeadRefused::Line),
        ("GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", HeadRefused::FieldValue),
        ("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", HeadRefused::FieldValue),
        ("GET / HTTP/1.1\r\nX: a\r\r\n\r\n", HeadRefused::FieldValue),
        ("GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n", HeadRefused::HostRepeated),
        (
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            HeadRefused::LengthWithCoding,
        ),
        ("POST / HTTP/1.1\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\n", HeadRefused::LengthRepeated),
        ("POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", HeadRefused::LengthMalformed),
        ("POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", HeadRefused::LengthMalformed),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            HeadRefused::TransferCoding,
        ),
    ] {
        assert_eq!(judge(head), Err(reason), "{head:?}");
    }
}

#[test]
fn ordinary_heads_pass() {
    for head in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET http://a/b?c HTTP/1.1\r\nHost:a\r\nX-Y_z: \u{fc}\t \r\nempty:\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:  3 \r\n\r\n",
        "M-SEARCH / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(judge(head), Ok(()), "{head:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_on_arbitrary_bytes(head in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = examine(&head);
    }

    #[test]
    fn a_head_with_a_spoiled_line_end_never_passes(at in 0..3_usize, end in r"\n|\r|\r\r\n|\n\r|\r\n |\x0b\r\n") {
        let ends: Vec<&str> = (0..3).map(|line| if line == at { end.as_str() } else { "\r\n" }).collect();
        let head = format!("GET / HTTP/1.1{}Host: a{}X: b{}\r\n", ends[0], ends[1], ends[2]);
        prop_assert!(judge(&head).is_err(), "{:?}", head);
    }
}
