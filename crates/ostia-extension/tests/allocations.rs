//! What an extension that does nothing costs: calls, and no allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use ostia_extension::Extension;

#[path = "pass/mod.rs"]
mod pass;

use pass::{Busy, Idle, pass};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread.
struct Counting;

#[expect(
    unsafe_code,
    reason = "the only way to count allocations; hands everything on to the system's allocator"
)]
// SAFETY: every call goes on unchanged to `System`, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as this function's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as this function's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations_of(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn what_is_not_used_costs_no_allocation() {
    let headers: HeaderMap = [(http::header::ACCEPT, HeaderValue::from_static("*/*"))].into_iter().collect();
    let none: [Arc<dyn Extension>; 0] = [];
    let idle: [Arc<dyn Extension>; 2] = [Arc::new(Idle), Arc::new(Idle)];
    let busy: [Arc<dyn Extension>; 1] = [Arc::new(Busy)];
    assert_eq!(allocations_of(|| (0..1000).for_each(|_| pass(&none, &headers))), 0, "without extensions");
    assert_eq!(
        allocations_of(|| (0..1000).for_each(|_| pass(&idle, &headers))),
        0,
        "with hooks that do nothing"
    );
    assert_eq!(allocations_of(|| pass(&busy, &headers)), 1, "the list of edits: the count does count");
}
