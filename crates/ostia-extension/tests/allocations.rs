//! What an extension that does nothing costs: calls, and no allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use ostia_extension::{Edits, Extension, RequestView, ResponseView, Verdict};

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

struct Idle;

impl Extension for Idle {
    fn name(&self) -> &str {
        "idle"
    }
}

struct Busy;

impl Extension for Busy {
    fn name(&self) -> &str {
        "busy"
    }

    fn on_authorized(&self, _: &RequestView<'_>, edits: &mut Edits) -> Verdict {
        edits.set(HeaderName::from_static("x-busy"), HeaderValue::from_static("1"));
        Verdict::Continue
    }
}

/// One request past a list of extensions, as the gateway asks them.
fn pass(extensions: &[Arc<dyn Extension>], headers: &HeaderMap) {
    let request = RequestView::new(&Method::GET, "/", headers, None).with_route("app.example.com", "app");
    let mut edits = Edits::default();
    for extension in extensions {
        assert_eq!(extension.on_request(&request), Verdict::Continue);
        assert_eq!(extension.on_authorized(&request, &mut edits), Verdict::Continue);
        assert!(!extension.consults(), "nobody is waited for");
        extension.on_response(&request, &ResponseView::new(StatusCode::OK, headers, false), &mut edits);
    }
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
