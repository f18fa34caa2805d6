//! The issuer, the audience and the moment that all tests share.

use std::time::{Duration, SystemTime};

use ostia_identity::{
    AccessTokenProfile, AlgorithmSet, DEFAULT_MAX_LIFETIME, GroupRules, KeySet, Token, TokenRefused,
    VerifiedToken, accept_access_token,
};
use serde_json::{Value, json};

use crate::signer::{ED25519, P256, P384, P521, RSA, Signer};

pub(crate) const ISSUER: &str = "https://login.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";
/// 2026-11-21, in seconds.
pub(crate) const NOW: u64 = 1_795_219_200;

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn profile() -> AccessTokenProfile {
    AccessTokenProfile {
        provider: "corp".into(),
        issuer: ISSUER.into(),
        audiences: vec!["https://other.example.com".to_owned(), AUDIENCE.to_owned()],
        audience_claims: vec!["aud".to_owned()],
        login_client: None,
        types: vec!["at+jwt".to_owned(), "application/at+jwt".to_owned()],
        algorithms: AlgorithmSet::all(),
        scope_claims: vec!["scope".to_owned(), "scp".to_owned()],
        client_id_claims: vec!["client_id".to_owned(), "azp".to_owned()],
        groups: GroupRules::default(),
        skew: Duration::from_secs(60),
        max_lifetime: DEFAULT_MAX_LIFETIME,
    }
}

/// [`profile`] for an issuer that does not type its access tokens.
pub(crate) fn untyped_profile() -> AccessTokenProfile {
    AccessTokenProfile { types: vec!["at+jwt".to_owned(), "jwt".to_owned()], ..profile() }
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "exp": NOW + 300, "iat": NOW, "nbf": NOW,
        "client_id": "cli", "jti": "0001", "scope": "orders.read orders.write", "groups": ["staff"],
    })
}

/// [`claims`] with some replaced; `null` takes one away.
pub(crate) fn claims_with(changes: Value) -> Value {
    edited(claims(), &changes)
}

/// An object with some members replaced; `null` takes one away.
pub(crate) fn edited(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => object.as_object_mut().unwrap().remove(name),
            value => object.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    object
}

pub(crate) fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

/// The set with one key of each kind.
pub(crate) fn keys() -> KeySet {
    let signers: [&Signer; 5] = [&RSA, &P256, &P384, &P521, &ED25519];
    KeySet::from_jwks(&jwks(&signers.map(Signer::jwk))).unwrap()
}

pub(crate) fn accept(token: &str) -> Result<VerifiedToken, TokenRefused> {
    accept_by(token, &profile())
}

pub(crate) fn accept_by(token: &str, profile: &AccessTokenProfile) -> Result<VerifiedToken, TokenRefused> {
    accept_access_token(&Token::parse(token)?, &keys(), profile, at(NOW))
}

/// The reason a token is refused for, `accepted` when it is not.
pub(crate) fn verdict(result: Result<VerifiedToken, TokenRefused>) -> &'static str {
    result.map_or_else(|refused| refused.slug(), |_| "accepted")
}
