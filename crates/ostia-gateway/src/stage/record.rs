//! What is told of a request at its end: one line, and the counters.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Version};
use ostia_config::Name;
use ostia_listener::Handshake;
use ostia_telemetry::{AccessLine, Asked, EndReason};
use pingora_error::Error;
use pingora_proxy::Session as Downstream;

use crate::exchange::{Exchange, Outcome};
use crate::gateway::Gateway;
use crate::proxy::Front;
use crate::stage::asked::{host_of, path_of};

/// What of an exchange is on the wire and not in its outcome.
struct Wire<'a> {
    gateway: &'a Gateway,
    listener: &'a Name,
    host: Cow<'a, str>,
    path: &'a str,
    protocol: &'static str,
    tls: Option<&'static str>,
    status: u16,
    response_bytes: u64,
    end: EndReason,
}

/// The same of an exchange that may be let go where it stands; kept by itself.
pub struct Told {
    gateway: Arc<Gateway>,
    listener: Name,
    host: Box<str>,
    path: Box<str>,
    protocol: &'static str,
    tls: Option<&'static str>,
    /// The status that the client got; 0 when none was sent.
    pub status: u16,
    /// Bytes of the answer's body so far.
    pub response_bytes: u64,
}

impl Told {
    /// What is known while the exchange runs.
    #[must_use]
    pub fn new(front: &Front, downstream: &Downstream, exchange: &Exchange) -> Self {
        Self {
            gateway: Arc::clone(&front.gateway),
            listener: front.listener.clone(),
            host: host_of(downstream.req_header(), &exchange.outcome).into(),
            path: path_of(downstream.req_header()).into(),
            protocol: protocol(downstream.req_header().version),
            tls: tls_version(downstream),
            status: 0,
            response_bytes: 0,
        }
    }
}

/// Counts the request and writes its line.
pub fn record(front: &Front, downstream: &Downstream, error: Option<&Error>, exchange: &mut Exchange) {
    // From here on it is not let go any more: it is over.
    exchange.outcome.held = None;
    let status = downstream.response_written().map_or(0, |response| response.status.as_u16());
    let wire = Wire {
        gateway: &front.gateway,
        listener: &front.listener,
        host: host_of(downstream.req_header(), &exchange.outcome),
        path: path_of(downstream.req_header()),
        protocol: protocol(downstream.req_header().version),
        tls: tls_version(downstream),
        status,
        response_bytes: downstream.body_bytes_sent() as u64,
        end: end_of(&exchange.outcome, status, error),
    };
    tell(&wire, exchange);
}

/// The same for an exchange that was let go because its session is over.
pub fn record_let_go(told: &Told, exchange: &Exchange) {
    let wire = Wire {
        gateway: &told.gateway,
        listener: &told.listener,
        host: Cow::Borrowed(&told.host),
        path: &told.path,
        protocol: told.protocol,
        tls: told.tls,
        status: told.status,
        response_bytes: told.response_bytes,
        end: EndReason::SessionEnded,
    };
    told.gateway.metrics().stream_ended(exchange.outcome.decision.map_or("", |decision| decision.reason));
    tell(&wire, exchange);
}

fn tls_version(downstream: &Downstream) -> Option<&'static str> {
    let tls = downstream.digest().and_then(|digest| digest.ssl_digest.as_ref());
    tls.and_then(|tls| tls.extension.get::<Handshake>()).map(|handshake| handshake.version)
}

fn tell(wire: &Wire<'_>, exchange: &Exchange) {
    let took = exchange.received_at.elapsed();
    let outcome = &exchange.outcome;
    let status = wire.status;
    let method = outcome.method.as_ref().unwrap_or(&Method::GET);
    match outcome.route.as_ref().and_then(|route| route.metrics.get(wire.listener)) {
        Some(counters) => counters.record(method, status, took),
        None => wire.gateway.without_route(wire.listener).record(method, status, took),
    }
    if let (Some(counters), Some(server)) = (outcome.upstream_metrics(), &outcome.server) {
        let answered = (outcome.answered.is_none() && status != 0).then_some(status);
        counters.answered(server, answered, took);
        if let Some(affinity) = outcome.affinity {
            counters.affinity(affinity);
        }
    }
    if wire.gateway.access_log().is_on() {
        wire.gateway.access_log().write(&line(wire, exchange, took));
    }
}

fn line<'a>(wire: &'a Wire<'_>, exchange: &'a Exchange, took: Duration) -> AccessLine<'a> {
    let outcome = &exchange.outcome;
    let identity = outcome.caller.as_ref().map(|caller| &caller.identity);
    AccessLine {
        received_at: exchange.now,
        asked: Asked {
            request_id: exchange.id.as_str(),
            method: outcome.method.as_ref().map_or("-", Method::as_str),
            host: &wire.host,
            path: wire.path,
        },
        protocol: wire.protocol,
        tls: wire.tls,
        client: outcome.client,
        status: wire.status,
        response_bytes: wire.response_bytes,
        request_bytes: outcome.body_bytes,
        listener: wire.listener,
        route: outcome.route.as_ref().map(|route| &route.name),
        subject: identity.map(|identity| &*identity.subject),
        provider: identity.map(|identity| &*identity.provider),
        allowed: outcome.decision.map(|decision| decision.allowed),
        policy: std::str::from_utf8(&outcome.policy).ok().filter(|policy| !policy.is_empty()),
        reason: outcome
            .answered
            .map(|(_, reason)| reason)
            .or(outcome.failed)
            .or_else(|| outcome.decision.map(|decision| decision.reason)),
        upstream: outcome.server.as_ref().and(outcome.upstream()).map(|upstream| &**upstream),
        server: outcome.server.as_ref(),
        attempts: outcome.attempts,
        affinity: outcome.affinity,
        total: took,
        own: outcome.own.unwrap_or(took),
        end: wire.end,
    }
}

fn end_of(outcome: &Outcome, status: u16, error: Option<&Error>) -> EndReason {
    if let Some(end) = outcome.end {
        return end;
    }
    match (outcome.answered, error) {
        (Some((_, "login" | "signed_in" | "signed_out" | "already_signed_in")), _) => EndReason::Login,
        (Some((401 | 403, _)), _) => EndReason::Denied,
        (Some((413, _)), _) => EndReason::TooLarge,
        (Some((400 | 405 | 414 | 417 | 431 | 501, _)), _) => EndReason::BadRequest,
        (Some(_), _) => EndReason::Answered,
        (None, None) => EndReason::Done,
        (None, Some(_)) if status == 0 => EndReason::ClientGone,
        (None, Some(_)) => EndReason::UpstreamReset,
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// A request in one line for Pingora's own messages: no query, no cookie, no token.
#[must_use]
pub fn summary(downstream: &Downstream, exchange: &Exchange) -> String {
    format!(
        "{} {} ({})",
        downstream.req_header().method,
        path_of(downstream.req_header()),
        exchange.id.as_str()
    )
}
