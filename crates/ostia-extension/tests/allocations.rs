//! What an extension that does nothing costs: calls, and no allocation.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use ostia_extension::Extension;
use ostia_testkit::{Counting, allocations_of};

#[path = "pass/mod.rs"]
mod pass;

use pass::{Busy, Idle, pass};

#[global_allocator]
static COUNTING: Counting = Counting;

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
