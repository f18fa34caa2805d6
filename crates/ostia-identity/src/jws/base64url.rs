//! Canonical base64url without padding (RFC 7515 section 2).

use base64_simd::URL_SAFE_NO_PAD;

/// The bytes; `None` for padding, whitespace, another alphabet, or unused bits that are not zero. Each sequence of
/// bytes therefore has exactly one accepted text, so a token cannot be respelled past a denylist.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

/// The only text of these bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_spelling_of_the_same_bytes_is_refused() {
        for text in [
            "QQ==",
            "QR",
            "QUJ",
            "Q",
            "QQ\n",
            " QQ",
            "QQ ",
            "Q Q",
            "+/8",
            "QUJD=",
            "=",
            "QQQQQ",
            "QUJDQ\u{e9}",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
        assert_eq!(decode("QQ").as_deref(), Some(b"A".as_slice()));
        assert_eq!(decode("-_8").as_deref(), Some([0xfb, 0xff].as_slice()));
    }

    #[test]
    fn each_last_symbol_has_one_accepted_value_at_every_length() {
        const SYMBOLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for length in 1..70_usize {
            let text = encode(&vec![0xa5; length]);
            let accepted = SYMBOLS
                .iter()
                .filter(|symbol| {
                    let mut other = text.clone().into_bytes();
                    *other.last_mut().unwrap() = **symbol;
                    decode(std::str::from_utf8(&other).unwrap()).is_some()
                })
                .count();
            assert_eq!(accepted, [64, 4, 16][length % 3], "{length}");
        }
    }
}
