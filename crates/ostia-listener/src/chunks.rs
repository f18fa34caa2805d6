//! The strict reading of a chunked body (RFC 9112 section 7.1), before anything can repair it.
//!
//! Pingora takes an empty chunk size for zero, and passes over extensions and trailers without a look at them: a line
//! end that only one side knows can hide in there. What is read here is only judged; the bytes go on to Pingora.

/// Bytes of extensions on one line, and of all together.
const EXTENSION: usize = 4 * 1024;
const EXTENSIONS: usize = 16 * 1024;
/// Bytes of all trailer fields.
const TRAILERS: usize = 16 * 1024;
/// Digits of a size: 60 bits, so that it fits everybody's 64, signed ones too.
const DIGITS: u8 = 15;

/// A chunked body that is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunked body is malformed")]
pub(crate) struct ChunksRefused;

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Size { digits: u8, size: u64 },
    Extension { size: u64, length: usize },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    Line,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    LastLf,
    Done,
}

/// How much of a chunked body has been read.
#[derive(Debug)]
pub(crate) struct Chunks {
    at: At,
    extensions: usize,
    trailers: usize,
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Self { at: At::Size { digits: 0, size: 0 }, extensions: 0, trailers: 0 }
    }

    /// Reads on. What follows the body is not looked at.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Result<(), ChunksRefused> {
        while let Some((first, rest)) = bytes.split_first() {
            if let At::Data { left } = self.at {
                let passed = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - passed as u64;
                self.at = if left == 0 { At::DataCr } else { At::Data { left } };
                bytes = bytes.get(passed..).unwrap_or_default();
                continue;
            }
            if self.at == At::Done {
                return Ok(());
            }
            self.at = self.next(*first).ok_or(ChunksRefused)?;
            bytes = rest;
        }
        Ok(())
    }

    fn next(&mut self, byte: u8) -> Option<At> {
        match (self.at, byte) {
            (At::Size { digits: 1.., size }, b'\r') => Some(At::SizeEnd { size }),
            (At::Size { digits: 1.., size }, b';') => Some(At::Extension { size, length: 0 }),
            (At::Size { digits, size }, _) if digits < DIGITS => {
                let digit = char::from(byte).to_digit(16)?;
                Some(At::Size { digits: digits + 1, size: size << 4 | u64::from(digit) })
            }
            (At::Extension { size, .. }, b'\r') => Some(At::SizeEnd { size }),
            (At::Extension { size, length }, _) if is_text(byte) => {
                self.extensions += 1;
                let fits = length < EXTENSION && self.extensions <= EXTENSIONS;
                fits.then_some(At::Extension { size, length: length + 1 })
            }
            (At::SizeEnd { size: 0 }, b'\n') => Some(At::Line),
            (At::SizeEnd { size }, b'\n') => Some(At::Data { left: size }),
            (At::DataCr, b'\r') => Some(At::DataLf),
            (At::DataLf, b'\n') => Some(At::Size { digits: 0, size: 0 }),
            (At::Line, b'\r') => Some(At::LastLf),
            (At::TrailerName, b':') => Some(At::TrailerValue),
            (At::Line | At::TrailerName, _) if crate::head::is_token_byte(byte) => {
                self.trailer(At::TrailerName)
            }
            (At::TrailerValue, b'\r') => Some(At::TrailerEnd),
            (At::TrailerValue, _) if is_text(byte) => self.trailer(At::TrailerValue),
            (At::TrailerEnd, b'\n') => Some(At::Line),
            (At::LastLf, b'\n') => Some(At::Done),
            _ => None,
        }
    }

    fn trailer(&mut self, next: At) -> Option<At> {
        self.trailers += 1;
        (self.trailers <= TRAILERS).then_some(next)
    }
}

/// What a value may hold (RFC 9110 section 5.5).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests;
