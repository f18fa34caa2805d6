//! Strings of a JSON text (RFC 8259 section 7): where they end, and what their escapes stand for.

use super::JsonRefused;

/// How many bytes come before the first quote, backslash or control character. Eight are looked at in one step.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let ends = ends_in(u64::from_le_bytes(*word));
        if ends != 0 {
            return length + ends.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}

/// The high bit of the first byte (the lowest) that ends a plain run is set, and none below it.
#[inline]
fn ends_in(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * 0x20);
    // Each has borrowed where its byte is; so has what was high before, but that ends nothing.
    (quote | backslash | control) & !word & HIGH
}

/// A string with escapes, and where it is written without them.
pub(super) struct Unescaped<'t, 'o> {
    pub(super) text: &'t str,
    pub(super) into: &'o mut String,
}

impl Unescaped<'_, '_> {
    /// Reads the string whose first byte is at `at`; returns the place behind its closing quote.
    pub(super) fn read(&mut self, mut at: usize) -> Result<usize, JsonRefused> {
        let bytes = self.text.as_bytes();
        loop {
            let end = at + plain_length(bytes.get(at..).unwrap_or_default());
            self.into.push_str(self.text.get(at..end).unwrap_or_default());
            at = match bytes.get(end) {
                Some(b'"') => return Ok(end + 1),
                Some(b'\\') => self.escape(end + 1).ok_or(JsonRefused::Malformed)?,
                _ => return Err(JsonRefused::Malformed),
            };
        }
    }

    /// Reads what follows a backslash; returns the place behind it.
    fn escape(&mut self, at: usize) -> Option<usize> {
        let character = match self.text.as_bytes().get(at)? {
            plain @ (b'"' | b'\\' | b'/') => char::from(*plain),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(at + 1),
            _ => return None,
        };
        self.into.push(character);
        Some(at + 1)
    }

    /// Four digits, or twice four where they are the halves of a pair; a half alone is refused.
    fn code_point(&mut self, at: usize) -> Option<usize> {
        let first = self.hex(at)?;
        let (number, behind) = match first {
            0xd800..0xdc00 => {
                if self.text.as_bytes().get(at + 4..at + 6) != Some(b"\\u") {
                    return None;
                }
                let low = self.hex(at + 6).filter(|low| (0xdc00..0xe000).contains(low))?;
                (0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00), at + 10)
            }
            whole => (whole, at + 4),
        };
        self.into.push(char::from_u32(number)?);
        Some(behind)
    }

    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.text.as_bytes().get(at..at + 4)?;
        digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_ends_a_plain_run_or_does_not() {
        for byte in 0..=255_u8 {
            let ends = byte < 0x20 || byte == b'"' || byte == b'\\';
            for place in 0..20 {
                for filler in [b'a', 0x7f, 0x80, 0xff, b' ', b'#', b']'] {
                    let mut bytes = [filler; 20];
                    bytes[place] = byte;
                    assert_eq!(
                        plain_length(&bytes),
                        if ends { place } else { 20 },
                        "{byte} at {place} in {filler}"
                    );
                }
            }
        }
    }
}
