//! First sight of a token, beside the bare signature that it contains (promise Q4: at most 5 µs over it).
//!
//! `over the signature` is the promise: both are timed in turns, and the median of their differences is told.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot begin may end here")]
#![expect(clippy::print_stdout, reason = "criterion knows no differences")]

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    ED25519 as ED25519_VERIFICATION, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, VerificationAlgorithm,
};
use criterion::{Criterion, criterion_group, criterion_main};
use ostia_identity::{
    AccessTokenProfile, AlgorithmSet, Claims, DEFAULT_MAX_LIFETIME, GroupRules, KeySet, Token,
    accept_access_token, peek_issuer,
};
use serde_json::{Value, json};

#[path = "../tests/it/signer.rs"]
#[expect(dead_code, reason = "the benches need fewer keys than the tests")]
mod signer;

use signer::{ED25519, P256, P384, P521, RSA, Signer};

/// That of the command, as a token's cost is in part that of its allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: u64 = 1_795_219_200;

fn claims() -> Value {
    json!({
        "iss": "https://login.example.com/realms/corp", "aud": ["https://api.example.com", "account"],
        "sub": "f7b1c0f2-6a55-4a27-9e5c-0d3d7f3f8a11", "exp": NOW + 300, "iat": NOW, "nbf": NOW, "jti": "4c9d2c1e-0a3f-4a43",
        "client_id": "ostia", "azp": "ostia", "scope": "openid profile email orders.read orders.write",
        "groups": ["staff", "finance-readers", "berlin", "on-call", "everyone"], "email": "someone@example.com",
        "email_verified": true, "name": "Some One", "preferred_username": "someone",
        "realm_access": {"roles": ["offline_access", "uma_authorization", "default-roles-corp"]},
        "session_state": "0e5e9c8e-52e1-4b1c-9a39-2f70a9d9b3f0", "acr": "1",
    })
}

fn profile() -> AccessTokenProfile {
    AccessTokenProfile {
        provider: "corp".into(),
        issuer: "https://login.example.com/realms/corp".into(),
        audiences: vec!["https://api.example.com".to_owned()],
        audience_claims: vec!["aud".to_owned()],
        login_client: None,
        types: vec!["at+jwt".to_owned()],
        algorithms: AlgorithmSet::all(),
        scope_claims: vec!["scope".to_owned(), "scp".to_owned()],
        client_id_claims: vec!["client_id".to_owned()],
        groups: GroupRules::default(),
        skew: Duration::from_secs(60),
        max_lifetime: DEFAULT_MAX_LIFETIME,
    }
}

fn first_sight(bench: &mut Criterion) {
    let keys = [&RSA, &P256, &P384, &P521, &ED25519].map(|signer| signer.jwk());
    let keys = json!({ "keys": keys }).to_string();
    let keys = KeySet::from_jwks(keys.as_bytes()).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let profile = profile();
    let measured = std::env::args().any(|argument| argument == "--bench");
    let cases: [(&str, &Signer, Parameters); 10] = [
        ("RS256", &RSA, Parameters::Rsa(&RSA_PKCS1_2048_8192_SHA256)),
        ("RS384", &RSA, Parameters::Rsa(&RSA_PKCS1_2048_8192_SHA384)),
        ("RS512", &RSA, Parameters::Rsa(&RSA_PKCS1_2048_8192_SHA512)),
        ("PS256", &RSA, Parameters::Rsa(&RSA_PSS_2048_8192_SHA256)),
        ("PS384", &RSA, Parameters::Rsa(&RSA_PSS_2048_8192_SHA384)),
        ("PS512", &RSA, Parameters::Rsa(&RSA_PSS_2048_8192_SHA512)),
        ("ES256", &P256, Parameters::Curve(&ECDSA_P256_SHA256_FIXED)),
        ("ES384", &P384, Parameters::Curve(&ECDSA_P384_SHA384_FIXED)),
        ("ES512", &P521, Parameters::Curve(&ECDSA_P521_SHA512_FIXED)),
        ("EdDSA", &ED25519, Parameters::Curve(&ED25519_VERIFICATION)),
    ];
    for (alg, signer, parameters) in cases {
        let token = signer.access_token(alg, &claims());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        // Of this token: what another signature of the same text costs may differ by more than what is measured.
        let signature = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap();
        let key = parsed(signer, parameters);
        let alone = || key.verify_sig(black_box(signed.as_bytes()), black_box(&signature)).unwrap();
        let whole = || {
            let token = Token::parse(black_box(&token)).unwrap();
            accept_access_token(&token, &keys, &profile, now).unwrap()
        };
        bench.bench_function(&format!("{alg}/signature alone"), |bench| bench.iter(alone));
        bench.bench_function(&format!("{alg}/whole token"), |bench| bench.iter(whole));
        // A test runner lists and tries the benches: it measures nothing, and cannot read what is printed here.
        if measured {
            tell_difference(alg, whole, alone);
        }
    }
    let token = RSA.access_token("RS256", &claims());
    bench.bench_function("header only", |bench| bench.iter(|| Token::parse(black_box(&token)).unwrap()));
    bench.bench_function("issuer only", |bench| bench.iter(|| peek_issuer(black_box(&token)).unwrap()));
}

/// Tells what a token costs over its signature: both are timed in turns, the median of their differences counts.
fn tell_difference<T, U>(alg: &str, whole: impl Fn() -> T, alone: impl Fn() -> U) {
    const PAIRS: usize = 4001;
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    let mut differences: Vec<f64> = (0..PAIRS).map(|_| us(time_of(&whole)) - us(time_of(&alone))).collect();
    differences.sort_by(f64::total_cmp);
    println!("{alg}/over the signature: {:.2} µs, the median of {PAIRS} pairs", differences[PAIRS / 2]);
}

fn time_of<T>(work: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    black_box(work());
    began.elapsed()
}

#[derive(Clone, Copy)]
enum Parameters {
    Rsa(&'static RsaParameters),
    Curve(&'static dyn VerificationAlgorithm),
}

fn parsed(signer: &Signer, parameters: Parameters) -> ParsedPublicKey {
    let jwk = signer.jwk();
    let bytes = |name: &str| base64_simd::URL_SAFE_NO_PAD.decode_to_vec(jwk[name].as_str().unwrap()).unwrap();
    match parameters {
        Parameters::Rsa(parameters) => {
            let components = aws_lc_rs::rsa::PublicKeyComponents { n: bytes("n"), e: bytes("e") };
            components.to_parsed_public_key(parameters).unwrap()
        }
        Parameters::Curve(curve) => {
            let point =
                if jwk["kty"] == "OKP" { bytes("x") } else { [vec![4], bytes("x"), bytes("y")].concat() };
            ParsedPublicKey::new(curve, point).unwrap()
        }
    }
}

fn reading_claims(bench: &mut Criterion) {
    let text = claims().to_string();
    bench.bench_function("claims/strict JSON", |bench| {
        bench.iter(|| Claims::parse(black_box(text.as_bytes()).to_vec()).unwrap())
    });
    let claims = Claims::parse(text.into_bytes()).unwrap();
    let nested = ["realm_access".to_owned(), "roles".to_owned()];
    bench.bench_function("claims/top level", |bench| bench.iter(|| claims.get(black_box("groups"))));
    bench.bench_function("claims/nested", |bench| {
        bench.iter(|| claims.at(black_box("realm_access.roles"), &nested))
    });
}

criterion_group!(benches, first_sight, reading_claims);
criterion_main!(benches);
