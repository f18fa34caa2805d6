//! Bodies of fuzz targets, as ordinary functions that also run under `cargo test`.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use crate::jws::algorithm::AlgorithmSet;
use crate::{
    AccessTokenProfile, Claims, DEFAULT_MAX_LIFETIME, DpopExpected, GroupRules, IdTokenProfile, KeySet,
    LoginExpected, Occasion, Token, accept_access_token, accept_dpop_proof, accept_id_token,
    accept_logout_token, peek_issuer,
};

const ISSUER: &str = "https://login.example.com";

/// The key of RFC 8037 appendix A.2: whoever knows its private part is not a fuzzer.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let set = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    KeySet::from_jwks(set).unwrap_or_default()
});

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_219_200)
}

fn access_tokens() -> AccessTokenProfile {
    AccessTokenProfile {
        provider: Arc::from("corp"),
        issuer: ISSUER.into(),
        audiences: vec!["api".to_owned()],
        audience_claims: vec!["aud".to_owned()],
        login_client: None,
        types: vec!["at+jwt".to_owned(), "jwt".to_owned()],
        algorithms: AlgorithmSet::all(),
        scope_claims: vec!["scope".to_owned(), "scp".to_owned()],
        client_id_claims: vec!["client_id".to_owned()],
        groups: GroupRules::default(),
        skew: Duration::from_secs(60),
        max_lifetime: DEFAULT_MAX_LIFETIME,
    }
}

fn id_tokens() -> IdTokenProfile {
    IdTokenProfile {
        issuer: ISSUER.into(),
        client_id: "ostia".to_owned(),
        trusted_audiences: Vec::new(),
        algorithms: AlgorithmSet::all(),
        skew: Duration::from_secs(60),
    }
}

/// A token of arbitrary bytes, judged as every kind there is: nothing panics, nothing unsigned is accepted.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = peek_issuer(text);
    let Ok(token) = Token::parse(text) else { return };
    assert!(accept_access_token(&token, &KEYS, &access_tokens(), now()).is_err());
    let ours = id_tokens();
    assert!(accept_logout_token(&token, &KEYS, &ours, now()).is_err());
    let occasion = Occasion::Login(LoginExpected { nonce: "n", ..LoginExpected::default() });
    assert!(accept_id_token(&token, &KEYS, &ours, &occasion, now()).is_err());
}

/// A key set of arbitrary bytes: nothing panics, and a second reading says the same.
pub fn key_set(bytes: &[u8]) {
    let (one, two) = (KeySet::from_jwks(bytes), KeySet::from_jwks(bytes));
    assert_eq!(one.as_ref().err(), two.as_ref().err());
    if let (Ok(one), Ok(two)) = (one, two) {
        assert_eq!(one.keys().len(), two.keys().len());
        assert!(two.succeed(&one).keys().iter().all(|key| key.is_live()));
    }
}

/// Claims of arbitrary bytes, as if they were signed: every rule runs, nothing panics, and what is accepted is ours.
pub fn claims(bytes: &[u8]) {
    let Ok(claims) = Claims::parse(bytes.to_vec()) else { return };
    let accepted = crate::access_token::judge(claims, None, &access_tokens(), now());
    if let Ok(accepted) = accepted {
        assert_eq!(&*accepted.identity.issuer, ISSUER);
        assert!(!accepted.identity.subject.is_empty());
        assert!(accepted.not_after > now());
    }
}

/// Claims of a logout token of arbitrary bytes, as if they were signed: nothing panics, and what is accepted names
/// somebody, has a name of its own and is worth something for a few minutes.
pub fn logout_token(bytes: &[u8]) {
    let Ok(claims) = Claims::parse(bytes.to_vec()) else { return };
    if let Ok(accepted) = crate::logout_token::judge(&claims, &id_tokens(), now()) {
        assert!(accepted.subject.is_some() || accepted.session.is_some());
        assert!(!accepted.id.is_empty());
        assert!(accepted.worthless_at > now() - Duration::from_secs(60));
        assert!(accepted.worthless_at < now() + Duration::from_secs(600));
    }
}

/// A DPoP proof of arbitrary bytes: nothing panics, and nothing is accepted, for nobody has a key of this thumbprint.
pub fn dpop_proof(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let expected = DpopExpected {
        method: "GET",
        target: "https://api.example.com/orders",
        access_token: "token",
        key_thumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
        algorithms: AlgorithmSet::all(),
        window: Duration::from_secs(60),
    };
    assert!(accept_dpop_proof(text, &expected, now()).is_err());
    assert!(!crate::dpop::same_target(text, "https://api.example.com/orders") || text.len() >= 30);
}

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// The targets, named as the folders of `corpus/` are.
pub const TARGETS: [Target; 5] = [
    ("token", token),
    ("key_set", key_set),
    ("claims", claims),
    ("logout_token", logout_token),
    ("dpop_proof", dpop_proof),
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_replays() {
        ostia_testkit::replay(env!("CARGO_MANIFEST_DIR"), &super::TARGETS, 40);
    }
}
