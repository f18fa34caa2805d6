//! What holds for every input.

use ostia_identity::{KeySet, Token, accept_access_token, json, peek_issuer};
use proptest::prelude::*;

use crate::setting::{NOW, accept, at, claims, keys, profile};
use crate::signer::{ED25519, P256, RSA, text};

/// Only reads; the answer does not matter.
fn read(token: &str) {
    let _ = peek_issuer(token);
    if let Ok(token) = Token::parse(token) {
        let _ = accept_access_token(&token, &keys(), &profile(), at(NOW));
    }
}

proptest! {
    #[test]
    fn no_text_panics(token in any::<String>()) {
        read(&token);
    }

    #[test]
    fn nothing_shaped_like_a_token_panics(
        header in "(\\{\"alg\":\"(RS256|ES256|EdDSA|none)\",\"kid\":\"(rsa-1|ec-1|ed-1)\"(,\"typ\":\"at\\+jwt\")?\\}|.{0,40})",
        claims in proptest::collection::vec(any::<u8>(), 0..200),
        signature in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        read(&format!("{}.{}.{}", text(header.as_bytes()), text(&claims), text(&signature)));
    }

    #[test]
    fn no_bytes_panic_the_json_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = json::parse_object(&bytes);
        let _ = KeySet::from_jwks(&bytes);
    }

    #[test]
    fn whatever_the_strict_reader_reads_serde_json_reads_alike(text in "\\{(\"[ab\\\\\"u0061]{0,4}\":(1|-2.5|\"x\"|null|\\[\\]|\\{\"c\":[12]\\}),?){0,4}\\}") {
        if let Ok(map) = json::parse_object(text.as_bytes()) {
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), serde_json::Value::Object(map));
        }
    }

    #[test]
    fn genuinely_signed_claims_of_any_shape_never_panic(name in "(exp|iat|nbf|aud|iss|sub|scope|groups|typ|client_id)", number in any::<f64>(), string in any::<String>(), shape in 0..5) {
        let value = match shape {
            0 => serde_json::json!(number),
            1 => serde_json::json!(string),
            2 => serde_json::json!([string, number]),
            3 => serde_json::json!({ "a": string }),
            _ => serde_json::json!(null),
        };
        let token = ED25519.access_token("EdDSA", &crate::setting::claims_with(serde_json::json!({ name: value })));
        read(&token);
    }
}

#[test]
fn any_changed_added_or_missing_byte_is_refused() {
    for token in [RSA.access_token("RS256", &claims()), P256.access_token("ES256", &claims())] {
        assert!(accept(&token).is_ok());
        for index in 0..token.len() {
            for flip in [1_u8, 2, 4, 8, 16, 32] {
                let mut other = token.clone().into_bytes();
                other[index] ^= flip;
                let other = String::from_utf8(other).unwrap();
                assert!(accept(&other).is_err(), "byte {index} ^ {flip}");
            }
        }
        for index in (0..token.len()).step_by(7) {
            assert!(accept(&token[..index]).is_err(), "cut at {index}");
            assert!(accept(&token[index + 1..]).is_err(), "begins behind {index}");
            let mut longer = token.clone();
            longer.insert(index, 'A');
            assert!(accept(&longer).is_err(), "longer at {index}");
        }
    }
}
