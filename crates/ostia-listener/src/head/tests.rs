use super::*;

fn scan(head: &[u8]) -> Result<Option<usize>, HeadRefused> {
    Scan::new(4).advance(head)
}

#[test]
fn what_pingora_would_repair_is_refused() {
    use HeadRefused::*;
    let table: &[(&str, &[u8], HeadRefused)] = &[
        ("bare LF after the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", BareLf),
        ("bare LF after a field", b"GET / HTTP/1.1\r\nHost: a\n\r\n", BareLf),
        ("bare LF as the empty line", b"GET / HTTP/1.1\r\nHost: a\r\n\n", BareLf),
        ("LF alone", b"\n", BareLf),
        ("bare CR in a value", b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", BareCr),
        ("CR CR LF", b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", BareCr),
        ("NUL in a value", b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", Nul),
        ("NUL in the target", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", Nul),
        ("obs-fold", b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", ObsoleteFold),
        ("obs-fold with a tab", b"GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", ObsoleteFold),
        ("white space before the first field", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", ObsoleteFold),
        ("space before the colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", FieldName),
        ("tab before the colon", b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", FieldName),
        ("no colon", b"GET / HTTP/1.1\r\nHost a\r\n\r\n", FieldName),
        ("empty name", b"GET / HTTP/1.1\r\n: a\r\n\r\n", FieldName),
        ("name with a slash", b"GET / HTTP/1.1\r\nHo/st: a\r\n\r\n", FieldName),
        ("space in the target", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("space after the version", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", RequestLine),
        ("tab as separator", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("DEL in the target", b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("HTTP/0.9", b"GET /\r\n\r\n", RequestLine),
        ("lower-case version", b"GET / http/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", RequestLine),
        ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", RequestLine),
        ("two empty lines first", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine),
        ("TLS hello", b"\x16\x03\x01\x02", RequestLine),
        (
            "length and coding",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            AmbiguousFraming,
        ),
        (
            "coding and length",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n",
            AmbiguousFraming,
        ),
        (
            "two lengths",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            AmbiguousFraming,
        ),
        (
            "two codings",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTRANSFER-ENCODING: chunked\r\n\r\n",
            AmbiguousFraming,
        ),
        ("five fields", b"GET / HTTP/1.1\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\ne: 5\r\n\r\n", TooManyFields),
    ];
    for (name, head, refused) in table {
        assert_eq!(scan(head), Err(*refused), "{name}");
        let mut dripping = Scan::new(4);
        let outcome = (1..=head.len()).find_map(|end| dripping.advance(&head[..end]).err());
        assert_eq!(outcome, Some(*refused), "{name}, byte by byte");
    }
}

#[test]
fn a_good_head_passes_whole_or_byte_by_byte() {
    let heads: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\r\nGET /a?b=%20 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost:a\r\n\r\n",
        "GET /\u{e9} HTTP/1.1\r\nHost: \t a\r\nX: \u{e9}:\r\n\r\n".as_bytes(),
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nEmpty:\r\n\r\n",
    ];
    for head in heads {
        let mut with_body = head.to_vec();
        with_body.extend_from_slice(b"\n\0\r body");
        assert_eq!(scan(&with_body), Ok(Some(head.len())), "{:?}", head.escape_ascii().to_string());
        let mut dripping = Scan::new(4);
        for end in 0..head.len() {
            assert_eq!(dripping.advance(&head[..end]), Ok(None));
        }
        assert_eq!(dripping.advance(head), Ok(Some(head.len())));
    }
}

#[test]
fn every_reason_has_its_own_slug() {
    let slugs: std::collections::BTreeSet<_> = HeadRefused::ALL.iter().map(|reason| reason.slug()).collect();
    assert_eq!(slugs.len(), HeadRefused::ALL.len());
    for (place, reason) in HeadRefused::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, place);
    }
}
