//! The access token beside an ID token: read only when it is the issuer's, in force, and about the same person.

use std::time::Duration;

use ostia_identity::{AlgorithmSet, IdTokenProfile, Token, accept_companion};
use serde_json::{Value, json};

use crate::setting::{ISSUER, NOW, at, claims_with, keys};
use crate::signer::{RSA, RSA_OTHER, Signer};

fn verdict(signer: &Signer, changes: Value) -> Result<Value, &'static str> {
    let profile = IdTokenProfile {
        issuer: ISSUER.into(),
        client_id: "ostia".to_owned(),
        trusted_audiences: Vec::new(),
        algorithms: AlgorithmSet::from_names(["RS256"]).unwrap(),
        skew: Duration::from_secs(60),
    };
    let header = json!({ "alg": "RS256", "kid": RSA.kid, "typ": "JWT" });
    let text = signer.token(header.to_string().as_bytes(), claims_with(changes).to_string().as_bytes());
    let token = Token::parse(&text).map_err(|refused| refused.slug())?;
    let accepted = accept_companion(&token, &keys(), &profile, "user-1", at(NOW));
    accepted.map(|claims| Value::Object(claims.to_map())).map_err(|refused| refused.slug())
}

#[test]
fn an_access_token_of_somebody_else_or_of_another_time_is_not_read() {
    for (name, signer, changes, reason) in [
        ("of another person", &*RSA, json!({ "sub": "user-2" }), "token_subject_differs"),
        ("of nobody", &*RSA, json!({ "sub": null }), "token_claim_missing"),
        ("of another issuer", &*RSA, json!({ "iss": "https://evil.example" }), "issuer_differs"),
        ("ended", &*RSA, json!({ "exp": NOW - 61 }), "token_expired"),
        ("without an end", &*RSA, json!({ "exp": null }), "token_claim_missing"),
        ("not yet", &*RSA, json!({ "nbf": NOW + 3600 }), "token_not_yet_valid"),
        ("signed by another key", &*RSA_OTHER, json!({}), "signature_invalid"),
    ] {
        assert_eq!(verdict(signer, changes), Err(reason), "{name}");
    }
}

#[test]
fn neither_its_audience_nor_its_kind_is_asked_for() {
    let changes = json!({ "aud": "account", "typ": "Bearer", "realm_access": { "roles": ["admin"] }, "email_verified": "true" });
    let claims = verdict(&RSA, changes).unwrap();
    assert_eq!(claims["realm_access"]["roles"], json!(["admin"]));
    assert_eq!(claims["email_verified"], json!(true));
}
