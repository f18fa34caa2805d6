//! Every kind of token in the place of every other (RFC 8725 section 3.12). All are signed with one genuine key and
//! name one audience, so the kind alone tells them apart.

use std::time::Duration;

use ostia_identity::{
    AccessTokenProfile, AlgorithmSet, DpopExpected, IdTokenProfile, LoginExpected, Occasion, Token,
    accept_access_token, accept_dpop_proof, accept_id_token, accept_logout_token,
};
use serde_json::{Value, json};

use crate::setting::{ISSUER, NOW, at, keys, profile, untyped_profile};
use crate::signer::P256;

/// Client and audience at once: the most careless setting there is.
const US: &str = "ostia";

/// Which of the five judges accept this token, by name.
fn accepted_as(typ: Option<&str>, claims: &Value) -> Vec<&'static str> {
    let mut header = json!({"alg": "ES256", "kid": "ec-1"});
    if let Some(typ) = typ {
        header["typ"] = json!(typ);
    }
    let text = P256.token(header.to_string().as_bytes(), claims.to_string().as_bytes());
    let token = Token::parse(&text).unwrap();
    let (keys, now, skew) = (keys(), at(NOW), Duration::from_secs(60));
    let ours = |profile: AccessTokenProfile| AccessTokenProfile { audiences: vec![US.to_owned()], ..profile };
    let login = IdTokenProfile {
        issuer: ISSUER.into(),
        client_id: US.to_owned(),
        trusted_audiences: Vec::new(),
        algorithms: AlgorithmSet::all(),
        skew,
    };
    let expected = DpopExpected {
        method: "GET",
        target: "https://api.example.com/",
        access_token: "t",
        key_thumbprint: "x",
        algorithms: AlgorithmSet::all(),
        window: skew,
    };
    let occasion = Occasion::Login(LoginExpected { nonce: "n", ..LoginExpected::default() });
    let judges = [
        ("access", accept_access_token(&token, &keys, &ours(profile()), now).is_ok()),
        ("untyped access", accept_access_token(&token, &keys, &ours(untyped_profile()), now).is_ok()),
        ("ID", accept_id_token(&token, &keys, &login, &occasion, now).is_ok()),
        ("logout", accept_logout_token(&token, &keys, &login, now).is_ok()),
        ("proof", accept_dpop_proof(&text, &expected, now).is_ok()),
    ];
    judges.into_iter().filter(|(_, accepted)| *accepted).map(|(name, _)| name).collect()
}

#[test]
fn a_token_of_one_kind_is_never_accepted_in_the_place_of_another() {
    let with = |more: Value| {
        let mut claims =
            json!({"iss": ISSUER, "aud": US, "sub": "user-1", "iat": NOW, "exp": NOW + 300, "jti": "1"});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let access = with(json!({"client_id": "cli", "scope": "a"}));
    let id = with(json!({"nonce": "n", "auth_time": NOW}));
    let logout =
        with(json!({"sid": "s", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}));
    let proof = with(json!({"htm": "GET", "htu": "https://api.example.com/", "ath": "x"}));
    let refresh = with(json!({"typ": "Refresh"}));
    let none: &[&str] = &[];
    for (name, typ, claims, expected) in [
        ("typed access token", Some("at+jwt"), &access, &["access", "untyped access"][..]),
        ("untyped access token", None, &access, &["untyped access"]),
        ("ID token", None, &id, &["ID"]),
        ("ID token typed JWT", Some("JWT"), &id, &["ID"]),
        ("logout token", Some("logout+jwt"), &logout, &["logout"]),
        ("logout token typed JWT", Some("JWT"), &logout, &["logout"]),
        ("DPoP proof", Some("dpop+jwt"), &proof, none),
        ("DPoP proof typed JWT", Some("JWT"), &proof, none),
        ("refresh token of Keycloak", None, &refresh, none),
        ("security event", Some("secevent+jwt"), &logout, none),
        ("claims of a logout under the type of an access token", Some("at+jwt"), &logout, none),
        ("introspection answer", Some("token-introspection+jwt"), &access, none),
    ] {
        assert_eq!(accepted_as(typ, claims), expected, "{name}");
    }
}
