//! What a repeated credential costs: the digest and the look-up; and what the first sight adds: claims to fields.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderName;
use ostia_config::IdentityHeaders;
use ostia_config::identity::ClaimHeader;
use ostia_config::policy::ClaimPath;
use ostia_gateway::projection::Projection;
use ostia_gateway::recognised::{Kind, Recognised, RecognisedCache};
use ostia_identity::{Claims, Identity, Proof};

fn headers() -> IdentityHeaders {
    let field = |name: &'static str, claim: &str| {
        let claim = ClaimPath::parse(claim)?;
        Some(ClaimHeader { header: HeaderName::from_static(name), claim, after_issuer: false })
    };
    let fields =
        [("x-forwarded-user", "sub"), ("x-forwarded-email", "email"), ("x-forwarded-groups", "groups")];
    IdentityHeaders {
        preset: None,
        headers: fields.into_iter().filter_map(|(name, claim)| field(name, claim)).collect(),
        token_headers: Vec::new(),
        pass_access_token: false,
        assertions: Vec::new(),
        assertion_issuer: String::new(),
        assertion_keys_file: None,
    }
}

fn identity() -> Identity {
    let claims = serde_json::json!({
        "sub": "5f2c7c0e-1b7e-4b36-9d5c-8a4f7d8f3f10",
        "email": "ana@example.com",
        "groups": ["staff", "finance", "on-call"],
    });
    Identity {
        provider: Arc::from("corp"),
        issuer: Arc::from("https://login.example.com"),
        subject: Arc::from("5f2c7c0e-1b7e-4b36-9d5c-8a4f7d8f3f10"),
        claims: Claims::new(claims.as_object().cloned().unwrap_or_default()),
        scopes: vec!["openid".to_owned()],
        proof: Proof::Bearer,
        expires_at: SystemTime::now() + Duration::from_secs(3600),
    }
}

fn recognise(criterion: &mut Criterion) {
    let (projection, identity) = (Projection::new(&headers()), identity());
    criterion.bench_function("project three claims", |bencher| {
        bencher.iter(|| projection.of(black_box(&identity), None));
    });

    let Ok(cache) = RecognisedCache::new() else { return };
    let token = "e".repeat(1202);
    let now = SystemTime::now();
    let known = Arc::new(Recognised {
        ties: None,
        signed_in_at: None,
        fields: projection.of(&identity, None),
        identity: Arc::new(identity),
        session_id: None,
        bound: None,
        key: None,
        valid_until: now + Duration::from_secs(3600),
    });
    cache.put(cache.key(Kind::Bearer, [token.as_bytes()]), &known);
    criterion.bench_function("know a token of 1,202 bytes again", |bencher| {
        bencher.iter(|| cache.get(&cache.key(Kind::Bearer, [black_box(token.as_bytes())]), now));
    });
}

criterion_group!(benches, recognise);
criterion_main!(benches);
