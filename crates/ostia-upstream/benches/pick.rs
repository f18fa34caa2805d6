//! What choosing a server costs, by the algorithm and the number of servers.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ostia_config::upstream::{Affinity, Balance, KeepAlive, Retry, Server, Timeouts, Upstream};
use ostia_upstream::{Ask, Group, Picked, Tried};

fn group(count: u16, balance: Balance) -> Arc<Group> {
    let address = |n: u16| SocketAddr::from(([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]], 8080));
    let minute = Duration::from_secs(60);
    let section = Upstream {
        name: "bench".into(),
        servers: (0..count).map(|n| Server::at(address(n))).collect(),
        balance,
        affinity: Affinity::Session,
        bounded_load: 1.25,
        health_check: None,
        outlier: None,
        panic_threshold: 0.0,
        slow_start: Duration::ZERO,
        drain_timeout: minute,
        zones: Vec::new(),
        retry: Retry { attempts: 1 },
        timeouts: Timeouts { connect: minute, between_bytes: minute, idle: minute },
        keep_alive: KeepAlive { idle: minute },
    };
    Group::compile(Arc::new(section), &Arc::default())
}

fn pick(criterion: &mut Criterion) {
    let keys: Vec<[u8; 16]> = (0..1024_u128)
        .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes())
        .collect();
    let balances = [Balance::RoundRobin, Balance::Random, Balance::LeastRequests, Balance::ConsistentHash];
    for balance in balances {
        let mut benches = criterion.benchmark_group(balance.word());
        for count in [1, 10, 100, 1000] {
            let group = group(count, balance);
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
