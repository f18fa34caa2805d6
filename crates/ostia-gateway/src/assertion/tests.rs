//! Statements: what they say, that they verify, how keys change.

use std::time::UNIX_EPOCH;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64_simd::{URL_SAFE, URL_SAFE_NO_PAD};
use ostia_config::policy::ClaimPath;
use ostia_identity::{Claims, Proof};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::form::{About, token};
use super::*;

fn ana() -> Identity {
    let claims = json!({
        "email": "ana@example.com", "groups": ["staff"], "role": "lead\r\nX: 1", "iss": "https://evil.example", "aud": "evil",
        "tenant": { "id": 7 },
    });
    Identity {
        provider: Arc::from("corp"),
        issuer: Arc::from("https://login.example.com"),
        subject: Arc::from("ana"),
        claims: Claims::new(claims.as_object().unwrap().clone()),
        scopes: Vec::new(),
        proof: Proof::Session,
        expires_at: UNIX_EPOCH + Duration::from_secs(1_000_000),
    }
}

fn keys() -> (TempDir, AssertionKeys) {
    let folder = TempDir::new().unwrap();
    let keys = AssertionKeys::read_or_make(&folder.path().join("state/assertion.keys")).unwrap();
    (folder, keys)
}

fn decoded(part: &str, form: AssertionForm) -> Vec<u8> {
    match form {
        AssertionForm::Alb => URL_SAFE.decode_to_vec(part).unwrap(),
        _ => URL_SAFE_NO_PAD.decode_to_vec(part).unwrap(),
    }
}

/// Header and payload of a token whose signature a published key verifies.
fn verified(token: &str, form: AssertionForm, keys: &AssertionKeys) -> (Value, Value) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decoded(header, form)).unwrap();
    let set: Value = serde_json::from_str(keys.set()).unwrap();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode_to_vec(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &decoded(signature, form))
        .unwrap();
    (header, serde_json::from_slice(&decoded(payload, form)).unwrap())
}

#[test]
fn each_form_says_what_its_readers_expect_and_verifies() {
    let (_folder, keys) = keys();
    let identity = ana();
    let claims = ["sub", "email", "role", "tenant.id", "iss", "aud", "missing"]
        .map(|path| ClaimPath::parse(path).unwrap());
    let about = About {
        identity: &identity,
        issuer: "ostia",
        route: "app",
        host: "app.example.com",
        claims: &claims,
        now: UNIX_EPOCH + Duration::from_secs(1000),
        expires_at: UNIX_EPOCH + Duration::from_secs(1060),
    };
    let groups = json!(["staff"]);
    for (form, expected) in [
        (
            AssertionForm::Own,
            json!({ "iss": "ostia", "aud": "app", "sub": "ana", "idp": "https://login.example.com", "iat": 1000, "exp": 1060,
                    "email": "ana@example.com", "role": "lead\r\nX: 1", "tenant.id": 7 }),
        ),
        (
            AssertionForm::Pomerium,
            json!({ "iss": "app.example.com", "aud": "app.example.com", "sub": "ana", "user": "ana", "iat": 1000,
                    "exp": 1060, "email": "ana@example.com", "groups": groups }),
        ),
        (
            AssertionForm::Iap,
            json!({ "iss": "ostia", "aud": "app", "sub": "login.example.com:ana", "email": "ana@example.com",
                    "iat": 1000, "exp": 1060 }),
        ),
        (
            AssertionForm::Alb,
            json!({ "iss": "https://login.example.com", "sub": "ana", "email": "ana@example.com", "groups": groups,
                    "exp": 1060 }),
        ),
    ] {
        let token = token(form, &about, &keys).unwrap();
        let (header, payload) = verified(&token, form, &keys);
        assert_eq!(payload, expected, "{form:?}");
        assert_eq!(
            (header["alg"].as_str(), header["kid"].as_str()),
            (Some("ES256"), Some(keys.signing_id()))
        );
        if form == AssertionForm::Alb {
            assert_eq!((&header["signer"], &header["exp"]), (&json!("ostia"), &json!(1060)));
            assert!(token.contains('='), "padded, as its readers know it: {token}");
        }
    }
}

#[test]
fn first_key_signs_and_all_are_published_while_keys_change() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let text = |folder: &TempDir| {
        let path = folder.path().join("k");
        AssertionKeys::read_or_make(&path).unwrap();
        std::fs::read_to_string(path).unwrap()
    };
    let (old, new) = (text(&one), text(&two));
    let before = AssertionKeys::parse(&old).unwrap();
    let announced = AssertionKeys::parse(&format!("{old}{new}")).unwrap();
    let moved = AssertionKeys::parse(&format!("# a comment\n{new}\n{old}")).unwrap();
    let after = AssertionKeys::parse(&new).unwrap();
    assert_eq!(announced.signing_id(), before.signing_id());
    assert_eq!(moved.signing_id(), after.signing_id());
    for keys in [&announced, &moved] {
        for id in [before.signing_id(), after.signing_id()] {
            assert!(
                keys.set().contains(id) && keys.public_pem(id).unwrap().starts_with("-----BEGIN PUBLIC KEY")
            );
        }
    }
    assert!(!after.set().contains(before.signing_id()) && after.public_pem(before.signing_id()).is_none());
    assert!(!moved.set().contains("\"d\""), "a private part is published");
}

#[test]
fn file_that_is_no_key_is_refused() {
    let (_folder, good) = keys();
    assert!(!good.set().is_empty());
    for text in [
        "",
        "nothing here",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
    ] {
        assert!(AssertionKeys::parse(text).is_err(), "{text}");
    }
}

#[test]
fn made_key_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, keys) = keys();
    let path = folder.path().join("state/assertion.keys");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(AssertionKeys::read_or_make(&path).unwrap().signing_id(), keys.signing_id(), "made once");
}
