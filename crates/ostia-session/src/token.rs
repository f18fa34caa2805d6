//! A token of an issuer, kept in as few bytes as it has.
//!
//! Base64 costs a quarter. Where a token is made of parts in canonical base64url with dots between them (every JWT, and
//! most opaque tokens), the parts are kept decoded; it is never compressed, because its length would tell its content.

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD;
use ostia_config::Secret;
use zeroize::Zeroizing;

/// A JWE has five parts; more is no token we know.
const MAX_PARTS: usize = 5;

/// An access, refresh or ID token. Its `Debug` is redacted and its memory is cleared.
///
/// Kept as `parts (1) ‖ length of each part but the last (2 each) ‖ the parts`; `parts` = 0 means: as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Secret<Vec<u8>>);

impl Token {
    /// Takes a token into keeping.
    #[must_use]
    pub fn new(token: &str) -> Self {
        let kept = decoded(token).unwrap_or_else(|| {
            let mut kept = Vec::with_capacity(token.len() + 1);
            kept.push(0);
            kept.extend_from_slice(token.as_bytes());
            kept
        });
        Self(Secret::new(kept))
    }

    /// The token, byte for byte as it came. The caller answers for where it goes.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        Secret::new(encoded(self.0.reveal()).unwrap_or_default())
    }

    pub(crate) fn kept(&self) -> &[u8] {
        self.0.reveal()
    }

    /// From [`Token::kept`]; `None` if it is not that.
    pub(crate) fn from_kept(kept: &[u8]) -> Option<Self> {
        encoded_is_possible(kept).then(|| Self(Secret::new(kept.to_vec())))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<token>")
    }
}

fn decoded(token: &str) -> Option<Vec<u8>> {
    let count = token.split('.').count();
    if token.is_empty() || count > MAX_PARTS {
        return None;
    }
    let mut kept = vec![u8::try_from(count).ok()?];
    let mut parts = Zeroizing::new(Vec::with_capacity(token.len()));
    for (number, part) in (1..).zip(token.split('.')) {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode_to_vec(part).ok()?);
        if number < count {
            kept.extend_from_slice(&u16::try_from(bytes.len()).ok()?.to_be_bytes());
        }
        parts.extend_from_slice(&bytes);
    }
    kept.extend_from_slice(&parts);
    let again = Zeroizing::new(encoded(&kept)?);
    (*again == token).then_some(kept)
}

fn encoded(kept: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(kept.len() * 4 / 3 + 4);
    match parts(kept)? {
        Parts::AsItCame(bytes) => text.push_str(std::str::from_utf8(bytes).ok()?),
        Parts::Decoded { mut lengths, mut bytes } => loop {
            let (part, rest) = match lengths.split_first_chunk() {
                Some((length, others)) => {
                    lengths = others;
                    bytes.split_at_checked(usize::from(u16::from_be_bytes(*length)))?
                }
                None => {
                    URL_SAFE_NO_PAD.encode_append(bytes, &mut text);
                    break;
                }
            };
            URL_SAFE_NO_PAD.encode_append(part, &mut text);
            text.push('.');
            bytes = rest;
        },
    }
    Some(text)
}

fn encoded_is_possible(kept: &[u8]) -> bool {
    match parts(kept) {
        None => false,
        Some(Parts::AsItCame(bytes)) => std::str::from_utf8(bytes).is_ok(),
        Some(Parts::Decoded { lengths, bytes }) => {
            let sum: usize = lengths
                .chunks_exact(2)
                .filter_map(|length| length.try_into().ok())
                .map(|length| usize::from(u16::from_be_bytes(length)))
                .sum();
            sum <= bytes.len()
        }
    }
}

enum Parts<'a> {
    AsItCame(&'a [u8]),
    Decoded { lengths: &'a [u8], bytes: &'a [u8] },
}

fn parts(kept: &[u8]) -> Option<Parts<'_>> {
    let (count, rest) = kept.split_first()?;
    let count = usize::from(*count);
    if count == 0 {
        return Some(Parts::AsItCame(rest));
    }
    if count > MAX_PARTS {
        return None;
    }
    let (lengths, bytes) = rest.split_at_checked(2 * (count - 1))?;
    Some(Parts::Decoded { lengths, bytes })
}

#[cfg(test)]
mod tests;
