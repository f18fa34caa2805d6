//! What becomes of requests when an extension fails: it panics, waits too long, reaches for what is not its own. The
//! tests run it; each fault is chosen by the path.

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use ostia::extension::{Edits, Extension, RequestView, ResponseView, Verdict, async_trait};

struct Misbehaving;

fn fail(request: &RequestView<'_>, when: &str) {
    assert!(!request.path().ends_with(when), "this extension panics when it is asked for {when}");
}

#[async_trait]
impl Extension for Misbehaving {
    fn name(&self) -> &str {
        "misbehaving"
    }

    fn on_request(&self, request: &RequestView<'_>) -> Verdict {
        fail(request, "/panic-request");
        Verdict::Continue
    }

    fn on_authorized(&self, request: &RequestView<'_>, edits: &mut Edits) -> Verdict {
        fail(request, "/panic-authorized");
        for name in ["x-forwarded-user", "host", "content-length", "connection", "x-request-id"] {
            edits.set(HeaderName::from_static(name), HeaderValue::from_static("7"));
        }
        let secrets =
            request.headers().any(|(name, _)| *name == header::COOKIE || *name == header::AUTHORIZATION);
        edits.set(
            HeaderName::from_static("x-saw-secrets"),
            HeaderValue::from_static(if secrets { "yes" } else { "no" }),
        );
        Verdict::Continue
    }

    fn consults(&self) -> bool {
        true
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(200)
    }

    async fn consult(&self, request: &RequestView<'_>, edits: &mut Edits) -> Verdict {
        fail(request, "/panic-consult");
        if request.path().ends_with("/wait") {
            std::future::pending::<()>().await;
        }
        edits.set(HeaderName::from_static("x-consulted"), HeaderValue::from_static("yes"));
        Verdict::Continue
    }

    fn on_response(&self, request: &RequestView<'_>, _: &ResponseView<'_>, edits: &mut Edits) {
        fail(request, "/panic-response");
        edits.set(header::SET_COOKIE, HeaderValue::from_static("__Host-ostia=forged; Path=/; Secure"));
        edits.set(header::CONTENT_LENGTH, HeaderValue::from_static("1"));
        edits.set(HeaderName::from_static("x-added"), HeaderValue::from_static("yes"));
    }
}

fn main() -> Result<(), ostia::RunFailed> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "/etc/ostia/ostia.yaml".to_owned());
    ostia::Server::builder(file).extension(Misbehaving).run()
}
