use super::*;

fn read(body: &[u8]) -> Result<bool, ChunksRefused> {
    let mut chunks = Chunks::new();
    chunks.read(body)?;
    Ok(chunks.at == At::Done)
}

#[test]
fn malformed_chunks_are_refused_whole_or_byte_by_byte() {
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(EXTENSION + 1));
    let many = format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "e".repeat(1000)).repeat(20));
    let trailers = format!("0\r\n{}\r\n", format!("X: {}\r\n", "a".repeat(1000)).repeat(20));
    for body in [
        &b"\r\nhello\r\n0\r\n\r\n"[..],
        b";a=b\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\t;a\r\nhello\r\n0\r\n\r\n",
        b"5g\r\nhello\r\n0\r\n\r\n",
        b"1000000000000000\r\n",
        b"0000000000000005\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\r\nhello\r\n0\r\n\r\n",
        b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        b"5;a\0b\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"0\r\n\n",
        b"0\n\r\n",
        b"0\r\nTrailer\r\n\r\n",
        b"0\r\n: 1\r\n\r\n",
        b"0\r\nX Y: 1\r\n\r\n",
        b"0\r\nX: 1\n\r\n",
        b"0\r\nX: \0\r\n\r\n",
        b"0\r\n X: 1\r\n\r\n",
        long.as_bytes(),
        many.as_bytes(),
        trailers.as_bytes(),
    ] {
        assert_eq!(read(body), Err(ChunksRefused), "{}", body.escape_ascii());
        let mut dripping = Chunks::new();
        assert!(body.chunks(1).any(|byte| dripping.read(byte).is_err()), "{}", body.escape_ascii());
    }
}

#[test]
fn good_chunks_pass_and_what_follows_is_not_looked_at() {
    for body in [
        &b"0\r\n\r\n"[..],
        b"5\r\nhello\r\n0\r\n\r\n",
        b"A\r\n0123456789\r\nb\r\nabcdefghijk\r\n000\r\n\r\n",
        b"5;a=b;c=\"d\"\r\nhello\r\n0;last\r\n\r\n",
        b"2\r\n\r\n\r\n0\r\n\r\n",
        b"0\r\nX-Trailer:1\r\nY:\r\n\r\n",
    ] {
        assert_eq!(read(body), Ok(true), "{}", body.escape_ascii());
        let mut dripping = Chunks::new();
        for byte in body.chunks(1) {
            assert_ne!(dripping.at, At::Done, "{}", body.escape_ascii());
            assert_eq!(dripping.read(byte), Ok(()), "{}", body.escape_ascii());
        }
        assert_eq!(dripping.at, At::Done);
        assert_eq!(read(&[body, b"GET /\0 \n\n"].concat()), Ok(true));
    }
    assert_eq!(read(b"5\r\nhel"), Ok(false));
}
