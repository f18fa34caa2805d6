//! The attacks that other verifiers fell for: structure, algorithms, keys, JSON (RFC 8725 section 2).

use aws_lc_rs::{digest, hmac};
use ostia_identity::{KeySet, Token, accept_access_token};
use serde_json::json;

use crate::forgery::*;
use crate::setting::*;
use crate::signer::{P256, RSA, RSA_OTHER, Signer, text};

fn assert_refused(cases: impl IntoIterator<Item = (&'static str, String, &'static str)>) {
    assert_eq!(verdict(accept(&with_header(HEADER))), "accepted", "the control");
    for (name, token, expected) in cases {
        assert_eq!(verdict(accept(&token)), expected, "{name}");
    }
}

#[test]
fn a_token_has_one_form_only() {
    let [header, claims, signature] = parts();
    let whole = format!("{header}.{claims}.{signature}");
    // The last symbol of a signature of 256 bytes has four bits that mean nothing; here one of them is set.
    const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (front, last) = whole.split_at(whole.len() - 1);
    let value = SYMBOLS.iter().position(|symbol| *symbol == last.as_bytes()[0]).unwrap();
    let respelled = format!("{front}{}", char::from(SYMBOLS[value ^ 1]));
    assert_refused([
        ("empty", String::new(), "token_not_compact"),
        ("a word", "opaque".to_owned(), "token_not_compact"),
        ("two parts", format!("{header}.{claims}"), "token_not_compact"),
        ("four parts", format!("{whole}.{signature}"), "token_not_compact"),
        ("five parts, a JWE", format!("{whole}.{claims}.{signature}"), "token_encrypted"),
        ("only dots", "..".to_owned(), "token_not_json"),
        (
            "JSON serialization",
            json!({"protected": header, "payload": claims, "signature": signature}).to_string(),
            "token_not_compact",
        ),
        ("no signature", format!("{header}.{claims}."), "signature_invalid"),
        ("no claims", format!("{header}..{signature}"), "signature_invalid"),
        ("padding behind the header", format!("{header}=.{claims}.{signature}"), "token_not_base64"),
        ("padding behind the signature", format!("{whole}=="), "token_not_base64"),
        ("line break at the end", format!("{whole}\n"), "token_not_base64"),
        ("line break inside", format!("{header}.{claims}.\n{signature}"), "token_not_base64"),
        ("space in front", format!(" {whole}"), "token_not_base64"),
        ("space in the claims", format!("{header}. {claims}.{signature}"), "signature_invalid"),
        ("NUL at the end", format!("{whole}\0"), "token_not_base64"),
        ("respelled last symbol", respelled, "token_not_base64"),
        ("standard alphabet", format!("{header}.{claims}.+/{}", &signature[2..]), "token_not_base64"),
        ("one symbol more", format!("{whole}A"), "signature_invalid"),
        ("17 KiB", format!("{header}.{}.{signature}", "A".repeat(17 * 1024)), "token_too_long"),
    ]);
}

#[test]
fn the_algorithm_is_never_the_tokens_choice() {
    let [header, claims, _] = parts();
    let public = RSA.jwk()["n"].as_str().unwrap().to_owned();
    let confused = |key: &[u8]| {
        let header = text(br#"{"alg":"HS256","typ":"at+jwt","kid":"rsa-1"}"#);
        let signed = format!("{header}.{claims}");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes());
        format!("{signed}.{}", text(tag.as_ref()))
    };
    let named = |alg: &str| with_header(&format!(r#"{{"alg":{alg},"typ":"at+jwt","kid":"rsa-1"}}"#));
    assert_refused([
        ("none", signed_as(r#"{"alg":"none","typ":"at+jwt"}"#, b""), "algorithm_unsupported"),
        ("none with a signature", named(r#""none""#), "algorithm_unsupported"),
        ("nOnE", named(r#""nOnE""#), "algorithm_unsupported"),
        ("escaped none", named(r#""\u006eone""#), "algorithm_unsupported"),
        ("none with NUL", named(r#""none\u0000""#), "algorithm_unsupported"),
        ("lower case", named(r#""rs256""#), "algorithm_unsupported"),
        ("NUL behind", named(r#""RS256\u0000""#), "algorithm_unsupported"),
        ("RS1", named(r#""RS1""#), "algorithm_unsupported"),
        ("missing", with_header(r#"{"typ":"at+jwt","kid":"rsa-1"}"#), "header_malformed"),
        ("null", named("null"), "header_malformed"),
        ("number", named("256"), "header_malformed"),
        ("list", named(r#"["RS256"]"#), "header_malformed"),
        (
            "in another case",
            with_header(r#"{"ALG":"RS256","typ":"at+jwt","kid":"rsa-1"}"#),
            "header_malformed",
        ),
        ("HMAC with the modulus", confused(public.as_bytes()), "algorithm_unsupported"),
        ("HMAC with the JWK", confused(RSA.jwk().to_string().as_bytes()), "algorithm_unsupported"),
        ("HMAC with nothing", confused(b""), "algorithm_unsupported"),
        ("RSA key as ES256", named(r#""ES256""#), "key_algorithm_differs"),
        (
            "PS256 named, RS256 signed",
            {
                let header = text(br#"{"alg":"PS256","typ":"at+jwt","kid":"rsa-1"}"#);
                let signed = format!("{header}.{claims}");
                format!("{signed}.{}", text(&RSA.sign("RS256", signed.as_bytes())))
            },
            "signature_invalid",
        ),
        (
            "header of another token",
            {
                let [_, _, signature] = parts();
                format!("{}.{claims}.{signature}", text(br#"{"typ":"at+jwt","alg":"RS256","kid":"rsa-1"}"#))
            },
            "signature_invalid",
        ),
        (
            "hash instead of a signature",
            {
                let signed = format!("{header}.{claims}");
                format!("{signed}.{}", text(digest::digest(&digest::SHA256, signed.as_bytes()).as_ref()))
            },
            "signature_invalid",
        ),
    ]);
}

#[test]
fn members_that_bring_a_key_or_change_the_meaning_are_refused() {
    let jwk = format!(r#""jwk":{}"#, RSA_OTHER.jwk());
    let cases = [
        r#""crit":["exp"]"#,
        r#""crit":["b64"],"b64":false"#,
        r#""crit":["x"],"x":1"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""zip":"DEF""#,
        r#""cty":"JWT""#,
        r#""jku":"https://evil.example/keys""#,
        r#""x5u":"https://evil.example/cert""#,
        r#""x5c":["AAAA"]"#,
        jwk.as_str(),
        r#""\u006aku":"https://evil.example""#,
    ];
    for member in cases {
        assert_eq!(verdict(accept(&with_member(member))), "header_member_refused", "{member}");
    }
    assert_eq!(verdict(accept(&with_member(r#""enc":"A128GCM""#))), "token_encrypted");
    for member in [r#""x5t":"AAAA""#, r#""nonce":"n""#, r#""x":{"crit":["exp"]}"#] {
        assert_eq!(verdict(accept(&with_member(member))), "accepted", "{member}");
    }
}

#[test]
fn a_key_that_signs_with_its_own_embedded_copy_is_unknown_or_wrong() {
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "rsa-1"}).to_string();
    let token = RSA_OTHER.token(header.as_bytes(), claims().to_string().as_bytes());
    assert_eq!(verdict(accept(&token)), "signature_invalid", "another tenant with an equal kid");
    assert_eq!(verdict(accept(&RSA_OTHER.access_token("RS256", &claims()))), "key_unknown");
}

#[test]
fn the_name_of_a_key_is_looked_up_and_nothing_else() {
    let named = |kid: &str| with_header(&json!({"alg": "RS256", "typ": "at+jwt", "kid": kid}).to_string());
    for kid in [
        "../../etc/passwd",
        "rsa-1\0",
        "rsa-1' OR '1'='1",
        "RSA-1",
        " rsa-1",
        "rsa-1 ",
        "| id",
        &"k".repeat(256),
    ] {
        assert_eq!(verdict(accept(&named(kid))), "key_unknown", "{kid:?}");
    }
    for kid in ["", &"k".repeat(257)] {
        assert_eq!(verdict(accept(&named(kid))), "header_malformed", "{kid:?}");
    }
    for kid in ["1", "null", r#"["rsa-1"]"#, r#"{"kid":"rsa-1"}"#] {
        let token = with_header(&format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":{kid}}}"#));
        assert_eq!(verdict(accept(&token)), "header_malformed", "{kid}");
    }
    assert!(accept(&named("other")).unwrap_err().wants_newer_keys());
    assert!(!accept(&signed_as(HEADER, &[1; 256])).unwrap_err().wants_newer_keys());
}

#[test]
fn elliptic_signatures_of_zero_or_of_another_form_are_refused() {
    let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}"#;
    let good = P256.token(header.as_bytes(), claims().to_string().as_bytes());
    assert_eq!(verdict(accept(&good)), "accepted");
    let signed = good.rsplit_once('.').unwrap().0;
    let raw = P256.sign("ES256", signed.as_bytes());
    let (r, s) = raw.split_at(32);
    let der = |number: &[u8]| {
        let pad = if number[0] & 0x80 == 0 { vec![] } else { vec![0] };
        [vec![2, u8::try_from(32 + pad.len()).unwrap()], pad, number.to_vec()].concat()
    };
    let body = [der(r), der(s)].concat();
    // The order of P-256.
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let one = [vec![0; 31], vec![1]].concat();
    for (name, signature) in [
        ("r = s = 0", vec![0; 64]),
        ("r = 0", [vec![0; 32], s.to_vec()].concat()),
        ("s = 0", [r.to_vec(), vec![0; 32]].concat()),
        ("r = s = order", [order, order].concat()),
        ("r = s = 1", [one.clone(), one].concat()),
        ("DER", [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()),
        ("63 bytes", raw[..63].to_vec()),
        ("65 bytes", [raw.clone(), vec![0]].concat()),
        ("a zero in front of each", [vec![0], r.to_vec(), vec![0], s.to_vec()].concat()),
        ("swapped", [s, r].concat()),
        ("one byte", vec![0]),
    ] {
        assert_eq!(verdict(accept(&format!("{signed}.{}", text(&signature)))), "signature_invalid", "{name}");
    }
}

#[test]
fn two_readers_never_see_two_different_tokens() {
    let bare = claims().to_string();
    let deep = |levels: usize| format!(r#""x":{}1{}"#, "[".repeat(levels), "]".repeat(levels));
    let invalid_utf8 = [bare.trim_end_matches('}').as_bytes(), b",\"x\":\"\xff\"}"].concat();
    let nul_behind = [bare.as_bytes(), b"\0"].concat();
    let bom = [b"\xef\xbb\xbf", bare.as_bytes()].concat();
    assert_refused([
        ("duplicate sub", with_claim(r#""sub":"admin""#), "token_duplicate_member"),
        ("equal duplicate", with_claim(r#""sub":"user-1""#), "token_duplicate_member"),
        ("escaped duplicate sub", with_claim(r#""\u0073ub":"admin""#), "token_duplicate_member"),
        ("duplicate aud", with_claim(r#""aud":"https://x.example.com""#), "token_duplicate_member"),
        (
            "duplicate inside of an unread claim",
            with_claim(r#""x":[{"a":1,"a":2}]"#),
            "token_duplicate_member",
        ),
        ("duplicate alg", with_member(r#""alg":"none""#), "token_duplicate_member"),
        ("duplicate kid", with_member(r#""kid":"other""#), "token_duplicate_member"),
        ("escaped duplicate alg", with_member(r#""\u0061lg":"none""#), "token_duplicate_member"),
        ("16 levels in a claim", with_claim(&deep(16)), "token_too_deep"),
        ("10,000 levels", with_claim(&deep(5_000)), "token_too_deep"),
        ("nested header", with_member(&deep(16)), "token_too_deep"),
        ("invalid UTF-8", with_claims(&invalid_utf8), "token_not_json"),
        ("NUL behind the claims", with_claims(&nul_behind), "token_not_json"),
        ("byte order mark", with_claims(&bom), "token_not_json"),
        ("list", with_claims(format!("[{bare}]").as_bytes()), "token_not_json"),
        ("a nested token", with_claims(format!("\"{}\"", with_header(HEADER)).as_bytes()), "token_not_json"),
        ("two objects", with_claims(format!("{bare}{bare}").as_bytes()), "token_not_json"),
        ("empty", with_claims(b""), "token_not_json"),
        ("single quotes", with_claims(bare.replace('"', "'").as_bytes()), "token_not_json"),
        ("lone surrogate", with_claim(r#""x":"\udfff""#), "token_not_json"),
        ("number out of range", with_claim(r#""x":1e999"#), "token_not_json"),
        (
            "hexadecimal exp",
            with_claims(bare.replace(&(NOW + 300).to_string(), "0x7fffffff").as_bytes()),
            "token_not_json",
        ),
        ("header as a list", with_header(r#"["alg"]"#), "token_not_json"),
        ("header empty", with_header(""), "token_not_json"),
    ]);
    for member in [
        deep(15),
        r#""Sub":"admin""#.to_owned(),
        r#""x":"\u0000""#.to_owned(),
        format!(r#""x":[{}1]"#, "1,".repeat(3_000)),
    ] {
        assert_eq!(verdict(accept(&with_claim(&member))), "accepted", "{}", &member[..12]);
    }
}

#[test]
fn a_symmetric_key_in_the_set_signs_nothing() {
    let secret = text(b"0123456789abcdef0123456789abcdef");
    let oct = json!({"kty": "oct", "kid": "hs", "k": secret, "alg": "HS256"});
    let keys = KeySet::from_jwks(&jwks(&[oct, RSA.jwk()])).unwrap();
    let signed = format!(
        "{}.{}",
        text(br#"{"alg":"HS256","typ":"at+jwt","kid":"hs"}"#),
        text(claims().to_string().as_bytes())
    );
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, b"0123456789abcdef0123456789abcdef"),
        signed.as_bytes(),
    );
    let token = format!("{signed}.{}", text(tag.as_ref()));
    assert_eq!(
        verdict(Token::parse(&token).and_then(|token| accept_access_token(
            &token,
            &keys,
            &profile(),
            at(NOW)
        ))),
        "algorithm_unsupported"
    );
    assert!(!keys.has("hs"));
}

#[test]
fn no_refusal_shows_a_token() {
    let [header, claims, signature] = parts();
    for token in [
        format!("{header}.{claims}.{}", &signature[..300]),
        with_claim(r#""sub":"admin""#),
        RSA_OTHER.access_token("RS256", &crate::setting::claims()),
        RSA.access_token("RS256", &claims_with(json!({"iss": "x".repeat(5_000)}))),
        Signer::access_token(&RSA, "RS256", &claims_with(json!({"aud": "\u{1b}[31m"}))),
    ] {
        let refused = accept(&token).unwrap_err();
        let shown = format!("{refused} {refused:?}");
        assert!(token.split('.').all(|part| !shown.contains(part)), "{shown}");
        assert!(shown.len() < 500 && !shown.contains('\u{1b}'), "{shown}");
    }
}
