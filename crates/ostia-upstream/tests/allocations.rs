//! A pick allocates nothing, by any algorithm, with any number of servers.

#![expect(unsafe_code, reason = "an allocator that counts is the only way to see an allocation")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ostia_config::upstream::{Affinity, Balance, KeepAlive, Retry, Server, Timeouts, Upstream};
use ostia_upstream::{Ask, Group, Tried};

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

fn group(count: u16, balance: Balance) -> Arc<Group> {
    let address = |n: u16| SocketAddr::from(([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]], 8080));
    let minute = Duration::from_secs(60);
    let section = Upstream {
        name: "app".into(),
        servers: (0..count).map(|n| Server::at(address(n))).collect(),
        balance,
        affinity: Affinity::Session,
        bounded_load: 1.25,
        health_check: None,
        outlier: None,
        panic_threshold: 0.0,
        slow_start: minute,
        drain_timeout: minute,
        zones: Vec::new(),
        retry: Retry { attempts: 1 },
        timeouts: Timeouts { connect: minute, between_bytes: minute, idle: minute },
        keep_alive: KeepAlive { idle: minute },
    };
    Group::compile(Arc::new(section), &Arc::default())
}

#[test]
fn a_pick_allocates_nothing() {
    let balances = [Balance::RoundRobin, Balance::Random, Balance::LeastRequests, Balance::ConsistentHash];
    for balance in balances {
        for count in [1, 10, 1000] {
            let group = group(count, balance);
            let (tried, now) = (Tried::default(), Instant::now());
            let pick = |n: u64| {
                let key = n.to_be_bytes();
                let ask = Ask { key: Some(&key), born: None, pinned: None, tried: &tried, now };
                let picked = group.pick(&ask).unwrap();
                picked.answered(&group, 200);
            };
            // The first one of a thread prepares what is kept for it.
            pick(0);
            let before = COUNT.with(Cell::get);
            (0..1000).for_each(pick);
            assert_eq!(COUNT.with(Cell::get) - before, 0, "{balance:?}, {count} servers");
        }
    }
}
