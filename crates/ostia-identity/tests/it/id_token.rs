//! The rules of a login and of its refresh; cases of the relying-party conformance suite under their own names.

use std::time::Duration;

use aws_lc_rs::digest;
use ostia_identity::{
    AlgorithmSet, Fault, IdToken, IdTokenProfile, IdTokenRefused, LoginContinued, LoginExpected, Occasion,
    Token, accept_id_token,
};
use serde_json::{Value, json};

use crate::setting::{ISSUER, NOW, at, edited, keys, verdict};
use crate::signer::{ED25519, P256, P384, RSA, RSA_OTHER, Signer, text};

const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

fn profile() -> IdTokenProfile {
    IdTokenProfile {
        issuer: ISSUER.into(),
        client_id: "ostia".to_owned(),
        trusted_audiences: vec!["friend".to_owned()],
        algorithms: AlgorithmSet::all(),
        skew: Duration::from_secs(60),
    }
}

fn expected() -> LoginExpected<'static> {
    LoginExpected { nonce: "n-0S6_WzA2Mj", access_token: Some(ACCESS_TOKEN), max_age: None, acr_values: &[] }
}

fn claims(changes: &Value) -> Value {
    let claims = json!({
        "iss": ISSUER, "aud": "ostia", "sub": "248289761001", "exp": NOW + 300, "iat": NOW, "nonce": "n-0S6_WzA2Mj",
        "auth_time": NOW - 10, "acr": "phr",
    });
    edited(claims, changes)
}

fn signed(signer: &Signer, alg: &str, changes: &Value) -> String {
    let header = json!({"alg": alg, "kid": signer.kid}).to_string();
    signer.token(header.as_bytes(), claims(changes).to_string().as_bytes())
}

fn login(token: &str, expected: &LoginExpected<'_>) -> Result<IdToken, IdTokenRefused> {
    accept_id_token(&Token::parse(token)?, &keys(), &profile(), &Occasion::Login(*expected), at(NOW))
}

fn slug(result: &Result<IdToken, IdTokenRefused>) -> &'static str {
    result.as_ref().map_or_else(IdTokenRefused::slug, |_| "accepted")
}

#[test]
fn every_login_rule_refuses_what_breaks_it() {
    let cases = [
        ("oidcc-client-test-invalid-iss", json!({"iss": "https://login.example.com/"}), "issuer_differs"),
        ("oidcc-client-test-missing-sub", json!({"sub": null}), "token_claim_missing"),
        ("sub of 256 characters", json!({"sub": "x".repeat(256)}), "token_claim_malformed"),
        ("sub that is no ASCII", json!({"sub": "Ärger"}), "token_claim_malformed"),
        ("oidcc-client-test-invalid-aud", json!({"aud": "other"}), "audience_differs"),
        ("oidcc-client-test-missing-aud", json!({"aud": null}), "token_claim_missing"),
        ("aud empty list", json!({"aud": []}), "token_claim_malformed"),
        ("aud with a stranger", json!({"aud": ["ostia", "stranger"], "azp": "ostia"}), "audience_untrusted"),
        ("aud with a friend, no azp", json!({"aud": ["ostia", "friend"]}), "authorized_party_differs"),
        ("azp of another", json!({"azp": "other"}), "authorized_party_differs"),
        ("azp number", json!({"azp": 1}), "token_claim_malformed"),
        ("oidcc-client-test-missing-iat", json!({"iat": null}), "token_claim_missing"),
        ("iat in the future", json!({"iat": NOW + 3600}), "token_issued_in_future"),
        ("missing exp", json!({"exp": null}), "token_claim_missing"),
        ("expired", json!({"exp": NOW - 60}), "token_expired"),
        ("nbf in the future", json!({"nbf": NOW + 3600}), "token_not_yet_valid"),
        ("oidcc-client-test-nonce-invalid", json!({"nonce": "n-0S6_WzA2Mk"}), "nonce_differs"),
        ("nonce missing", json!({"nonce": null}), "nonce_differs"),
        ("nonce with a tail", json!({"nonce": "n-0S6_WzA2Mj "}), "nonce_differs"),
        ("nonce list", json!({"nonce": ["n-0S6_WzA2Mj"]}), "token_claim_malformed"),
        ("oidcc-client-test-invalid-athash", json!({"at_hash": "AAAA"}), "access_token_differs"),
        ("at_hash empty", json!({"at_hash": ""}), "access_token_differs"),
        ("auth_time string", json!({"auth_time": "yesterday"}), "token_claim_malformed"),
        (
            "logout token",
            json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
            "token_of_other_kind",
        ),
    ];
    for (name, changes, expected_slug) in cases {
        assert_eq!(slug(&login(&signed(&RSA, "RS256", &changes), &expected())), expected_slug, "{name}");
    }
}

#[test]
fn signatures_of_a_login_are_checked_although_they_come_from_the_token_endpoint() {
    let good = claims(&json!({})).to_string();
    let unsigned = format!("{}.{}.", text(br#"{"alg":"none"}"#), text(good.as_bytes()));
    assert_eq!(
        slug(&login(&unsigned, &expected())),
        "algorithm_unsupported",
        "oidcc-client-test-idtoken-sig-none"
    );
    let header = br#"{"alg":"RS256","kid":"rsa-1"}"#;
    let forged = RSA_OTHER.token(header, good.as_bytes());
    assert_eq!(
        slug(&login(&forged, &expected())),
        "signature_invalid",
        "oidcc-client-test-invalid-sig-rs256"
    );
    for typ in ["at+jwt", "logout+jwt", "dpop+jwt"] {
        let header = json!({"alg": "RS256", "kid": "rsa-1", "typ": typ}).to_string();
        assert_eq!(
            slug(&login(&RSA.token(header.as_bytes(), good.as_bytes()), &expected())),
            "type_differs",
            "{typ}"
        );
    }
    let header = br#"{"alg":"RS256"}"#;
    assert_eq!(
        slug(&login(&RSA.token(header, good.as_bytes()), &expected())),
        "accepted",
        "kid-absent-single-jwks"
    );
}

#[test]
fn the_hash_of_the_access_token_is_of_the_algorithm_of_the_id_token() {
    let half = |algorithm| {
        let hash = digest::digest(algorithm, ACCESS_TOKEN.as_bytes());
        text(&hash.as_ref()[..hash.as_ref().len() / 2])
    };
    let cases = [
        ("RS256", &*RSA, half(&digest::SHA256)),
        ("PS256", &RSA, half(&digest::SHA256)),
        ("ES256", &P256, half(&digest::SHA256)),
        ("ES384", &P384, half(&digest::SHA384)),
        ("EdDSA", &ED25519, half(&digest::SHA512)),
    ];
    // OpenID Connect Core appendix A.4: this access token, this hash.
    assert_eq!(half(&digest::SHA256), "77QmUPtjPfzWtF2AnpK9RQ");
    for (alg, signer, at_hash) in cases {
        let token = signed(signer, alg, &json!({"at_hash": at_hash}));
        assert_eq!(slug(&login(&token, &expected())), "accepted", "{alg}");
        let other = LoginExpected { access_token: Some("another"), ..expected() };
        assert_eq!(slug(&login(&token, &other)), "access_token_differs", "{alg}");
    }
}

#[test]
fn what_was_asked_for_must_be_answered() {
    let within = |seconds| LoginExpected { max_age: Some(Duration::from_secs(seconds)), ..expected() };
    let old = json!({"auth_time": NOW - 1000});
    assert_eq!(slug(&login(&signed(&RSA, "RS256", &old), &within(939))), "authentication_too_old");
    assert_eq!(slug(&login(&signed(&RSA, "RS256", &old), &within(940))), "accepted");
    assert_eq!(
        slug(&login(&signed(&RSA, "RS256", &json!({"auth_time": null})), &within(900))),
        "token_claim_missing"
    );
    let wanted = ["phrh".to_owned(), "phr".to_owned()];
    let strong = LoginExpected { acr_values: &wanted, ..expected() };
    assert_eq!(slug(&login(&signed(&RSA, "RS256", &json!({})), &strong)), "accepted");
    for acr in [json!({"acr": "0"}), json!({"acr": null}), json!({"acr": "phr phrh"})] {
        assert_eq!(
            slug(&login(&signed(&RSA, "RS256", &acr), &strong)),
            "authentication_context_differs",
            "{acr}"
        );
    }
    assert_eq!(
        slug(&login(
            &signed(&RSA, "RS256", &json!({"nonce": ""})),
            &LoginExpected { nonce: "", ..expected() }
        )),
        "nonce_differs"
    );
}

#[test]
fn an_accepted_id_token_tells_who_signed_in_and_when() {
    let changes = json!({"aud": ["ostia", "friend"], "azp": "ostia", "groups": ["staff"], "auth_time": 1.5, "exp": NOW as f64 + 0.5});
    let accepted = login(&signed(&RSA, "RS256", &changes), &expected()).unwrap();
    assert_eq!(accepted.subject, "248289761001");
    assert_eq!(accepted.auth_time, Some(at(1) + Duration::from_millis(500)));
    assert_eq!((accepted.issued_at, accepted.expires_at), (at(NOW), at(NOW) + Duration::from_millis(500)));
    assert_eq!(accepted.claims.get("groups").unwrap().strings().collect::<Vec<_>>(), ["staff"]);
}

#[test]
fn a_refresh_continues_the_same_login() {
    let continued =
        LoginContinued { subject: "248289761001", auth_time: Some(at(NOW - 10)), access_token: None };
    let refresh = |changes: Value, continued: &LoginContinued<'_>| {
        let token = signed(&RSA, "RS256", &changes);
        let occasion = Occasion::Refresh(*continued);
        let token = Token::parse(&token).unwrap();
        slug(&accept_id_token(&token, &keys(), &profile(), &occasion, at(NOW)))
    };
    let cases = [
        ("oidcc-client-test-refresh-token", json!({"nonce": null}), "accepted"),
        (
            "oidcc-client-test-refresh-token-invalid-issuer",
            json!({"iss": "https://evil.example"}),
            "issuer_differs",
        ),
        ("oidcc-client-test-refresh-token-invalid-sub", json!({"sub": "another"}), "subject_changed"),
        ("another audience", json!({"aud": "other"}), "audience_differs"),
        ("another authentication", json!({"auth_time": NOW - 9}), "authentication_changed"),
        ("fraction of the same second", json!({"auth_time": NOW as f64 - 9.5}), "accepted"),
        ("no auth_time", json!({"auth_time": null}), "accepted"),
        ("expired", json!({"exp": NOW - 60}), "token_expired"),
    ];
    for (name, changes, expected) in cases {
        assert_eq!(refresh(changes, &continued), expected, "{name}");
    }
    assert_eq!(refresh(json!({}), &LoginContinued { auth_time: None, ..continued }), "accepted");
}

#[test]
fn id_and_access_tokens_never_stand_in_for_each_other() {
    let access = RSA.access_token("RS256", &crate::setting::claims());
    assert_eq!(slug(&login(&access, &expected())), "type_differs");
    let id = signed(&RSA, "RS256", &json!({"aud": crate::setting::AUDIENCE}));
    assert_eq!(verdict(crate::setting::accept(&id)), "type_differs");
    assert_eq!(
        verdict(crate::setting::accept_by(&id, &crate::setting::untyped_profile())),
        "token_of_other_kind"
    );
}

#[test]
fn a_refusal_names_who_is_at_fault() {
    let fault = |changes| login(&signed(&RSA, "RS256", &changes), &expected()).unwrap_err().fault();
    assert_eq!(fault(json!({"nonce": "x"})), Fault::Caller);
    assert_eq!(fault(json!({"iss": "x"})), Fault::Issuer);
}
