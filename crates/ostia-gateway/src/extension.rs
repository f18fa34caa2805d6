//! Where extensions are asked, and how what they ask for is done.
//!
//! Those of the route (its own keys) come first, then those of the whole configuration. A route without keys in a
//! configuration without extensions pays for two empty lists.

mod guarded;
mod kinds;

use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ostia_extension::{Edit, Edits, Extension, Reply, RequestView, ResponseView, Verdict};
use ostia_listener::{ClientCertificate, Handshake};
use ostia_telemetry::Metrics;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session as Downstream;

use self::guarded::Failed;
pub use self::kinds::{Extensions, Running};
use crate::answer::{Answer, Refusal};
use crate::builtin::rate_limit::RATE_LIMITED;
use crate::exchange::{Exchange, Progress};
use crate::fields::edit_reply_fields;
use crate::proxy::Front;
use crate::recognised::Recognised;
use crate::snapshot::{RouteState, Snapshot};
use crate::stage::receive::Arrived;

/// A change to the request for the server that was asked for and is allowed.
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

impl From<Edit> for FieldEdit {
    fn from(edit: Edit) -> Self {
        match edit {
            Edit::Set(name, value) => Self::Set(name, value),
            Edit::Remove(name) => Self::Remove(name),
        }
    }
}

/// Nobody is asked about requests of this route.
fn none(route: &RouteState, snapshot: &Snapshot) -> bool {
    route.handling.extensions.is_empty() && snapshot.extensions.is_empty()
}

/// What extensions see of a request on its way in.
fn view<'a>(
    route: &'a RouteState,
    arrived: &'a Arrived<'_>,
    caller: Option<&'a Recognised>,
    exchange: &'a Exchange,
) -> RequestView<'a> {
    let identity = caller.map(|caller| &*caller.identity);
    RequestView::new(&arrived.request.method, arrived.examined.path(), &arrived.request.headers, identity)
        .with_query(arrived.examined.query())
        .with_route(arrived.examined.host().name(), &route.name)
        .with_client(arrived.client, arrived.by_tls)
        .with_client_certificate(arrived.client_certificate.as_deref().map(certificate_view))
        .with_id(exchange.id.as_str())
}

fn certificate_view(certificate: &ClientCertificate) -> ostia_extension::ClientCertificate<'_> {
    let mut view = ostia_extension::ClientCertificate::default();
    view.subject = &certificate.subject;
    view.issuer = &certificate.issuer;
    view.names = &certificate.name_texts;
    view.serial = &certificate.serial;
    view.sha256 = &certificate.sha256;
    view.der = &certificate.der;
    view
}

/// Asks about a request that has a route, before anybody looks who the caller is.
///
/// # Errors
/// The answer of an extension.
pub(crate) fn on_request(
    front: &Front,
    route: &RouteState,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
) -> std::result::Result<(), Answer> {
    if none(route, &exchange.snapshot) {
        return Ok(());
    }
    let request = view(route, arrived, None, exchange);
    let asker = Asker { front, route, arrived, exchange };
    for extension in route.handling.extensions.iter().chain(exchange.snapshot.running_extensions()) {
        asker.judge(&**extension, guarded::call(|| extension.on_request(&request)))?;
    }
    Ok(())
}

/// Asks about a request that may enter. Fields that carry identity cannot be edited.
///
/// # Errors
/// The answer of an extension.
pub(crate) async fn on_authorized(
    front: &Front,
    route: &RouteState,
    caller: Option<&Recognised>,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
) -> std::result::Result<Vec<FieldEdit>, Answer> {
    if none(route, &exchange.snapshot) {
        return Ok(Vec::new());
    }
    let request = view(route, arrived, caller, exchange);
    let asker = Asker { front, route, arrived, exchange };
    let mut edits = Edits::default();
    for extension in &route.handling.extensions {
        asker.judge(&**extension, guarded::call(|| extension.on_authorized(&request, &mut edits)))?;
    }
    // What the route's own keys say was checked with the configuration.
    let mut done: Vec<FieldEdit> = edits.into_iter().map(FieldEdit::from).collect();
    for running in &exchange.snapshot.extensions {
        let extension = &*running.extension;
        let mut edits = Edits::default();
        asker.judge(extension, guarded::call(|| extension.on_authorized(&request, &mut edits)))?;
        if extension.consults() {
            let consulted =
                guarded::wait(extension.deadline(), extension.consult(&request, &mut edits)).await;
            asker.judge(extension, consulted)?;
        }
        let allowed = |edit: &Edit| may_edit_request(edit, running, &exchange.snapshot);
        done.extend(edits.into_iter().filter(allowed).map(FieldEdit::from));
    }
    Ok(done)
}

/// Whoever asks, with what an answer needs.
struct Asker<'a> {
    front: &'a Front,
    route: &'a RouteState,
    arrived: &'a Arrived<'a>,
    exchange: &'a Exchange,
}

impl Asker<'_> {
    fn judge(
        &self,
        extension: &dyn Extension,
        verdict: std::result::Result<Verdict, Failed>,
    ) -> std::result::Result<(), Answer> {
        match verdict {
            Ok(Verdict::Continue) => Ok(()),
            Ok(Verdict::Refuse(status)) => {
                Err(self.dress(&Reply::status(status).because("extension_refused"), extension))
            }
            Ok(Verdict::Answer(reply)) => Err(self.dress(&reply, extension)),
            // A verdict of a later version that nobody here knows lets nobody in.
            Ok(_) => Err(self.failed(extension, Failed::Panicked)),
            Err(failed) => Err(self.failed(extension, failed)),
        }
    }

    fn failed(&self, extension: &dyn Extension, failed: Failed) -> Answer {
        tell_failure(self.front.gateway.metrics(), extension.name(), failed);
        self.refusal(&Refusal::new(failed.status(), failed.slug(), "Something of this service failed"))
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Answer {
        Answer::refuse(
            refusal,
            self.arrived.reader(),
            &self.exchange.snapshot.pages,
            self.exchange.id.as_str(),
        )
    }

    fn dress(&self, reply: &Reply, extension: &dyn Extension) -> Answer {
        let (status, reason) = (reply.code(), reply.reason());
        tracing::debug!(
            extension = extension.name(),
            status = status.as_u16(),
            reason,
            "an extension answered"
        );
        if reason == RATE_LIMITED {
            self.front.gateway.metrics().rate_limited(&self.route.name);
        }
        let mut answer = match reply.content() {
            Some((content_type, body)) => Answer::text(status, reason, content_type.clone(), body.to_vec()),
            None if status.is_client_error() || status.is_server_error() => {
                self.refusal(&Refusal::new(status, reason, title_of(status)))
            }
            None => Answer::empty(status, reason),
        };
        let own = |field: &HeaderValue| self.exchange.snapshot.sets_own_cookie(field);
        for (name, value) in reply.fields() {
            if is_framing(name) || (*name == SET_COOKIE && own(value)) {
                tracing::warn!(extension = extension.name(), field = %name, "an extension may not send this field");
                continue;
            }
            answer = answer.with(name.clone(), value.clone());
        }
        answer
    }
}

fn title_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::TOO_MANY_REQUESTS => "Too many requests: please wait a moment",
        StatusCode::FORBIDDEN => "You may not enter here",
        status if status.is_server_error() => "Something of this service failed",
        _ => "The request is refused",
    }
}

fn tell_failure(metrics: &Metrics, extension: &str, failed: Failed) {
    metrics.extension_failed(extension, failed.slug());
    tracing::error!(
        extension,
        reason = failed.slug(),
        "an extension failed; one request was answered with an error"
    );
}

/// Fields that say where a message ends, how it is coded, or what the hop may do.
fn is_framing(name: &HeaderName) -> bool {
    *name == CONTENT_LENGTH || *name == CONTENT_ENCODING || ostia_request::hop::is_hop_by_hop(name.as_str())
}

fn may_edit_request(edit: &Edit, running: &Running, snapshot: &Snapshot) -> bool {
    let (Edit::Set(name, _) | Edit::Remove(name)) = edit;
    let is_its_own = running.fields.contains(name);
    let managed = !is_its_own && snapshot.managed.matches(name.as_str());
    if managed || is_framing(name) || *name == HOST {
        tracing::warn!(extension = running.extension.name(), field = %name, "an extension may not change this field");
        return false;
    }
    true
}

/// Tells extensions of a server's answer and does what they ask for.
///
/// # Errors
/// When one of them panics: the request is answered with 500.
pub(crate) fn on_response(
    front: &Front,
    downstream: &Downstream,
    response: &mut ResponseHeader,
    exchange: &Exchange,
) -> Result<()> {
    let Some(route) = &exchange.outcome.route else { return Ok(()) };
    if none(route, &exchange.snapshot) || response.status.is_informational() {
        return Ok(());
    }
    let view = ResponseView::new(response.status, &response.headers, false);
    let edits = told(front, downstream, &view, route, exchange)
        .map_err(|_| Error::explain(ErrorType::HTTPStatus(500), "an extension panicked"))?;
    if edits.is_empty() {
        return Ok(());
    }
    edit_reply_fields(response, |fields| {
        edits.into_iter().for_each(|edit| FieldEdit::from(edit).apply(fields));
    })
}

/// Tells extensions of an answer of our own: they may add what it does not have. One that panics adds nothing.
pub(crate) fn on_own_answer(
    front: &Front,
    downstream: &Downstream,
    answer: Answer,
    exchange: &Exchange,
) -> Answer {
    let Some(route) = &exchange.outcome.route else { return answer };
    if none(route, &exchange.snapshot) {
        return answer;
    }
    let headers: HeaderMap = answer.headers().iter().cloned().collect();
    let view = ResponseView::new(answer.status(), &headers, true);
    let edits = told(front, downstream, &view, route, exchange).unwrap_or_default();
    edits.into_iter().fold(answer, |answer, edit| match edit {
        Edit::Set(name, value) if !headers.contains_key(&name) && name != CONTENT_TYPE => {
            answer.with(name, value)
        }
        _ => answer,
    })
}

fn told(
    front: &Front,
    downstream: &Downstream,
    response: &ResponseView<'_>,
    route: &Arc<RouteState>,
    exchange: &Exchange,
) -> std::result::Result<Vec<Edit>, Failed> {
    let request = downstream.req_header();
    let identity = exchange.outcome.caller.as_ref().map(|caller| &*caller.identity);
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok()).or_else(|| request.uri.host());
    let host = host.map_or("", |host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    let client = exchange.outcome.client.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into());
    let tls = downstream.digest().and_then(|digest| digest.ssl_digest.as_ref());
    let certificate = tls.and_then(|tls| tls.extension.get::<Handshake>()?.client_certificate.as_deref());
    // Whoever asks about a request of somebody else shows a certificate of its own.
    let certificate = certificate.filter(|_| !matches!(exchange.progress, Progress::Closed));
    let view = RequestView::new(&request.method, request.uri.path(), &request.headers, identity)
        .with_query(request.uri.query())
        .with_route(host, &route.name)
        .with_client(client, came_by_tls(downstream, exchange))
        .with_client_certificate(certificate.map(certificate_view))
        .with_id(exchange.id.as_str());
    let mut done = Vec::new();
    for extension in route.handling.extensions.iter().chain(exchange.snapshot.running_extensions()) {
        let mut edits = Edits::default();
        guarded::call(|| extension.on_response(&view, response, &mut edits))
            .inspect_err(|failed| tell_failure(front.gateway.metrics(), extension.name(), *failed))?;
        let allowed = |edit: &Edit| may_edit_response(edit, &**extension, &exchange.snapshot);
        done.extend(edits.into_iter().filter(allowed));
    }
    Ok(done)
}

fn came_by_tls(downstream: &Downstream, exchange: &Exchange) -> bool {
    match &exchange.progress {
        Progress::Authorized(authorized) => authorized.client_came_by_tls(),
        Progress::Forwarding(forwarding) => forwarding.authorized.client_came_by_tls(),
        Progress::Closed => downstream.digest().is_some_and(|digest| digest.ssl_digest.is_some()),
    }
}

fn may_edit_response(edit: &Edit, extension: &dyn Extension, snapshot: &Snapshot) -> bool {
    let own_cookie = |edit: &Edit| matches!(edit, Edit::Set(name, value) if *name == SET_COOKIE && snapshot.sets_own_cookie(value));
    let (Edit::Set(name, _) | Edit::Remove(name)) = edit;
    if is_framing(name) || own_cookie(edit) {
        tracing::warn!(extension = extension.name(), field = %name, "an extension may not change this field");
        return false;
    }
    true
}
