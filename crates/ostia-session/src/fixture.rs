//! What tests and benches begin with.

#![expect(clippy::unwrap_used, reason = "a test or bench that cannot begin may end here")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::provider::Client;
use ostia_config::{Name, Provider, Sessions};
use ostia_identity::Claims;

use crate::{Grant, KeyRing, Session, SessionCookies, SignedIn, Token};

/// The host of most tests.
pub(crate) const HOST: &str = "portal.example.com";

/// The time of most tests.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A key line that differs by `seed`.
pub(crate) fn key_line(seed: u8) -> String {
    let key = std::array::from_fn(|at| u8::try_from(at).unwrap().wrapping_mul(7) ^ seed);
    KeyRing::generate_line(key)
}

/// A ring of these keys, the first one seals.
pub(crate) fn ring(seeds: &[u8]) -> Arc<KeyRing> {
    let lines: String = seeds.iter().map(|seed| key_line(*seed)).collect();
    Arc::new(KeyRing::parse(&lines).unwrap())
}

/// A provider that people sign in through.
pub(crate) fn provider(name: &str, issuer: &str, client_id: &str) -> Provider {
    Provider { client: Some(Client::new(client_id)), ..Provider::new(Name::from(name), issuer) }
}

/// The providers `corp` and `partner`.
pub(crate) fn providers() -> BTreeMap<Name, Arc<Provider>> {
    let providers = [
        provider("corp", "https://login.example.com", "ostia"),
        provider("partner", "https://login.partner.example", "ostia"),
    ];
    providers.into_iter().map(|provider| (provider.name.clone(), Arc::new(provider))).collect()
}

/// Session cookies under key 1.
pub(crate) fn cookies() -> SessionCookies {
    SessionCookies::new(ring(&[1]), &Sessions::default(), &providers()).unwrap()
}

/// Somebody who signed in at `corp`.
pub(crate) fn alice() -> SignedIn {
    let claims = serde_json::json!({
        "sub": "alice", "iss": "https://login.example.com", "email": "alice@example.com",
        "groups": ["staff", "finance"], "sid": "08a5019c", "acr": "phr",
    });
    SignedIn {
        provider: "corp".into(),
        issuer: "https://login.example.com".into(),
        subject: "alice".into(),
        claims: Claims::new(claims.as_object().unwrap().clone()),
        scopes: vec!["openid".to_owned(), "profile".to_owned()],
        auth_time: Some(now() - Duration::from_secs(5)),
    }
}

/// What the token endpoint gave for her.
pub(crate) fn grant() -> Grant {
    Grant {
        access_token: None,
        access_expires_at: Some(now() + Duration::from_secs(300)),
        refresh_token: Some(Token::new("RuYtE0yHgl0Sd8NpDzYJ3DS2M4mJ1pWvU2xjJhqdIRM")),
        id_token: None,
        proof_key: None,
    }
}

/// Her session, begun now.
pub(crate) fn session() -> Session {
    Session::begin(alice(), grant(), (&Sessions::default()).into(), now()).unwrap()
}

/// A JWT-like token of about `bytes` bytes in its payload, with bytes that no compression shortens.
pub(crate) fn jwt(bytes: usize) -> String {
    let encode = |bytes: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes);
    let payload: Vec<u8> = (0..bytes).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect();
    [encode(br#"{"alg":"RS256","kid":"k1"}"#), encode(&payload), encode(&[0xA5; 256])].join(".")
}

/// The cookies that a browser has after these `Set-Cookie` fields, on top of those it had.
pub(crate) fn jar(before: &[(String, String)], fields: &[http::HeaderValue]) -> Vec<(String, String)> {
    let mut jar = before.to_vec();
    for field in fields {
        let field = field.to_str().unwrap();
        let (pair, attributes) = field.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        assert!(field.len() <= 4096, "a browser drops a cookie of {} bytes", field.len());
        jar.retain(|(other, _)| other != name);
        if !attributes.contains("Max-Age=0;") {
            jar.push((name.to_owned(), value.to_owned()));
        }
    }
    jar
}

/// A jar as a request presents it.
pub(crate) fn presented(jar: &[(String, String)]) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    jar.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}
