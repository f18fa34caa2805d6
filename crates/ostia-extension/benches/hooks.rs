//! What extensions cost a request: nothing where there are none, some calls where their hooks do nothing.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue};
use ostia_extension::Extension;

#[path = "../tests/pass/mod.rs"]
mod pass;

use pass::{Busy, Idle, pass};

fn hooks(bench: &mut Criterion) {
    let headers: HeaderMap = [(http::header::ACCEPT, HeaderValue::from_static("*/*"))].into_iter().collect();
    let cases: [(&str, Vec<Arc<dyn Extension>>); 3] = [
        ("none", vec![]),
        ("one that does nothing", vec![Arc::new(Idle)]),
        ("one that sets a field", vec![Arc::new(Busy)]),
    ];
    for (name, extensions) in &cases {
        bench.bench_function(&format!("a request past extensions/{name}"), |bench| {
            bench.iter(|| pass(black_box(extensions), black_box(&headers)));
        });
    }
}

criterion_group!(benches, hooks);
criterion_main!(benches);
