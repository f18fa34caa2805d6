//! An exchange that may last is tied to the session or the token that it was let in by.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session as Downstream;

use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::stage::authorize::Authorized;
use crate::stage::record::Told;
use crate::streams::{Cut, CutReason};
use crate::tether;

/// An answer with fewer bytes than this is over before anybody could end it.
const SHORT: u64 = 1 << 20;

/// An answer to a bearer ends when the token is revoked, not with the token: ten years are for good.
const UNTIL_REVOKED: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What ends the exchange, and what is told of it then: nobody asks it any more when it was let go.
pub struct Held {
    /// The handle.
    pub cut: Arc<Cut>,
    /// For the log line.
    pub told: Told,
}

/// Ties what is known to last from its head: an upgrade, a gRPC call.
pub fn hold_request(
    front: &Front,
    downstream: &Downstream,
    authorized: &Authorized,
    exchange: &mut Exchange,
) {
    if authorized.is_upgrade() || is_grpc(&downstream.req_header().headers) {
        hold(front, downstream, exchange);
    }
}

/// Ties an answer that may last.
pub fn hold_answer(
    front: &Front,
    downstream: &Downstream,
    response: &ResponseHeader,
    exchange: &mut Exchange,
) {
    if exchange.outcome.held.is_none() && may_last(&downstream.req_header().method, response) {
        hold(front, downstream, exchange);
    }
    if let Some(held) = &mut exchange.outcome.held {
        held.told.status = response.status.as_u16();
    }
}

/// Counts bytes of an answer that may be let go.
pub fn count_answer(body: Option<&bytes::Bytes>, exchange: &mut Exchange) {
    if let (Some(held), Some(chunk)) = (&mut exchange.outcome.held, body) {
        held.told.response_bytes += chunk.len() as u64;
    }
}

/// The client sent something: the session is used.
pub fn used(exchange: &Exchange) {
    if let Some(held) = &exchange.outcome.held {
        held.cut.used(SystemTime::now());
    }
}

fn hold(front: &Front, downstream: &Downstream, exchange: &mut Exchange) {
    let Some(ties) = exchange.outcome.caller.as_ref().and_then(|caller| caller.ties) else { return };
    let endings = front.gateway.endings();
    let (ends_at, idle) = match ties.ends_at {
        Some(ends_at) => (ends_at, exchange.snapshot.sessions.lifetimes().idle),
        None => (exchange.now + UNTIL_REVOKED, UNTIL_REVOKED),
    };
    let cut = Cut::new(ends_at, idle, exchange.now);
    tether::tie(&cut, endings.streams().enter(ties.marks, &cut));
    // Ended between the look at its credential and now.
    let is_ended =
        if ties.ends_at.is_some() { endings.has(&ties.marks) } else { endings.has_token(&ties.marks) };
    if is_ended {
        cut.cut(CutReason::Ended);
    }
    exchange.outcome.held = Some(Box::new(Held { cut, told: Told::new(front, downstream, exchange) }));
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let field = headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    field.is_some_and(|value| value.starts_with(b"application/grpc"))
}

fn may_last(method: &Method, response: &ResponseHeader) -> bool {
    match response.status {
        StatusCode::SWITCHING_PROTOCOLS => return true,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => return false,
        status if status.is_informational() => return false,
        _ => {}
    }
    let length = response.headers.get(header::CONTENT_LENGTH).and_then(|field| field.to_str().ok());
    *method != Method::HEAD
        && length.and_then(|text| text.parse::<u64>().ok()).is_none_or(|bytes| bytes >= SHORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_last_is_an_upgrade_or_an_answer_of_unknown_or_great_length() {
        let answer = |status: u16, length: Option<&str>| {
            let mut answer = ResponseHeader::build(status, None).unwrap();
            if let Some(length) = length {
                answer.insert_header(header::CONTENT_LENGTH, length).unwrap();
            }
            answer
        };
        for (method, status, length, expected) in [
            (Method::GET, 101, None, true),
            (Method::GET, 200, None, true),
            (Method::POST, 200, None, true),
            (Method::GET, 200, Some("1073741824"), true),
            (Method::GET, 200, Some("100"), false),
            (Method::GET, 200, Some("0"), false),
            (Method::HEAD, 200, None, false),
            (Method::GET, 204, None, false),
            (Method::GET, 304, None, false),
            (Method::GET, 103, None, false),
        ] {
            assert_eq!(may_last(&method, &answer(status, length)), expected, "{method} {status} {length:?}");
        }
    }
}
