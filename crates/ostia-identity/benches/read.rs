//! The parts of first sight that are not its signature: header, issuer, claims.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot begin may end here")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ostia_identity::{Claims, Token, peek_issuer};

#[path = "verify/everyday.rs"]
#[expect(dead_code, reason = "nothing is accepted here")]
mod everyday;
#[path = "../tests/it/signer.rs"]
#[expect(dead_code, reason = "the benches need fewer keys than the tests")]
mod signer;

/// That of the command, as a token's cost is in part that of its allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn reading(bench: &mut Criterion) {
    let token = signer::RSA.access_token("RS256", &everyday::claims());
    bench.bench_function("header only", |bench| bench.iter(|| Token::parse(black_box(&token)).unwrap()));
    bench.bench_function("issuer only", |bench| bench.iter(|| peek_issuer(black_box(&token)).unwrap()));
    let text = everyday::claims().to_string();
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

criterion_group!(benches, reading);
criterion_main!(benches);
