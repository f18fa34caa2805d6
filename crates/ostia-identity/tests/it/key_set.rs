//! Key sets as issuers publish them, good and bad.

use std::sync::Arc;

use ostia_identity::{Algorithm, KeySet, KeySetRefused, Token, TokenRefused};
use serde_json::{Value, json};

use crate::setting::{claims, jwks};
use crate::signer::{ED25519, P256, P384, RSA, RSA_OTHER, Signer, text};

fn with(signer: &Signer, changes: Value) -> Value {
    let mut jwk = signer.jwk();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => jwk.as_object_mut().unwrap().remove(name),
            value => jwk.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    jwk
}

fn verify(signer: &Signer, header: Value, keys: &KeySet) -> Result<Option<String>, &'static str> {
    let token = signer.token(header.to_string().as_bytes(), claims().to_string().as_bytes());
    let verified =
        Token::parse(&token).and_then(|token| token.verify(keys, ostia_identity::AlgorithmSet::all()));
    verified
        .map(|verified| verified.key.kid().map(str::to_owned))
        .map_err(|refused: TokenRefused| refused.slug())
}

#[test]
fn a_key_that_must_not_be_used_is_left_out_and_harms_no_other() {
    let zeros = |count: usize| text(&vec![0; count]);
    let odd = |count: usize| text(&[vec![0x80], vec![0; count - 2], vec![1]].concat());
    let cases = [
        ("symmetric", json!({"kty": "oct", "k": zeros(32)}), "key_symmetric"),
        ("no object", json!("key"), "key_malformed"),
        ("no kty", with(&RSA, json!({"kty": null})), "key_malformed"),
        ("kty in lower case", with(&RSA, json!({"kty": "rsa"})), "key_unsupported_type"),
        ("private RSA", with(&RSA, json!({"d": zeros(256)})), "key_private"),
        ("private RSA, primes only", with(&RSA, json!({"p": zeros(128)})), "key_private"),
        ("private EC", with(&P256, json!({"d": zeros(32)})), "key_private"),
        ("private OKP", with(&ED25519, json!({"d": zeros(32)})), "key_private"),
        ("RSA with a secret", with(&RSA, json!({"k": zeros(32)})), "key_private"),
        ("for encryption", with(&RSA, json!({"use": "enc"})), "key_not_for_signatures"),
        ("use is a list", with(&RSA, json!({"use": ["sig"]})), "key_malformed"),
        ("only to encrypt", with(&RSA, json!({"key_ops": ["encrypt"]})), "key_not_for_signatures"),
        ("only to sign", with(&P256, json!({"key_ops": ["sign"]})), "key_not_for_signatures"),
        ("no operation", with(&P256, json!({"key_ops": []})), "key_not_for_signatures"),
        ("key_ops is a string", with(&P256, json!({"key_ops": "verify"})), "key_malformed"),
        ("for RSA-OAEP", with(&RSA, json!({"alg": "RSA-OAEP"})), "key_unsupported_algorithm"),
        ("for RS1", with(&RSA, json!({"alg": "RS1"})), "key_unsupported_algorithm"),
        ("for none", with(&RSA, json!({"alg": "none"})), "key_unsupported_algorithm"),
        ("for HS256", with(&RSA, json!({"alg": "HS256"})), "key_unsupported_algorithm"),
        ("RSA for ES256", with(&RSA, json!({"alg": "ES256"})), "key_inconsistent"),
        ("P-256 for ES384", with(&P256, json!({"alg": "ES384"})), "key_inconsistent"),
        ("Ed25519 for RS256", with(&ED25519, json!({"alg": "RS256"})), "key_inconsistent"),
        ("empty kid", with(&RSA, json!({"kid": ""})), "key_malformed"),
        ("kid number", with(&RSA, json!({"kid": 1})), "key_malformed"),
        ("kid of 257 bytes", with(&RSA, json!({"kid": "k".repeat(257)})), "key_malformed"),
        ("RSA 1024", with(&RSA, json!({"n": odd(128)})), "key_weak"),
        ("RSA 2047", with(&RSA, json!({"n": text(&[vec![0x7f], vec![1; 255]].concat())})), "key_weak"),
        ("RSA 16384", with(&RSA, json!({"n": odd(2048)})), "key_weak"),
        (
            "RSA even modulus",
            with(&RSA, json!({"n": text(&[vec![0x80], vec![0; 255]].concat())})),
            "key_invalid",
        ),
        ("RSA e = 1", with(&RSA, json!({"e": "AQ"})), "key_weak"),
        ("RSA e even", with(&RSA, json!({"e": "AQAA"})), "key_weak"),
        ("RSA e = 0", with(&RSA, json!({"e": "AA"})), "key_malformed"),
        ("RSA e empty", with(&RSA, json!({"e": ""})), "key_malformed"),
        ("RSA e of 33 bits", with(&RSA, json!({"e": "AQAAAAE"})), "key_weak"),
        (
            "RSA n padded",
            with(&RSA, json!({"n": format!("{}==", RSA.jwk()["n"].as_str().unwrap())})),
            "key_malformed",
        ),
        ("RSA n missing", with(&RSA, json!({"n": null})), "key_malformed"),
        ("P-521 with numbers of P-256", with(&P256, json!({"crv": "P-521"})), "key_malformed"),
        ("secp256k1", with(&P256, json!({"crv": "secp256k1"})), "key_unsupported_type"),
        ("Ed448", with(&ED25519, json!({"crv": "Ed448"})), "key_unsupported_type"),
        ("X25519", with(&ED25519, json!({"crv": "X25519"})), "key_unsupported_type"),
        ("no curve", with(&P256, json!({"crv": null})), "key_unsupported_type"),
        ("P-256 point as P-384", with(&P256, json!({"crv": "P-384"})), "key_malformed"),
        (
            "point off the curve",
            with(&P256, json!({"x": P256.jwk()["y"], "y": P256.jwk()["x"]})),
            "key_invalid",
        ),
        ("point of zeros", with(&P256, json!({"x": zeros(32), "y": zeros(32)})), "key_invalid"),
        ("x with a zero in front", with(&P256, json!({"x": zeros(33)})), "key_malformed"),
        ("y missing", with(&P256, json!({"y": null})), "key_malformed"),
        ("Ed25519 of 31 bytes", with(&ED25519, json!({"x": zeros(31)})), "key_malformed"),
        ("Ed25519 of order 4", with(&ED25519, json!({"x": zeros(32)})), "key_weak"),
        (
            "Ed25519 of order 1",
            with(&ED25519, json!({"x": text(&[vec![1], vec![0; 31]].concat())})),
            "key_weak",
        ),
        (
            "Ed25519 of order 1, signed",
            with(&ED25519, json!({"x": text(&[vec![1], vec![0; 30], vec![0x80]].concat())})),
            "key_weak",
        ),
        (
            "Ed25519 of order 2",
            with(&ED25519, json!({"x": text(&[vec![0xec], vec![0xff; 30], vec![0x7f]].concat())})),
            "key_weak",
        ),
    ];
    for (name, jwk, expected) in cases {
        let keys = KeySet::from_jwks(&jwks(&[jwk.clone(), P384.jwk()])).unwrap();
        assert_eq!(
            keys.left_out().iter().map(|one| one.why.slug()).collect::<Vec<_>>(),
            [expected],
            "{name}"
        );
        assert_eq!(keys.keys().len(), 1, "{name}");
        assert!(
            matches!(KeySet::from_jwks(&jwks(&[jwk])), Err(KeySetRefused::NoUsableKey(left_out)) if left_out.len() == 1)
        );
    }
}

#[test]
fn a_document_that_is_no_key_set_is_refused_whole() {
    let many = jwks(&vec![json!({}); 65]);
    let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(512 * 1024));
    let twice = format!(r#"{{"keys":[{{"kty":"RSA","kty":"oct"}},{}]}}"#, RSA.jwk());
    let cases: [(&str, &[u8], &str); 10] = [
        ("empty", b"", "key_set_not_json"),
        ("HTML", b"<html></html>", "key_set_not_json"),
        ("a list", b"[]", "key_set_not_json"),
        ("two lists of keys", br#"{"keys":[],"keys":[]}"#, "key_set_not_json"),
        ("a key with two types", twice.as_bytes(), "key_set_not_json"),
        ("no keys", b"{}", "key_set_no_list"),
        ("keys as an object", br#"{"keys":{}}"#, "key_set_no_list"),
        ("no key", br#"{"keys":[]}"#, "key_set_no_usable_key"),
        ("65 keys", &many, "key_set_too_many_keys"),
        ("more than 512 KiB", long.as_bytes(), "key_set_too_long"),
    ];
    for (name, text, expected) in cases {
        assert_eq!(KeySet::from_jwks(text).unwrap_err().slug(), expected, "{name}");
    }
}

#[test]
fn a_key_serves_the_algorithms_that_it_says_or_may() {
    let algorithms =
        |jwk| KeySet::from_jwks(&jwks(&[jwk])).unwrap().keys()[0].algorithms().collect::<Vec<_>>();
    let rsa = ["RS256", "PS256", "RS384", "PS384", "RS512", "PS512"];
    let rsa = rsa.map(|name| Algorithm::from_name(name).unwrap());
    assert_eq!(algorithms(RSA.jwk()), rsa);
    assert_eq!(algorithms(with(&RSA, json!({"alg": "PS256"}))), [Algorithm::Ps256]);
    assert_eq!(algorithms(with(&RSA, json!({"key_ops": ["verify"]}))), rsa);
    assert_eq!(algorithms(P256.jwk()), [Algorithm::Es256]);
    assert_eq!(algorithms(P384.jwk()), [Algorithm::Es384]);
    for alg in ["EdDSA", "Ed25519"] {
        assert_eq!(algorithms(with(&ED25519, json!({"alg": alg}))), [Algorithm::EdDsa]);
    }
    let zero_in_front = text(&[vec![0], decoded(RSA.jwk()["n"].as_str().unwrap())].concat());
    let keys = KeySet::from_jwks(&jwks(&[with(&RSA, json!({"n": zero_in_front}))])).unwrap();
    assert_eq!(verify(&RSA, json!({"alg": "RS256"}), &keys), Ok(Some("rsa-1".to_owned())));
}

fn decoded(text: &str) -> Vec<u8> {
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).unwrap()
}

#[test]
fn a_pinned_key_refuses_other_algorithms() {
    let keys = KeySet::from_jwks(&jwks(&[with(&RSA, json!({"alg": "PS256"}))])).unwrap();
    assert_eq!(verify(&RSA, json!({"alg": "RS256", "kid": "rsa-1"}), &keys), Err("key_algorithm_differs"));
    assert_eq!(verify(&RSA, json!({"alg": "PS256", "kid": "rsa-1"}), &keys), Ok(Some("rsa-1".to_owned())));
}

#[test]
fn a_token_without_kid_is_tried_with_few_keys_and_no_more() {
    let unnamed = with(&RSA, json!({"kid": null}));
    let keys = KeySet::from_jwks(&jwks(&[RSA_OTHER.jwk(), unnamed.clone(), P256.jwk()])).unwrap();
    assert_eq!(
        verify(&RSA, json!({"alg": "RS256"}), &keys),
        Ok(None),
        "oidcc-client-test-kid-absent-multiple-jwks"
    );
    assert_eq!(verify(&P384, json!({"alg": "ES384"}), &keys), Err("key_unknown"));
    assert_eq!(
        verify(&RSA, json!({"alg": "RS256", "kid": "rsa-1"}), &keys),
        Err("key_unknown"),
        "an unnamed key has no name"
    );
    let named = |kid: &str| with(&RSA_OTHER, json!({"kid": kid}));
    let many = KeySet::from_jwks(&jwks(&[unnamed, named("a"), named("b"), named("c")])).unwrap();
    assert_eq!(verify(&RSA, json!({"alg": "RS256"}), &many), Err("key_ambiguous"));
    assert_eq!(verify(&RSA_OTHER, json!({"alg": "RS256", "kid": "c"}), &many), Ok(Some("c".to_owned())));
}

#[test]
fn keys_under_one_name_are_told_apart() {
    let same = |signer: &Signer| with(signer, json!({"kid": "same"}));
    let keys = KeySet::from_jwks(&jwks(&[same(&RSA), same(&RSA), same(&RSA_OTHER), same(&P256)])).unwrap();
    assert_eq!(keys.keys().len(), 3, "an equal key counts once");
    for (signer, alg) in [(&*RSA, "RS256"), (&RSA_OTHER, "RS256"), (&P256, "ES256")] {
        assert_eq!(verify(signer, json!({"alg": alg, "kid": "same"}), &keys), Ok(Some("same".to_owned())));
    }
    assert_eq!(verify(&ED25519, json!({"alg": "EdDSA", "kid": "same"}), &keys), Err("key_algorithm_differs"));
}

#[test]
fn a_key_lives_as_long_as_the_issuer_publishes_it() {
    let set = |keys: &[Value]| KeySet::from_jwks(&jwks(keys)).unwrap();
    let first = set(&[RSA.jwk(), P256.jwk()]);
    let (rsa, ec) = (Arc::clone(&first.keys()[0]), Arc::clone(&first.keys()[1]));
    let second = set(&[P256.jwk(), P384.jwk()]).succeed(&first);
    assert!(!rsa.is_live() && ec.is_live());
    assert!(Arc::ptr_eq(&ec, &second.keys()[0]), "an unchanged key keeps its identity");
    assert!(second.has("ec-1") && !second.has("rsa-1"));

    let renamed = set(&[with(&P256, json!({"kid": "new"})), P384.jwk(), RSA.jwk()]).succeed(&second);
    assert!(!ec.is_live(), "another name is another key");
    assert!(renamed.keys().iter().all(|key| key.is_live()));
    assert!(!rsa.is_live(), "a key that comes back is a new one");

    let replaced = set(&[with(&RSA_OTHER, json!({"kid": "rsa-1"}))]).succeed(&renamed);
    assert!(renamed.keys().iter().all(|key| !key.is_live()));
    let pinned = set(&[with(&RSA_OTHER, json!({"kid": "rsa-1", "alg": "RS256"}))]).succeed(&replaced);
    assert!(!replaced.keys()[0].is_live(), "another use is another key");
    pinned.retire();
    assert!(!pinned.keys()[0].is_live());
    let again = set(&[with(&RSA_OTHER, json!({"kid": "rsa-1", "alg": "RS256"}))]).succeed(&pinned);
    assert!(again.keys()[0].is_live(), "a dead key is never taken over");
}
