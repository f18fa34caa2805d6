//! Project Wycheproof's JSON Web Signature, Key and Crypto sets, every case of them.
//!
//! A case whose signature passes is refused later, because its payload is no JSON object: that refusal shows that the
//! signature was accepted. What we refuse although it is valid stands in [`NOT_OURS`] with its reason.

use ostia_identity::refusal::Part;
use ostia_identity::{AlgorithmSet, KeySet, Token, TokenRefused};
use serde_json::{Value, json};
use wycheproof_ng_kdf_jose::json_web::TestName;

/// Valid cases that are refused here, by set and number, with the reason that is given.
const NOT_OURS: [(&str, &[u64], &str); 8] = [
    // An issuer's key is public; who could check an HMAC could make it (RFC 8725 section 2.1).
    ("json_web_signature", &[1, 348, 352, 357, 358, 359, 376, 377], "algorithm_unsupported"),
    // Characters inside that are no base64url: the set takes them for comments, RFC 7515 section 2 knows none.
    ("json_web_signature", &[372], "token_not_base64"),
    ("json_web_signature", &[373], "algorithm_unsupported"),
    // The key says PS256 or `ES521` (which does not exist), the token says PS384 or ES512: a key is pinned to its `alg`.
    ("json_web_signature", &[346, 350], "key_algorithm_differs"),
    ("json_web_signature", &[347, 351], "no_key"),
    ("json_web_key", &[2, 13, 14, 15], "algorithm_unsupported"),
    ("json_web_crypto", &[1, 48], "algorithm_unsupported"),
    // Encrypted tokens are not read.
    ("json_web_crypto", &[50, 67], "token_encrypted"),
];

struct Case {
    set: &'static str,
    number: u64,
    name: String,
    is_valid: bool,
    keys: Value,
    token: String,
}

fn cases(set: &'static str, name: TestName) -> Vec<Case> {
    let document: Value = serde_json::from_str(name.json_data()).unwrap();
    let mut cases = Vec::new();
    for group in document["testGroups"].as_array().unwrap() {
        let key = group.get("public").unwrap_or(&group["private"]);
        let keys = if key.get("keys").is_some() { key.clone() } else { json!({ "keys": [key] }) };
        for test in group["tests"].as_array().unwrap() {
            let token = test.get("jws").or_else(|| test.get("jwe")).unwrap();
            cases.push(Case {
                set,
                number: test["tcId"].as_u64().unwrap(),
                name: format!("{set} {} {} {}", test["tcId"], group["comment"], test["comment"]),
                is_valid: test["result"] == "valid",
                keys: without_private_parts(&keys),
                token: token.as_str().map_or_else(|| token.to_string(), str::to_owned),
            });
        }
    }
    assert_eq!(cases.len() as u64, document["numberOfTests"].as_u64().unwrap());
    cases
}

/// The sets hold key pairs; an issuer publishes the public half. That a private one is refused is shown elsewhere.
fn without_private_parts(keys: &Value) -> Value {
    let mut keys = keys.clone();
    for key in keys["keys"].as_array_mut().unwrap() {
        let key = key.as_object_mut().unwrap();
        if key.get("kty") != Some(&json!("oct")) {
            key.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi", "oth"].contains(&name.as_str()));
        }
    }
    keys
}

/// `accepted`, or why not.
fn verdict(case: &Case) -> &'static str {
    let token = match Token::parse(&case.token) {
        Ok(token) => token,
        Err(refused) => return refused.slug(),
    };
    let Ok(keys) = KeySet::from_jwks(case.keys.to_string().as_bytes()) else { return "no_key" };
    match token.verify(&keys, AlgorithmSet::all()) {
        Ok(_) | Err(TokenRefused::NotJson { part: Part::Claims, .. }) => "accepted",
        Err(refused) => refused.slug(),
    }
}

fn assert_set(set: &'static str, name: TestName) {
    let (mut accepted, mut wrong) = (0, Vec::new());
    for case in cases(set, name) {
        let not_ours =
            NOT_OURS.iter().find(|(of, numbers, _)| *of == case.set && numbers.contains(&case.number));
        let found = verdict(&case);
        let is_right = match (case.is_valid, not_ours) {
            (true, Some((_, _, reason))) => found == *reason,
            (true, None) => found == "accepted",
            (false, _) => found != "accepted",
        };
        accepted += usize::from(found == "accepted");
        if !is_right {
            wrong.push(format!("{}: {found}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted > 0, "the set's keys were read");
}

#[test]
fn every_wycheproof_signature_is_judged_right() {
    assert_set("json_web_signature", TestName::JsonWebSignature);
}

#[test]
fn every_wycheproof_key_is_judged_right() {
    assert_set("json_web_key", TestName::JsonWebKey);
}

#[test]
fn every_wycheproof_mixed_case_is_judged_right() {
    assert_set("json_web_crypto", TestName::JsonWebCrypto);
}

#[test]
fn no_wycheproof_encryption_is_read() {
    for case in cases("json_web_encryption", TestName::JsonWebEncryption) {
        assert_ne!(verdict(&case), "accepted", "{}", case.name);
    }
}
