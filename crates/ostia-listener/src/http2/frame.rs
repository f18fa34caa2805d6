//! Where the frames of a byte stream begin (RFC 9113 section 4.1), read as the bytes pass.

/// Bytes of a frame's head.
const HEAD: usize = 9;
/// What a client sends before its first frame (RFC 9113 section 3.4).
const PREFACE: usize = 24;

/// A type of frame (RFC 9113 section 6).
pub(super) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const RST_STREAM: u8 = 3;
}

/// `END_STREAM` of DATA and HEADERS.
pub(super) const END_STREAM: u8 = 1;

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Bytes of the payload.
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
}

impl Frame {
    fn parse(head: [u8; HEAD]) -> Self {
        let [high, middle, low, kind, flags, ..] = head;
        Self { length: u32::from_be_bytes([0, high, middle, low]), kind, flags }
    }

    /// Whether it ends its side of the stream.
    pub(super) fn ends_stream(self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.flags & END_STREAM != 0
    }
}

/// Reads on as bytes come, however they are cut. Payloads are passed over, never kept.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes to pass over before the next head.
    pass: usize,
    head: [u8; HEAD],
    /// Bytes of `head` that are there.
    have: usize,
}

impl Frames {
    /// What a client sends: the preface stands before the first frame.
    pub(super) fn of_client() -> Self {
        Self { pass: PREFACE, head: [0; HEAD], have: 0 }
    }

    /// What a server sends.
    pub(super) fn of_server() -> Self {
        Self { pass: 0, head: [0; HEAD], have: 0 }
    }

    /// Tells every frame whose head ends in these bytes.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let passed = self.pass.min(bytes.len());
            self.pass -= passed;
            bytes = bytes.get(passed..).unwrap_or_default();
            let wanted = (HEAD - self.have).min(bytes.len());
            let (taken, rest) = bytes.split_at_checked(wanted).unwrap_or_default();
            if let Some(room) = self.head.get_mut(self.have..self.have + wanted) {
                room.copy_from_slice(taken);
            }
            self.have += wanted;
            bytes = rest;
            if self.have == HEAD {
                let frame = Frame::parse(self.head);
                self.have = 0;
                self.pass = frame.length as usize;
                tell(frame);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[0, 0, 3, 0, 1, 0, 0, 0, 1, b'a', b'b', b'c']);
        bytes.extend_from_slice(&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]);
        let expected = [
            Frame { length: 0, kind: 4, flags: 0 },
            Frame { length: 3, kind: 0, flags: 1 },
            Frame { length: 4, kind: 3, flags: 0 },
        ];
        for cut in 1..=bytes.len() {
            let (mut frames, mut seen) = (Frames::of_client(), Vec::new());
            for piece in bytes.chunks(cut) {
                frames.read(piece, |frame| seen.push(frame));
            }
            assert_eq!(seen, expected, "in pieces of {cut}");
        }
    }

    #[test]
    fn only_data_and_headers_end_a_stream() {
        for (kind, flags, ends) in [(0, 1, true), (1, 5, true), (0, 0, false), (6, 1, false), (4, 1, false)] {
            assert_eq!(Frame { length: 0, kind, flags }.ends_stream(), ends, "{kind} {flags}");
        }
    }
}
