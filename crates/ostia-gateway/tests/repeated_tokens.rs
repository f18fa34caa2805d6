//! A token that was seen before: one look-up, whatever its algorithm; no signature, no allocation, and no longer than
//! its verdict holds.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot begin has failed")]
#![expect(unsafe_code, reason = "an allocator that counts is the only way to see an allocation")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::IdentityHeaders;
use ostia_gateway::projection::Projection;
use ostia_gateway::recognised::{CacheKey, LONGEST_VERDICT, Look, Recognised, RecognisedCache};
use ostia_identity::{
    AccessTokenProfile, AlgorithmSet, DEFAULT_MAX_LIFETIME, GroupRules, KeySet, Token, VerifiedToken,
    accept_access_token,
};
use serde_json::json;

#[path = "../../ostia-identity/tests/it/signer.rs"]
#[expect(dead_code, reason = "one key of each kind is enough here")]
mod signer;

use signer::{ED25519, P256, P384, P521, RSA, Signer};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: it came from `alloc` above, which is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const NOW: u64 = 1_795_219_200;
const JUDGES: &[u8] = b"corp";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn algorithms() -> [(&'static str, &'static Signer); 10] {
    [
        ("RS256", &RSA),
        ("RS384", &RSA),
        ("RS512", &RSA),
        ("PS256", &RSA),
        ("PS384", &RSA),
        ("PS512", &RSA),
        ("ES256", &P256),
        ("ES384", &P384),
        ("ES512", &P521),
        ("EdDSA", &ED25519),
    ]
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
    for (alg, signer) in algorithms() {
        let token = token(alg, signer, 300);
        // The keys are gone after this: nothing that follows could check a signature.
        let of_before = remember(&cache, &token, &keys(signer), at(NOW));
        let before = COUNT.with(Cell::get);
        for _ in 0..100 {
            let key = cache.token_key(JUDGES, &token);
            assert!(key == of_before);
            let Look::Holds(known) = cache.look(&key, at(NOW + 1)) else { panic!("{alg} is not known") };
            assert_eq!(&*known.identity.subject, "robot");
        }
        assert_eq!(COUNT.with(Cell::get) - before, 0, "{alg}");
    }
    let before = COUNT.with(Cell::get);
    drop(token("EdDSA", &ED25519, 300));
    assert!(COUNT.with(Cell::get) > before, "the count does count");
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
