//! UUIDs in as many bytes as they have: hundreds of groups are often UUIDs, and no compression finds what is not random
//! in their spelling.
//!
//! Each `"8-4-4-4-12"` of lower-case digits, quotes included, becomes the byte FF (which no UTF-8 text has) and its 16
//! bytes. What comes back is the same text, byte for byte.

/// Stands in front of 16 bytes.
const MARK: u8 = 0xFF;
/// A UUID in quotes.
const WRITTEN: usize = 38;
/// Where its dashes are.
const DASHES: [usize; 4] = [9, 14, 19, 24];

/// Packs a text; `None` when there is nothing to pack.
pub(super) fn pack(text: &[u8]) -> Option<Vec<u8>> {
    let mut packed = Vec::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while let Some((first, others)) = rest.split_first() {
        match rest.split_at_checked(WRITTEN).and_then(|(written, after)| Some((uuid(written)?, after))) {
            Some((uuid, after)) => {
                packed.push(MARK);
                packed.extend_from_slice(&uuid);
                (rest, found) = (after, true);
            }
            None => {
                packed.push(*first);
                rest = others;
            }
        }
    }
    found.then_some(packed)
}

/// The text again; `None` if this is no packed text or would be longer than `limit`.
pub(super) fn unpack(packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(packed.len());
    let mut rest = packed;
    while let Some((first, others)) = rest.split_first() {
        rest = match *first {
            MARK => {
                let (uuid, after) = others.split_first_chunk::<16>()?;
                write(uuid, &mut text);
                after
            }
            byte => {
                text.push(byte);
                others
            }
        };
        if text.len() > limit {
            return None;
        }
    }
    Some(text)
}

fn uuid(written: &[u8]) -> Option<[u8; 16]> {
    let (b'"', b'"') = (*written.first()?, *written.last()?) else { return None };
    let mut digits = [0; 32];
    let mut places = digits.iter_mut();
    for (at, byte) in written.iter().enumerate().take(WRITTEN - 1).skip(1) {
        if DASHES.contains(&at) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        *places.next()? = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
    }
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |bits, digit| bits << 4 | digit);
    }
    Some(uuid)
}

fn write(uuid: &[u8; 16], to: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |bits: u8| DIGITS.get(usize::from(bits & 15)).copied().unwrap_or(b'0');
    to.push(b'"');
    for (at, byte) in uuid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            to.push(b'-');
        }
        to.extend([digit(byte >> 4), digit(*byte)]);
    }
    to.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{pack, unpack};

    const ONE: &str = "\"01234567-89ab-cdef-0123-456789abcdef\"";

    #[test]
    fn a_text_comes_back_byte_for_byte() {
        let upper = ONE.to_uppercase();
        for (text, saved) in [
            (format!("[{ONE},{ONE}]"), 42),
            (ONE.to_owned(), 21),
            (format!("\"{ONE}\""), 21),
            (format!("{{\"a\":{ONE},\"b\":\"\\\"{}\\\"\"}}", &ONE[1..37]), 21),
            (upper, 0),
            (ONE.replace('-', "_"), 0),
            (ONE[..37].to_owned(), 0),
            (ONE[1..].to_owned(), 0),
            (String::new(), 0),
        ] {
            let packed = pack(text.as_bytes());
            assert_eq!(packed.is_some(), saved > 0, "{text}");
            let Some(packed) = packed else { continue };
            assert_eq!(text.len() - packed.len(), saved, "{text}");
            assert_eq!(unpack(&packed, 1000).as_deref(), Some(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_cut_short_or_grows_too_large_is_no_text() {
        let packed = pack(ONE.as_bytes()).unwrap();
        for length in 1..packed.len() {
            assert_eq!(unpack(&packed[..length], 1000), None, "{length}");
        }
        assert_eq!(unpack(&packed, 37), None);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[\"0-9a-f-]{0,120}") {
            if let Some(packed) = pack(text.as_bytes()) {
                prop_assert_eq!(unpack(&packed, 1000), Some(text.into_bytes()));
            }
        }
    }
}
