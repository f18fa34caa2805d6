//! A request on its way past extensions, for tests and benches.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use ostia_extension::{Edits, Extension, RequestView, ResponseView, Verdict};

/// Has no hook.
pub(crate) struct Idle;

impl Extension for Idle {
    fn name(&self) -> &str {
        "idle"
    }
}

/// Sets a field.
pub(crate) struct Busy;

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
pub(crate) fn pass(extensions: &[Arc<dyn Extension>], headers: &HeaderMap) {
    let request = RequestView::new(&Method::GET, "/", headers, None).with_route("app.example.com", "app");
    let mut edits = Edits::default();
    for extension in extensions {
        assert_eq!(extension.on_request(&request), Verdict::Continue);
        assert_eq!(extension.on_authorized(&request, &mut edits), Verdict::Continue);
        assert!(!extension.consults(), "nobody is waited for");
        extension.on_response(&request, &ResponseView::new(StatusCode::OK, headers, false), &mut edits);
    }
}
