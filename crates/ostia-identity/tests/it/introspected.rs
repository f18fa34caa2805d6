//! What an issuer answers about an opaque token (RFC 7662 section 2.2).

use std::time::Duration;

use ostia_identity::{Claims, TokenRefused, VerifiedToken, accept_introspected};
use serde_json::{Value, json};

use crate::setting::{AUDIENCE, ISSUER, NOW, at, edited, profile};

fn judge(changes: Value) -> Result<VerifiedToken, TokenRefused> {
    let answer = json!({"active": true, "sub": "user-1", "client_id": "cli", "scope": "orders.read", "exp": NOW + 300});
    let answer = edited(answer, &changes);
    let claims = Claims::new(answer.as_object().unwrap().clone());
    accept_introspected(claims, &profile(), Duration::from_secs(30), at(NOW))
}

#[test]
fn only_an_active_token_for_us_is_accepted() {
    let cases = [
        ("as it is", json!({}), "accepted"),
        ("inactive", json!({"active": false}), "token_inactive"),
        ("active as text", json!({"active": "true"}), "token_inactive"),
        ("active as a number", json!({"active": 1}), "token_inactive"),
        ("no active", json!({"active": null}), "token_inactive"),
        ("our issuer", json!({"iss": ISSUER}), "accepted"),
        ("other issuer", json!({"iss": "https://other.example.com"}), "issuer_differs"),
        ("issuer of the wrong type", json!({"iss": [ISSUER]}), "token_claim_malformed"),
        ("our audience", json!({"aud": [AUDIENCE]}), "accepted"),
        ("other audience", json!({"aud": "https://x.example"}), "audience_differs"),
        ("empty audience", json!({"aud": []}), "token_claim_malformed"),
        ("expired though active", json!({"exp": NOW - 60}), "token_expired"),
        ("exp as text", json!({"exp": "1"}), "token_claim_malformed"),
        ("not yet", json!({"nbf": NOW + 61}), "token_not_yet_valid"),
        ("no subject", json!({"sub": null}), "accepted"),
        ("nobody at all", json!({"sub": null, "client_id": null}), "token_claim_missing"),
        ("empty subject", json!({"sub": ""}), "token_claim_malformed"),
        ("client as a number", json!({"client_id": 7}), "token_claim_malformed"),
        ("unknown binding", json!({"cnf": {"jwk": {}}}), "token_confirmation_unsupported"),
    ];
    for (name, changes, expected) in cases {
        assert_eq!(crate::setting::verdict(judge(changes)), expected, "{name}");
    }
}

#[test]
fn a_verdict_of_the_issuer_is_asked_for_again_in_time() {
    let accepted = judge(json!({})).unwrap();
    assert_eq!(accepted.not_after, at(NOW + 30));
    assert_eq!(accepted.identity.expires_at, at(NOW + 300));
    assert_eq!(accepted.identity.scopes, ["orders.read"]);
    assert!(accepted.key.is_none());
    assert_eq!(
        judge(json!({"exp": NOW - 50})).unwrap().not_after,
        at(NOW + 10),
        "never behind its end and the skew"
    );
    assert_eq!(judge(json!({"exp": null})).unwrap().identity.expires_at, at(NOW + 30));
    assert_eq!(&*judge(json!({"sub": null})).unwrap().identity.subject, "cli");
}
