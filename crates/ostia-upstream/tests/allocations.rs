//! A pick allocates nothing, by any algorithm, with any number of servers.

#![expect(unsafe_code, reason = "an allocator that counts is the only way to see an allocation")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use ostia_config::Upstream;
use ostia_upstream::{Ask, Tried};

mod fixture;

use fixture::{BALANCES, group, section};

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

#[test]
fn a_pick_allocates_nothing() {
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
            let before = COUNT.with(Cell::get);
            (0..1000).for_each(pick);
            assert_eq!(COUNT.with(Cell::get) - before, 0, "{balance:?}, {count} servers");
        }
    }
}
