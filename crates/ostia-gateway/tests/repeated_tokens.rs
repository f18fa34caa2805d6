//! A token that was seen before: one look-up, whatever its algorithm; no signature, no allocation, and no longer than
//! its verdict holds.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot begin has failed")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::IdentityHeaders;
use ostia_gateway::projection::Projection;
use ostia_gateway::recognised::{CacheKey, LONGEST_VERDICT, Look, Recognised, RecognisedCache};
use ostia_identity::{
    AccessTokenProfile, AlgorithmSet, DEFAULT_MAX_LIFETIME, GroupRules, KeySet, Token, VerifiedToken,
    accept_access_token,
};
use ostia_testkit::{Counting, allocations_of};
use serde_json::json;

#[path = "../../ostia-identity/tests/it/signer.rs"]
#[expect(dead_code, reason = "one key of each kind is enough here")]
mod signer;

use signer::{ED25519, Signer};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const NOW: u64 = 1_795_219_200;
const JUDGES: &[u8] = b"corp";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn token(alg: &str, signer: &Signer, lives: u64) -> String {
    let claims = json!({
        "iss": "https://login.example.com", "aud": "api", "sub": "robot", "iat": NOW, "exp": NOW + lives,
        "groups": ["staff"], "pad": "p".repeat(800),
    });
    signer.access_token(alg, &claims)
}

fn keys(signer: &Signer) -> KeySet {
    KeySet::from_jwks(json!({ "keys": [signer.jwk()] }).to_string().as_bytes()).unwrap()
}

fn verified(token: &str, keys: &KeySet, now: SystemTime) -> VerifiedToken {
    let profile = AccessTokenProfile {
        provider: "corp".into(),
        issuer: "https://login.example.com".into(),
        audiences: vec!["api".to_owned()],
        audience_claims: vec!["aud".to_owned()],
        login_client: None,
        types: vec!["at+jwt".to_owned()],
        algorithms: AlgorithmSet::all(),
        scope_claims: Vec::new(),
        client_id_claims: Vec::new(),
        groups: GroupRules::default(),
        skew: Duration::from_secs(60),
        max_lifetime: DEFAULT_MAX_LIFETIME,
    };
    accept_access_token(&Token::parse(token).unwrap(), keys, &profile, now).unwrap()
}

fn remember(cache: &RecognisedCache, token: &str, keys: &KeySet, now: SystemTime) -> CacheKey {
    let nothing_told = Projection::new(&IdentityHeaders {
        preset: None,
        headers: Vec::new(),
        token_headers: Vec::new(),
        pass_access_token: false,
        assertions: Vec::new(),
        assertion_issuer: String::new(),
        assertion_keys_file: None,
    });
    let key = cache.token_key(JUDGES, token);
    let recognised = Recognised::by_token(token, verified(token, keys, now), &nothing_told, now);
    cache.put(key, &Arc::new(recognised));
    key
}

fn holds(cache: &RecognisedCache, key: &CacheKey, now: SystemTime) -> bool {
    matches!(cache.look(key, now), Look::Holds(_))
}

#[test]
fn a_repeated_token_of_any_algorithm_is_one_look_up_without_allocation() {
    let cache = RecognisedCache::new().unwrap();
    for (alg, signer) in signer::every_algorithm() {
        let token = token(alg, signer, 300);
        // The keys are gone after this: nothing that follows could check a signature.
        let of_before = remember(&cache, &token, &keys(signer), at(NOW));
        let look_up = || {
            let key = cache.token_key(JUDGES, &token);
            assert!(key == of_before);
            let Look::Holds(known) = cache.look(&key, at(NOW + 1)) else { panic!("{alg} is not known") };
            assert_eq!(&*known.identity.subject, "robot");
        };
        assert_eq!(allocations_of(|| (0..100).for_each(|_| look_up())), 0, "{alg}");
    }
    assert!(allocations_of(|| drop(token("EdDSA", &ED25519, 300))) > 0, "the count does count");
}

#[test]
fn a_token_is_judged_again_after_five_minutes_however_long_it_lives() {
    assert_eq!(LONGEST_VERDICT, Duration::from_secs(300));
    let cache = RecognisedCache::new().unwrap();
    let token = token("EdDSA", &ED25519, 3600);
    let keys = keys(&ED25519);
    let key = remember(&cache, &token, &keys, at(NOW));
    assert!(holds(&cache, &key, at(NOW + 299)));
    for again in [300, 301, 3000] {
        assert!(matches!(cache.look(&key, at(NOW + again)), Look::Held), "{again}");
    }
    remember(&cache, &token, &keys, at(NOW + 301));
    assert!(holds(&cache, &key, at(NOW + 600)), "from the second look on, five minutes again");
    assert!(!holds(&cache, &key, at(NOW + 601)));
    remember(&cache, &token, &keys, at(NOW + 3599));
    assert!(holds(&cache, &key, at(NOW + 3659)));
    assert!(!holds(&cache, &key, at(NOW + 3660)), "but never longer than its own end and the skew");
    cache.forget(&key);
    assert!(matches!(cache.look(&key, at(NOW)), Look::Unknown));
}

#[test]
fn a_verdict_ends_at_once_when_the_issuer_takes_the_key_away() {
    let cache = RecognisedCache::new().unwrap();
    let keys = keys(&ED25519);
    let key = remember(&cache, &token("EdDSA", &ED25519, 3600), &keys, at(NOW));
    assert!(holds(&cache, &key, at(NOW + 1)));
    keys.retire();
    assert!(matches!(cache.look(&key, at(NOW + 1)), Look::Held));
}
