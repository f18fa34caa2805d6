//! What is told of a request at its end: one line, and the counters.

use std::borrow::Cow;
use std::time::Duration;

use http::{Method, Version, header};
use ostia_config::route::HostPattern;
use ostia_listener::Handshake;
use ostia_telemetry::redact::redact;
use ostia_telemetry::{AccessLine, EndReason};
use pingora_error::Error;
use pingora_proxy::Session as Downstream;

use crate::exchange::{Exchange, Outcome};
use crate::proxy::Front;

/// Counts the request and writes its line.
pub fn record(front: &Front, downstream: &Downstream, error: Option<&Error>, exchange: &Exchange) {
    let took = exchange.received_at.elapsed();
    let outcome = &exchange.outcome;
    let status = downstream.response_written().map_or(0, |response| response.status.as_u16());
    let method = outcome.method.as_ref().unwrap_or(&Method::GET);
    let gateway = &front.gateway;
    match outcome.route.as_ref().and_then(|route| route.metrics.get(&front.listener)) {
        Some(counters) => counters.record(method, status, took),
        None => gateway.without_route(&front.listener).record(method, status, took),
    }
    if let (Some(counters), Some(server)) = (outcome.upstream_metrics(), &outcome.server) {
        let answered = (outcome.answered.is_none() && status != 0).then_some(status);
        counters.answered(server, answered, took);
        if let Some(affinity) = outcome.affinity {
            counters.affinity(affinity);
        }
    }
    if gateway.access_log().is_on() {
        let host = host_of(downstream, &exchange.outcome);
        let line = line(front, downstream, error, exchange, (&host, status, took));
        gateway.access_log().write(&line);
    }
}

fn line<'a>(
    front: &'a Front,
    downstream: &'a Downstream,
    error: Option<&Error>,
    exchange: &'a Exchange,
    (host, status, took): (&'a str, u16, Duration),
) -> AccessLine<'a> {
    let outcome = &exchange.outcome;
    let request = downstream.req_header();
    let tls = downstream.digest().and_then(|digest| digest.ssl_digest.as_ref());
    let identity = outcome.caller.as_ref().map(|caller| &caller.identity);
    AccessLine {
        received_at: exchange.now,
        request_id: exchange.id.as_str(),
        method: outcome.method.as_ref().map_or("-", Method::as_str),
        host,
        path: path_of(downstream),
        protocol: protocol(request.version),
        tls: tls.and_then(|tls| tls.extension.get::<Handshake>()).map(|handshake| handshake.version),
        client: outcome.client,
        status,
        response_bytes: downstream.body_bytes_sent() as u64,
        request_bytes: outcome.body_bytes,
        listener: &front.listener,
        route: outcome.route.as_ref().map(|route| &route.name),
        subject: identity.map(|identity| &*identity.subject),
        provider: identity.map(|identity| &*identity.provider),
        allowed: outcome.decision.map(|decision| decision.allowed),
        policy: std::str::from_utf8(&outcome.policy).ok().filter(|policy| !policy.is_empty()),
        reason: outcome
            .answered
            .map(|(_, reason)| reason)
            .or_else(|| outcome.decision.map(|decision| decision.reason)),
        upstream: outcome.server.as_ref().and(outcome.upstream()).map(|upstream| &**upstream),
        server: outcome.server.as_ref(),
        attempts: outcome.attempts,
        affinity: outcome.affinity,
        total: took,
        own: outcome.own.unwrap_or(took),
        end: end_of(outcome, status, error),
    }
}

/// The host that was asked for. Where the configuration does not name it, it is the client's word: what looks like a
/// secret in it is not written.
fn host_of<'a>(downstream: &'a Downstream, outcome: &Outcome) -> Cow<'a, str> {
    let request = downstream.req_header();
    let field = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = field.or_else(|| request.uri.host()).unwrap_or("");
    match outcome.route.as_ref().map(|route| &route.host) {
        Some(HostPattern::Exact(_)) => Cow::Borrowed(host),
        _ => redact(host),
    }
}

/// The path without the query: codes and states live there.
fn path_of(downstream: &Downstream) -> &str {
    downstream.req_header().uri.path()
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
    format!("{} {} ({})", downstream.req_header().method, path_of(downstream), exchange.id.as_str())
}
