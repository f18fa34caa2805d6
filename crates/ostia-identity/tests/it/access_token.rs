//! The claim rules of access tokens, one by one.

use std::time::Duration;

use ostia_identity::{AlgorithmSet, ClaimPath, GroupRules, Proof, peek_issuer};
use serde_json::json;

use crate::setting::*;
use crate::signer::{ED25519, P256, RSA, every_algorithm};

#[test]
fn every_claim_rule_refuses_what_breaks_it() {
    let cases = [
        ("no iss", json!({"iss": null}), "token_claim_missing"),
        ("iss number", json!({"iss": 1}), "token_claim_malformed"),
        ("iss list with ours", json!({"iss": [ISSUER]}), "token_claim_malformed"),
        ("iss with a slash", json!({"iss": format!("{ISSUER}/")}), "issuer_differs"),
        ("iss in upper case", json!({"iss": "https://LOGIN.example.com"}), "issuer_differs"),
        ("iss with NUL behind", json!({"iss": format!("{ISSUER}\0")}), "issuer_differs"),
        ("iss with NUL and more", json!({"iss": format!("{ISSUER}\0.evil.example")}), "issuer_differs"),
        ("iss empty", json!({"iss": ""}), "issuer_differs"),
        ("no aud", json!({"aud": null}), "token_claim_missing"),
        ("aud number", json!({"aud": 7}), "token_claim_malformed"),
        ("aud empty list", json!({"aud": []}), "token_claim_malformed"),
        ("aud object", json!({"aud": {"https://api.example.com": true}}), "token_claim_malformed"),
        ("aud list with a number", json!({"aud": [AUDIENCE, 7]}), "token_claim_malformed"),
        ("aud nested list", json!({"aud": [[AUDIENCE]]}), "token_claim_malformed"),
        ("aud of another", json!({"aud": "https://api.example.com.evil.example"}), "audience_differs"),
        ("aud with NUL behind", json!({"aud": format!("{AUDIENCE}\0")}), "audience_differs"),
        ("aud with spaces", json!({"aud": format!("{AUDIENCE} https://x.example.com")}), "audience_differs"),
        ("no exp", json!({"exp": null}), "token_claim_missing"),
        ("exp string", json!({"exp": (NOW + 300).to_string()}), "token_claim_malformed"),
        ("exp true", json!({"exp": true}), "token_claim_malformed"),
        ("exp list", json!({"exp": [NOW + 300]}), "token_claim_malformed"),
        ("exp negative", json!({"exp": -1}), "token_claim_malformed"),
        ("exp 1e300", json!({"exp": 1e300}), "token_claim_malformed"),
        ("exp largest integer", json!({"exp": u64::MAX}), "token_claim_malformed"),
        ("exp in the year 10000", json!({"exp": 253_402_300_800_u64}), "token_claim_malformed"),
        ("exp in 30 days", json!({"exp": NOW + 30 * 86_400}), "token_lives_too_long"),
        ("from a month ago and for a month", json!({"iat": NOW - 30 * 86_400}), "token_lives_too_long"),
        ("exp zero", json!({"exp": 0}), "token_expired"),
        ("expired five minutes ago", json!({"exp": NOW - 300}), "token_expired"),
        ("expired, at the edge of the skew", json!({"exp": NOW - 60}), "token_expired"),
        ("no iat", json!({"iat": null}), "token_claim_missing"),
        ("iat string", json!({"iat": "now"}), "token_claim_malformed"),
        ("iat tomorrow", json!({"iat": NOW + 86_400}), "token_issued_in_future"),
        ("iat just behind the skew", json!({"iat": NOW + 61}), "token_issued_in_future"),
        ("nbf in an hour", json!({"nbf": NOW + 3600}), "token_not_yet_valid"),
        ("nbf string", json!({"nbf": NOW.to_string()}), "token_claim_malformed"),
        ("nbf null is no number", json!({"nbf": [null]}), "token_claim_malformed"),
        ("no sub", json!({"sub": null}), "token_claim_missing"),
        ("sub number", json!({"sub": 1}), "token_claim_malformed"),
        ("sub empty", json!({"sub": ""}), "token_claim_malformed"),
        ("sub of 256 bytes", json!({"sub": "x".repeat(256)}), "token_claim_malformed"),
        ("sub with a line break", json!({"sub": "user-1\r\nx-role: admin"}), "token_claim_malformed"),
        ("sub with NUL", json!({"sub": "user-1\0"}), "token_claim_malformed"),
        ("scope number", json!({"scope": 1}), "token_claim_malformed"),
        ("scope list with a number", json!({"scope": ["a", 1]}), "token_claim_malformed"),
        ("client_id list", json!({"client_id": ["cli"]}), "token_claim_malformed"),
        (
            "logout token",
            json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
            "token_of_other_kind",
        ),
        ("DPoP proof", json!({"htm": "GET", "htu": "https://api.example.com/"}), "token_of_other_kind"),
        ("Keycloak refresh token", json!({"typ": "Refresh"}), "token_of_other_kind"),
        ("Keycloak ID token", json!({"typ": "ID"}), "token_of_other_kind"),
        ("Cognito ID token", json!({"token_use": "id"}), "token_of_other_kind"),
    ];
    for (name, changes, expected) in cases {
        let token = RSA.access_token("RS256", &claims_with(changes));
        assert_eq!(verdict(accept(&token)), expected, "{name}");
    }
}

#[test]
fn null_is_no_absent_claim() {
    for claim in ["iss", "aud", "exp", "iat", "nbf", "sub", "scope", "client_id"] {
        let mut claims = claims();
        claims[claim] = serde_json::Value::Null;
        assert_eq!(verdict(accept(&RSA.access_token("RS256", &claims))), "token_claim_malformed", "{claim}");
    }
}

#[test]
fn a_token_of_another_type_is_refused_before_its_signature_is_looked_at() {
    for typ in [
        "JWT",
        "jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "at+jwt2",
        "",
        "text/at+jwt",
        "application/x/at+jwt",
    ] {
        let header = json!({"alg": "RS256", "kid": "rsa-1", "typ": typ}).to_string();
        let token = RSA.token(header.as_bytes(), claims().to_string().as_bytes());
        assert_eq!(verdict(accept(&token)), "type_differs", "{typ}");
    }
    let token = RSA.token(br#"{"alg":"RS256","kid":"rsa-1"}"#, claims().to_string().as_bytes());
    assert_eq!(verdict(accept(&token)), "type_differs", "no type");
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        let header = json!({"alg": "RS256", "kid": "rsa-1", "typ": typ}).to_string();
        let token = RSA.token(header.as_bytes(), claims().to_string().as_bytes());
        assert_eq!(verdict(accept(&token)), "accepted", "{typ}");
    }
}

#[test]
fn where_plain_jwt_is_allowed_an_id_token_is_still_refused() {
    let plain = |changes| {
        RSA.token(
            br#"{"alg":"RS256","kid":"rsa-1","typ":"JWT"}"#,
            claims_with(changes).to_string().as_bytes(),
        )
    };
    for (name, evidence) in [
        ("nonce", json!({"nonce": "n"})),
        ("at_hash", json!({"at_hash": "h"})),
        ("c_hash", json!({"c_hash": "h"})),
    ] {
        assert_eq!(verdict(accept_by(&plain(evidence), &untyped_profile())), "token_of_other_kind", "{name}");
    }
    assert_eq!(verdict(accept_by(&plain(json!({})), &untyped_profile())), "accepted");
    let untyped = RSA.token(br#"{"alg":"RS256","kid":"rsa-1"}"#, claims().to_string().as_bytes());
    assert_eq!(verdict(accept_by(&untyped, &untyped_profile())), "accepted");
}

#[test]
fn every_algorithm_is_accepted_with_its_own_key_and_only_where_allowed() {
    // RFC 9864 names the algorithm of EdDSA by its curve.
    let cases = every_algorithm().into_iter().chain([("Ed25519", &*ED25519)]);
    for (alg, signer) in cases {
        let token = signer.access_token(alg, &claims());
        assert_eq!(verdict(accept(&token)), "accepted", "{alg}");
        let others = AlgorithmSet::from_names(
            AlgorithmSet::all()
                .names()
                .filter(|other| *other != alg && !(alg == "Ed25519" && *other == "EdDSA")),
        );
        let narrow = ostia_identity::AccessTokenProfile { algorithms: others.unwrap(), ..profile() };
        assert_eq!(verdict(accept_by(&token, &narrow)), "algorithm_not_allowed", "{alg}");
    }
}

#[test]
fn an_accepted_token_becomes_an_identity() {
    let changes = json!({
        "aud": ["https://x.example.com", AUDIENCE], "exp": NOW as f64 + 300.5, "scp": ["orders.read", "admin of all"],
        "groups": ["ignored"], "realm_access": {"roles": ["/staff", "/staff", "dev"]},
    });
    let rules = GroupRules {
        claims: vec![ClaimPath::new("realm_access.roles", &["realm_access".to_owned(), "roles".to_owned()])],
        strip_prefix: Some("/".to_owned()),
    };
    let profile = ostia_identity::AccessTokenProfile { groups: rules, ..profile() };
    let accepted = accept_by(&P256.access_token("ES256", &claims_with(changes)), &profile).unwrap();
    let identity = accepted.identity;
    assert_eq!((&*identity.provider, &*identity.issuer, &*identity.subject), ("corp", ISSUER, "user-1"));
    assert_eq!(identity.scopes, ["orders.read", "orders.write", "admin of all"]);
    assert_eq!(identity.claims.get("groups").unwrap().strings().collect::<Vec<_>>(), ["staff", "dev"]);
    assert_eq!(identity.proof, Proof::Bearer);
    assert_eq!(identity.expires_at, at(NOW + 300) + Duration::from_millis(500));
    assert_eq!(accepted.not_after, identity.expires_at + Duration::from_secs(60));
    assert_eq!(accepted.client_id.as_deref(), Some("cli"));
    assert_eq!(accepted.key.as_ref().unwrap().kid(), Some("ec-1"));
}

#[test]
fn clocks_may_differ_by_the_skew() {
    for changes in [
        json!({"exp": NOW - 59}),
        json!({"nbf": NOW + 60}),
        json!({"iat": NOW + 60}),
        json!({"exp": NOW + 86_400 + 60}),
    ] {
        let token = RSA.access_token("RS256", &claims_with(changes.clone()));
        assert_eq!(verdict(accept(&token)), "accepted", "{changes}");
    }
}

#[test]
fn a_peek_at_the_issuer_shows_one_string_or_nothing() {
    let shown = |claims: &[u8]| peek_issuer(&RSA.token(b"{}", claims));
    assert_eq!(shown(br#"{"iss":"https://a.example"}"#).as_deref(), Some("https://a.example"));
    for claims in [
        &br#"{"iss":["https://a.example"]}"#[..],
        br#"{"iss":"a","iss":"b"}"#,
        br#"{}"#,
        b"[]",
        b"",
        br#"{"iss":1}"#,
    ] {
        assert_eq!(shown(claims), None);
    }
    assert_eq!(peek_issuer("a.b"), None);
}
