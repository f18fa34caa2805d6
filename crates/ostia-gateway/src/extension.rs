//! Where extensions are asked, and how what they ask for is done.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ostia_extension::{Edit, Edits, RequestView, Verdict};

use crate::answer::{Answer, Refusal};
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::stage::authorize::Authorized;
use crate::stage::receive::Arrived;

/// A change to the request for the server that an extension asked for and that was allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldEdit {
    /// Set, replacing what is there.
    Set(HeaderName, HeaderValue),
    /// Remove.
    Remove(HeaderName),
}

impl FieldEdit {
    /// Does it.
    pub fn apply(&self, fields: &mut HeaderMap) {
        match self {
            Self::Set(name, value) => {
                fields.insert(name.clone(), value.clone());
            }
            Self::Remove(name) => {
                fields.remove(name);
            }
        }
    }
}

/// Asks every extension about an authorized request. Fields that carry identity cannot be edited.
///
/// # Errors
/// The answer of an extension that refuses the request.
pub fn on_authorized(
    front: &Front,
    authorized: &Authorized,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
) -> std::result::Result<Vec<FieldEdit>, Answer> {
    let extensions = front.gateway.extensions();
    if extensions.is_empty() {
        return Ok(Vec::new());
    }
    let view = RequestView::new(
        &arrived.request.method,
        arrived.examined.path(),
        &arrived.request.headers,
        authorized.caller().map(|caller| &*caller.identity),
    );
    let mut edits = Edits::default();
    for extension in extensions {
        match extension.on_authorized(&view, &mut edits) {
            Verdict::Continue => {}
            Verdict::Refuse(status) => return Err(refused(status, extension.name(), arrived, exchange)),
        }
    }
    Ok(edits.into_iter().filter_map(|edit| allowed(edit, exchange)).collect())
}

fn allowed(edit: Edit, exchange: &Exchange) -> Option<FieldEdit> {
    let (name, edit) = match edit {
        Edit::Set(name, value) => (name.clone(), FieldEdit::Set(name, value)),
        Edit::Remove(name) => (name.clone(), FieldEdit::Remove(name)),
    };
    let managed = exchange.snapshot.managed.matches(name.as_str())
        || ostia_request::hop::is_hop_by_hop(name.as_str())
        || matches!(name.as_str(), "host" | "content-length");
    if managed {
        tracing::warn!(field = %name, "an extension may not change this field");
        return None;
    }
    Some(edit)
}

fn refused(status: StatusCode, extension: &str, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    tracing::debug!(extension, status = status.as_u16(), "an extension refused a request");
    let refusal = Refusal::new(status, "extension_refused", "You may not enter here");
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
}
