//! The trait.

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderName, StatusCode};
use serde::de::DeserializeOwned;

use crate::{Edits, Reply, RequestView, ResponseView};

/// Something that is compiled in and asked about requests.
///
/// Every hook has a default that does nothing, so an extension writes only those it needs; hooks that come later will
/// have one, too. All but [`Extension::consult`] run on the request's own thread and must not block. A panic in a hook
/// ends that one request with 500 and is counted (`ostia_extension_failures_total`); the process goes on.
#[async_trait]
pub trait Extension: Send + Sync + 'static {
    /// Its name in logs, metrics and on pages: a word that does not change.
    fn name(&self) -> &str;

    /// Fields of the request that only this extension writes. They are removed from what clients send, in every
    /// spelling, on every route, so the upstream can trust them. Asked once, when the configuration is put in force.
    fn fields(&self) -> Vec<HeaderName> {
        Vec::new()
    }

    /// Asked once for every request that has a route, before anybody looks who the caller is. Can refuse or answer, not
    /// let in: the policy of the route decides afterwards.
    fn on_request(&self, request: &RequestView<'_>) -> Verdict {
        let _ = request;
        Verdict::Continue
    }

    /// Asked once for every request that may enter, before a server is chosen.
    fn on_authorized(&self, request: &RequestView<'_>, edits: &mut Edits) -> Verdict {
        let _ = (request, edits);
        Verdict::Continue
    }

    /// Whether [`Extension::consult`] is to be called; only then a request pays for it. Asked for every request.
    fn consults(&self) -> bool {
        false
    }

    /// How long [`Extension::consult`] may take; after that the request is answered with 503.
    fn deadline(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// [`Extension::on_authorized`] for what has to wait for somebody else. Called after it, when
    /// [`Extension::consults`]. Dropped when the client is gone or the deadline is over.
    async fn consult(&self, request: &RequestView<'_>, edits: &mut Edits) -> Verdict {
        let _ = (request, edits);
        Verdict::Continue
    }

    /// Told of every answer before it goes to the client, be it the server's or Ostia's own. Of Ostia's own answers only
    /// fields that they do not have can be set, and none removed.
    fn on_response(&self, request: &RequestView<'_>, response: &ResponseView<'_>, edits: &mut Edits) {
        let _ = (request, response, edits);
    }
}

/// An extension that is named in the configuration: `extensions: [{ name: …, with: { … } }]`.
pub trait Configured: Extension + Sized {
    /// `name` in the configuration.
    const NAME: &'static str;
    /// What stands under `with`. Errors of its reading are told with line and column.
    /// `#[serde(deny_unknown_fields)]` is wise.
    type Config: DeserializeOwned;

    /// Makes one; again after each reload that changed its section.
    ///
    /// # Errors
    /// One sentence that says what is wrong with the configuration.
    fn configured(config: Self::Config) -> Result<Self, String>;
}

/// What becomes of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It goes on; the next extension is asked.
    #[default]
    Continue,
    /// It is answered with this status and a page of Ostia's own; nobody else is asked.
    Refuse(StatusCode),
    /// It is answered with this; nobody else is asked.
    Answer(Box<Reply>),
}

impl From<Reply> for Verdict {
    fn from(reply: Reply) -> Self {
        Self::Answer(Box::new(reply))
    }
}
