//! What choosing a server costs, by the algorithm and the number of servers.

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ostia_upstream::{Ask, Picked, Tried};

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use fixture::{BALANCES, group, section};

fn pick(criterion: &mut Criterion) {
    let keys: Vec<[u8; 16]> = (0..1024_u128)
        .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes())
        .collect();
    for balance in BALANCES {
        let mut benches = criterion.benchmark_group(balance.word());
        for count in [1, 10, 100, 1000] {
            let group = group(section(count, balance));
            let (tried, now) = (Tried::default(), Instant::now());
            let mut keys = keys.iter().cycle();
            let mut ask = || {
                let key = black_box(keys.next().map(|key| &key[..]));
                group.pick(&Ask { key, born: None, pinned: None, tried: &tried, now })
            };
            // Requests in flight, as on a busy node: the loads differ.
            let _busy: Vec<Option<Picked>> = (0..256).map(|_| ask()).collect();
            benches.bench_function(BenchmarkId::from_parameter(count), |bencher| bencher.iter(&mut ask));
        }
        benches.finish();
    }
}

criterion_group!(benches, pick);
criterion_main!(benches);
