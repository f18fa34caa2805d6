//! What choosing a server costs, by the number of servers.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ostia_config::upstream::{Affinity, Balance, KeepAlive, Retry, Server, Timeouts, Upstream};
use ostia_upstream::{Group, Tried};

fn group(count: u16, balance: Balance) -> Arc<Group> {
    let address = |n: u16| ([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]], 8080).into();
    let server = |n| Server { address: address(n), weight: 1, backup: false };
    let minute = Duration::from_secs(60);
    let section = Upstream {
        name: "bench".into(),
        servers: (0..count).map(server).collect(),
        balance,
        affinity: Affinity::Session,
        bounded_load: 1.25,
        health_check: None,
        retry: Retry { attempts: 1 },
        timeouts: Timeouts { connect: minute, between_bytes: minute, idle: minute },
        keep_alive: KeepAlive { idle: minute },
    };
    Group::compile(Arc::new(section), None)
}

fn pick(criterion: &mut Criterion) {
    let keys: Vec<[u8; 16]> = (0..1024_u128)
        .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes())
        .collect();
    for (name, balance) in
        [("round_robin", Balance::RoundRobin), ("consistent_hash", Balance::ConsistentHash)]
    {
        let mut benches = criterion.benchmark_group(name);
        for count in [1, 10, 100, 1000] {
            let group = group(count, balance);
            let mut keys = keys.iter().cycle();
            benches.bench_function(BenchmarkId::from_parameter(count), |bencher| {
                bencher.iter(|| group.pick(black_box(keys.next().map(|key| &key[..])), &Tried::default()));
            });
        }
        benches.finish();
    }
}

criterion_group!(benches, pick);
criterion_main!(benches);
