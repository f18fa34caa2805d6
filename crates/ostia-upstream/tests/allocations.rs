//! A pick allocates nothing, by any algorithm, with any number of servers.

use std::time::{Duration, Instant};

use ostia_config::Upstream;
use ostia_testkit::{Counting, allocations_of};
use ostia_upstream::{Ask, Tried};

mod fixture;

use fixture::{BALANCES, group, section};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_pick_allocates_nothing() {
    let made = || drop(section(1, BALANCES[0]));
    assert!(allocations_of(made) > 0, "the count does count");
    for balance in BALANCES {
        for count in [1, 10, 1000] {
            let group = group(Upstream { slow_start: Duration::from_secs(60), ..section(count, balance) });
            let (tried, now) = (Tried::default(), Instant::now());
            let pick = |n: u64| {
                let key = n.to_be_bytes();
                let ask = Ask { key: Some(&key), born: None, pinned: None, tried: &tried, now };
                let picked = group.pick(&ask).unwrap();
                picked.answered(&group, 200);
            };
            // The first one of a thread prepares what is kept for it.
            pick(0);
            assert_eq!(allocations_of(|| (0..1000).for_each(pick)), 0, "{balance:?}, {count} servers");
        }
    }
}
