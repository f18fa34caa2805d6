//! Frames and header blocks, written and read by hand (RFC 9113 section 4, RFC 7541).

use crate::corpus::HOST;

/// What a connection begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A type of frame.
pub const DATA: u8 = 0;
/// A type of frame.
pub const HEADERS: u8 = 1;
/// A type of frame.
pub const PRIORITY: u8 = 2;
/// A type of frame.
pub const RST_STREAM: u8 = 3;
/// A type of frame.
pub const SETTINGS: u8 = 4;
/// A type of frame.
pub const PUSH_PROMISE: u8 = 5;
/// A type of frame.
pub const PING: u8 = 6;
/// A type of frame.
pub const GOAWAY: u8 = 7;
/// A type of frame.
pub const WINDOW_UPDATE: u8 = 8;
/// A type of frame.
pub const CONTINUATION: u8 = 9;
/// A flag of DATA and HEADERS.
pub const END_STREAM: u8 = 1;
/// A flag of HEADERS and CONTINUATION.
pub const END_HEADERS: u8 = 4;
/// A flag of DATA and HEADERS.
pub const PADDED: u8 = 8;

/// One frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A SETTINGS frame.
#[must_use]
pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload =
        values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
    frame(SETTINGS, 0, 0, &payload.collect::<Vec<u8>>())
}

/// A WINDOW_UPDATE frame.
#[must_use]
pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

/// A header block: every field literally, nothing remembered.
#[must_use]
pub fn fields<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(&mut block, name.as_ref());
        string(&mut block, value.as_ref());
    }
    block
}

fn string(block: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        block.push(u8::try_from(length).unwrap());
    }
    block.extend(bytes);
}

/// The HEADERS of a request: GET `/x` of our host by `http`, with these pseudo-header fields in place of ours and all
/// others behind.
#[must_use]
pub fn request(stream: u32, more: &[(&str, &str)], ends: bool) -> Vec<u8> {
    let ours = [(":method", "GET"), (":scheme", "http"), (":authority", HOST), (":path", "/x")];
    let other = |name: &str| more.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    let mut all: Vec<(&str, &str)> =
        ours.iter().map(|(name, value)| (*name, other(name).unwrap_or(value))).collect();
    all.extend(more.iter().filter(|(name, _)| !ours.iter().any(|(n, _)| n == name)));
    frame(HEADERS, END_HEADERS | u8::from(ends), stream, &fields(&all))
}

/// A frame as it came.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The type.
    pub kind: u8,
    /// The flags.
    pub flags: u8,
    /// The stream.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// Frames out of the bytes of a connection.
#[derive(Debug, Default)]
pub struct Received(Vec<u8>);

impl Received {
    /// More bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl Iterator for Received {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let head = self.0.get(..9)?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        let payload = self.0.get(9..9 + length)?.to_vec();
        self.0.drain(..9 + length);
        Some(Frame { kind, flags, stream, payload })
    }
}

/// `:status` of a header block, which begins with it. Only what the first answer of a connection can look like:
/// nothing is remembered yet.
#[must_use]
pub fn status_of(block: &[u8]) -> Option<u16> {
    match *without_size_update(block) {
        [indexed @ 0x88..=0x8e, ..] => {
            [200, 204, 206, 304, 400, 404, 500].get(usize::from(indexed - 0x88)).copied()
        }
        [0x48..=0x4e | 0x08..=0x0e | 0x18..=0x1e, length, ref rest @ ..] if length & 0x80 == 0 => {
            std::str::from_utf8(rest.get(..usize::from(length))?).ok()?.parse().ok()
        }
        [0x48..=0x4e | 0x08..=0x0e | 0x18..=0x1e, length, ref rest @ ..] => {
            digits(rest.get(..usize::from(length & 0x7f))?)
        }
        _ => None,
    }
}

/// A change of the table's size may stand before the first field (RFC 7541 section 6.3).
fn without_size_update(block: &[u8]) -> &[u8] {
    match block {
        [0x3f, rest @ ..] => {
            let end = rest.iter().position(|byte| byte & 0x80 == 0).map_or(rest.len(), |at| at + 1);
            &rest[end..]
        }
        [0x20..=0x3e, rest @ ..] => rest,
        _ => block,
    }
}

/// Three digits in the Huffman code of RFC 7541 appendix B: five bits for 0 to 2, six for 3 to 9.
fn digits(bytes: &[u8]) -> Option<u16> {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let take = |at: usize, count: usize| {
        bits.get(at..at + count)
            .map(|bits| bits.iter().fold(0_u16, |value, bit| value << 1 | u16::from(*bit)))
    };
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let short = take(at, 5)?;
        let digit = if short <= 2 { short } else { take(at, 6)? - 0x19 + 3 };
        at += if short <= 2 { 5 } else { 6 };
        number = number * 10 + digit;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_in_every_spelling() {
        for (block, status) in [
            (&[0x88][..], 200),
            (&[0x20, 0x8c], 400),
            (&[0x3f, 0xe1, 0x1f, 0x8d], 404),
            (&[0x08, 3, b'4', b'1', b'3'], 413),
            // RFC 7541 appendix C.6.1: 302 in the Huffman code.
            (&[0x48, 0x82, 0x64, 0x02], 302),
        ] {
            assert_eq!(status_of(block), Some(status), "{block:x?}");
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let bytes = [settings(&[(3, 100)]), window_update(1, 5)].concat();
        let mut received = Received::default();
        let mut kinds = Vec::new();
        for piece in bytes.chunks(4) {
            received.push(piece);
            kinds.extend(received.by_ref().map(|frame| (frame.kind, frame.stream, frame.payload.len())));
        }
        assert_eq!(kinds, [(SETTINGS, 0, 6), (WINDOW_UPDATE, 1, 4)]);
    }
}
