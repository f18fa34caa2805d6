//! The rules of a logout token; cases of the relying-party conformance suite under their own names.

use std::time::Duration;

use ostia_identity::{
    AlgorithmSet, IdTokenProfile, LogoutToken, LogoutTokenRefused, Token, accept_logout_token,
};
use serde_json::{Value, json};

use crate::setting::{ISSUER, NOW, at, keys};
use crate::signer::{P256, RSA, RSA_OTHER, Signer, text};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn profile() -> IdTokenProfile {
    IdTokenProfile {
        issuer: ISSUER.into(),
        client_id: "ostia".to_owned(),
        trusted_audiences: Vec::new(),
        algorithms: AlgorithmSet::from_names(["RS256"]).unwrap(),
        skew: Duration::from_secs(60),
    }
}

fn token(signer: &Signer, header: &Value, changes: &Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": "ostia", "iat": NOW, "exp": NOW + 120, "jti": "bWJq", "sid": "08a5019c",
        "sub": "248289761001", "events": { EVENT: {} },
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    signer.token(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": RSA.kid, "typ": "logout+jwt"})
}

fn accept(token: &str) -> Result<LogoutToken, LogoutTokenRefused> {
    accept_logout_token(&Token::parse(token)?, &keys(), &profile(), at(NOW))
}

fn slug(token: &str) -> &'static str {
    accept(token).as_ref().map_or_else(LogoutTokenRefused::slug, |_| "accepted")
}

#[test]
fn every_rule_of_a_logout_token_refuses_what_breaks_it() {
    for (name, changes, reason) in [
        ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss", json!({"iss": "x"}), "issuer_differs"),
        ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud", json!({"aud": "x"}), "audience_differs"),
        ("no aud", json!({"aud": null}), "token_claim_missing"),
        (
            "oidcc-client-test-rp-backchannel-rpinitlogout-no-event",
            json!({"events": null}),
            "logout_event_missing",
        ),
        (
            "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
            json!({"events": {"http://schemas.openid.net/event/other": {}}}),
            "logout_event_missing",
        ),
        ("event that is no object", json!({"events": { EVENT: true }}), "logout_event_missing"),
        ("events that are a list", json!({"events": [EVENT]}), "logout_event_missing"),
        (
            "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce",
            json!({"nonce": "n"}),
            "logout_token_with_nonce",
        ),
        ("nobody", json!({"sub": null, "sid": null}), "logout_of_nobody"),
        ("sid number", json!({"sid": 1}), "token_claim_malformed"),
        ("sid empty", json!({"sid": ""}), "token_claim_malformed"),
        ("sub number", json!({"sub": 1}), "token_claim_malformed"),
        ("no jti", json!({"jti": null}), "token_claim_missing"),
        ("jti of 256 bytes", json!({"jti": "x".repeat(256)}), "token_claim_malformed"),
        ("no iat", json!({"iat": null}), "token_claim_missing"),
        ("iat in the future", json!({"iat": NOW + 3600}), "token_issued_in_future"),
        ("expired", json!({"exp": NOW - 60}), "token_expired"),
        (
            "old, though it says it lives long",
            json!({"iat": NOW - 181, "exp": NOW + 3600}),
            "logout_token_too_old",
        ),
        ("old without exp", json!({"iat": NOW - 181, "exp": null}), "logout_token_too_old"),
    ] {
        assert_eq!(slug(&token(&RSA, &header(), &changes)), reason, "{name}");
    }
}

#[test]
fn a_logout_token_that_is_not_signed_by_the_issuer_is_refused() {
    let unsigned = format!("{}.{}.", text(br#"{"alg":"none","typ":"logout+jwt"}"#), text(b"{}"));
    assert_eq!(
        slug(&unsigned),
        "algorithm_unsupported",
        "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none"
    );
    let wrong = json!({"alg": "ES256", "kid": P256.kid, "typ": "logout+jwt"});
    assert_eq!(
        slug(&token(&P256, &wrong, &json!({}))),
        "algorithm_not_allowed",
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg"
    );
    assert_eq!(slug(&token(&RSA_OTHER, &header(), &json!({}))), "signature_invalid");
    for typ in ["at+jwt", "dpop+jwt", "secevent+jwt"] {
        let header = json!({"alg": "RS256", "kid": RSA.kid, "typ": typ});
        assert_eq!(slug(&token(&RSA, &header, &json!({}))), "type_differs", "{typ}");
    }
}

#[test]
fn a_good_logout_token_names_whom_it_ends() {
    let both = accept(&token(&RSA, &header(), &json!({}))).unwrap();
    assert_eq!((both.subject.as_deref(), both.session.as_deref()), (Some("248289761001"), Some("08a5019c")));
    assert_eq!((both.id.as_str(), both.issued_at, both.worthless_at), ("bWJq", at(NOW), at(NOW + 180)));
    let of_session = accept(&token(&RSA, &header(), &json!({"sub": null, "exp": null}))).unwrap();
    assert_eq!((of_session.subject, of_session.session.as_deref()), (None, Some("08a5019c")));
    let of_person =
        accept(&token(&RSA, &json!({"alg": "RS256", "kid": RSA.kid}), &json!({"sid": null}))).unwrap();
    assert_eq!((of_person.subject.as_deref(), of_person.session), (Some("248289761001"), None));
}
