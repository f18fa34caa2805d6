//! The request as logs tell it.

use std::borrow::Cow;

use http::header;
use ostia_config::route::HostPattern;
use ostia_telemetry::redact::redact;
use ostia_telemetry::{Asked, WhoAsked};
use pingora_http::RequestHeader;

use crate::exchange::{Exchange, Outcome};
use crate::proxy::Front;

/// The host that was asked for, as far as it may be written.
pub(crate) fn host_of<'a>(request: &'a RequestHeader, outcome: &Outcome) -> Cow<'a, str> {
    let field = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    shown_host(field.or_else(|| request.uri.host()).unwrap_or(""), outcome)
}

/// A host as far as it may be written. Where the configuration does not name it, it is the client's word: what looks
/// like a secret in it is not.
pub(crate) fn shown_host<'a>(host: &'a str, outcome: &Outcome) -> Cow<'a, str> {
    match outcome.route.as_ref().map(|route| &route.host) {
        Some(HostPattern::Exact(_)) => Cow::Borrowed(host),
        _ => redact(host),
    }
}

/// The path without the query: codes and states live there.
pub(crate) fn path_of(request: &RequestHeader) -> &str {
    request.uri.path()
}

/// Who asked for what; `host` is [`host_of`].
pub(crate) fn who_asked<'a>(
    front: &'a Front,
    request: &'a RequestHeader,
    host: &'a str,
    exchange: &'a Exchange,
) -> WhoAsked<'a> {
    WhoAsked {
        asked: Asked {
            request_id: exchange.id.as_str(),
            method: request.method.as_str(),
            host,
            path: path_of(request),
        },
        client: exchange.outcome.client,
        listener: &front.listener,
    }
}
