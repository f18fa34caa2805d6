//! The trait.

use http::StatusCode;

use crate::{Edits, RequestView};

/// Something that is compiled in and asked about requests.
///
/// It is called on the request's own thread and must not block. A panic ends that one request.
pub trait Extension: Send + Sync + 'static {
    /// Its name in logs and on pages: a word that does not change.
    fn name(&self) -> &str;

    /// Asked once for every request that may enter, before a server is chosen. The default does nothing.
    fn on_authorized(&self, request: &RequestView<'_>, edits: &mut Edits) -> Verdict {
        let _ = (request, edits);
        Verdict::Continue
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on; the next extension is asked.
    #[default]
    Continue,
    /// It is answered with this status and a page of Ostia's own; nobody else is asked.
    Refuse(StatusCode),
}
