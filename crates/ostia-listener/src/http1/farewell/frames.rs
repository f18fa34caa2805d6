//! Where in the answer to an upgrade the bytes that went out end.

/// Finds the end of heads and of frames (RFC 6455 section 5.2) as the bytes pass.
#[derive(Debug)]
pub(super) enum Sent {
    /// In the head of an answer.
    Head(Head),
    /// In the head of a frame; at its beginning nothing is of it yet.
    Frame(FrameHead),
    /// This much of a frame is still to come.
    Payload(u64),
    /// Nothing may follow: another answer than an upgrade, or the application has closed.
    Over,
}

/// The head of an answer, as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The status line up to its status.
    line: [u8; 12],
    length: usize,
    /// How much of the empty line that ends it was seen.
    end: usize,
}

/// The head of a frame.
#[derive(Debug, Default)]
pub(super) struct FrameHead {
    bytes: [u8; 14],
    length: usize,
}

impl Default for Sent {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

impl Sent {
    /// Whether a frame of ours may follow.
    pub(super) fn is_between_frames(&self) -> bool {
        matches!(self, Self::Frame(FrameHead { length: 0, .. }))
    }

    /// Takes what went out.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = rest;
            let next = match self {
                Self::Over => return,
                Self::Head(head) => head.take(byte),
                Self::Frame(head) => head.take(byte),
                Self::Payload(left) => {
                    // The byte just taken is one of them.
                    let more = (*left - 1).min(rest.len() as u64);
                    *left -= 1 + more;
                    bytes = rest.get(usize::try_from(more).unwrap_or(usize::MAX)..).unwrap_or_default();
                    (*left == 0).then(|| Self::Frame(FrameHead::default()))
                }
            };
            if let Some(next) = next {
                *self = next;
            }
        }
    }
}

impl Head {
    fn take(&mut self, byte: u8) -> Option<Sent> {
        if let Some(place) = self.line.get_mut(self.length) {
            *place = byte;
        }
        self.length = self.length.saturating_add(1);
        self.end = match (self.end, byte) {
            (0 | 2, b'\r') => self.end + 1,
            (1 | 3, b'\n') => self.end + 1,
            (_, b'\r') => 1,
            _ => 0,
        };
        if self.end < 4 {
            return None;
        }
        Some(match self.line.get(9..) {
            Some(b"101") => Sent::Frame(FrameHead::default()),
            Some([b'1', ..]) => Sent::default(),
            _ => Sent::Over,
        })
    }
}

impl FrameHead {
    fn take(&mut self, byte: u8) -> Option<Sent> {
        *self.bytes.get_mut(self.length)? = byte;
        self.length += 1;
        let [first, second, rest @ ..] = &self.bytes;
        let extended: usize = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let is_masked = second & 0x80 != 0;
        if self.length < 2 || self.length < 2 + extended + if is_masked { 4 } else { 0 } {
            return None;
        }
        let length = match extended {
            0 => u64::from(second & 0x7f),
            _ => rest.iter().take(extended).fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        Some(match (first & 0x0f, length) {
            (0x8, _) => Sent::Over,
            (_, 0) => Sent::Frame(Self::default()),
            (_, length) => Sent::Payload(length),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Sent;

    /// Frames of every form of length, masked and not, and where each ends.
    fn frames() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(), Vec::new());
        ends.push(bytes.len());
        for (is_masked, payload) in
            [(false, 0_usize), (false, 5), (true, 5), (false, 300), (false, 70_000), (true, 0)]
        {
            let mask = if is_masked { 0x80 } else { 0 };
            match payload {
                0..126 => bytes.extend([0x82, mask | u8::try_from(payload).unwrap()]),
                126..65_536 => {
                    bytes.extend([0x82, mask | 126]);
                    bytes.extend(u16::try_from(payload).unwrap().to_be_bytes());
                }
                _ => {
                    bytes.extend([0x82, mask | 127]);
                    bytes.extend((payload as u64).to_be_bytes());
                }
            }
            bytes.extend(vec![0x88; payload + if is_masked { 4 } else { 0 }]);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    #[test]
    fn frames_end_where_they_end_however_the_bytes_come() {
        let (bytes, ends) = frames();
        for step in [1, 2, 3, 7, 1000, bytes.len()] {
            let (mut sent, mut at) = (Sent::default(), 0);
            for piece in bytes.chunks(step) {
                sent.read(piece);
                at += piece.len();
                assert_eq!(sent.is_between_frames(), ends.contains(&at), "byte {at} in steps of {step}");
            }
        }
    }
}
