//! Copies of requests to another upstream (`mirror`): made beside the request, never in its way.
//!
//! The copy is what the server gets, identity fields and all, with its body as far as `body_bytes` goes. It is sent when
//! the body is complete, by a task of its own; its answer is thrown away. When too many are under way, or the body is too
//! large, or the request is tried again, there is no copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRANSFER_ENCODING, UPGRADE};
use ostia_config::route::Mirror as Section;
use ostia_telemetry::Metrics;
use ostia_upstream::{Group, is_hit};
use pingora_http::RequestHeader;

use crate::exchange::Exchange;

/// `mirror` of a route, compiled.
pub struct Mirror {
    /// What it was compiled from.
    pub section: Section,
    /// Where copies go.
    pub group: Arc<Group>,
    in_flight: AtomicU32,
}

/// A copy in the making.
pub struct Copy {
    head: Vec<u8>,
    body: Vec<Bytes>,
    bytes: u64,
}

impl Mirror {
    /// Compiles a section.
    #[must_use]
    pub fn new(section: Section, group: Arc<Group>) -> Self {
        Self { section, group, in_flight: AtomicU32::new(0) }
    }

    fn begin(&self) -> bool {
        let is_within = self.in_flight.fetch_add(1, Relaxed) < self.section.in_flight;
        if !is_within {
            self.in_flight.fetch_sub(1, Relaxed);
        }
        is_within
    }
}

/// Begins a copy of a request that is dressed for its server, if this one is to be copied.
pub fn begin(upstream: &RequestHeader, exchange: &mut Exchange) {
    let Some(mirror) = exchange.outcome.route.as_ref().and_then(|route| route.mirror.as_ref()) else {
        return;
    };
    if exchange.outcome.attempts > 1 {
        // It is sent once more; what was copied so far has gaps.
        exchange.copy = None;
        return;
    }
    if is_hit(mirror.section.share) {
        exchange.copy = Some(Box::new(Copy { head: head(upstream), body: Vec::new(), bytes: 0 }));
    }
}

/// Takes a part of the body; after the last one the copy goes out.
pub fn body(metrics: &Arc<Metrics>, chunk: Option<&Bytes>, is_last: bool, exchange: &mut Exchange) {
    let Some(copy) = &mut exchange.copy else { return };
    let Some(mirror) = exchange.outcome.route.as_ref().and_then(|route| route.mirror.as_ref()) else {
        return;
    };
    let route = exchange.outcome.route.as_ref().map_or("", |route| route.name.as_str());
    if let Some(chunk) = chunk {
        copy.bytes += chunk.len() as u64;
        copy.body.push(chunk.clone());
    }
    if copy.bytes > mirror.section.body_bytes {
        metrics.mirrored(route, "too_large");
        exchange.copy = None;
        return;
    }
    if is_last && let Some(copy) = exchange.copy.take() {
        if mirror.begin() {
            tokio::spawn(send(*copy, Arc::clone(mirror), Arc::clone(metrics), route.to_owned()));
        } else {
            metrics.mirrored(route, "too_many");
        }
    }
}

async fn send(mut copy: Copy, mirror: Arc<Mirror>, metrics: Arc<Metrics>, route: String) {
    if copy.bytes > 0 {
        copy.head.extend_from_slice(format!("Content-Length: {}\r\n", copy.bytes).as_bytes());
    }
    copy.head.extend_from_slice(b"Connection: close\r\n\r\n");
    let mut parts: Vec<&[u8]> = vec![&copy.head];
    parts.extend(copy.body.iter().map(|chunk| &chunk[..]));
    let sent = mirror.group.send_copy(&parts, mirror.section.timeout).await;
    mirror.in_flight.fetch_sub(1, Relaxed);
    metrics.mirrored(&route, sent.map_or_else(|failed| failed.slug(), |()| "sent"));
}

/// The head without its end, and without the fields of framing and hop.
fn head(upstream: &RequestHeader) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    bytes.extend_from_slice(upstream.method.as_str().as_bytes());
    bytes.push(b' ');
    bytes.extend_from_slice(upstream.raw_path());
    bytes.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in &upstream.headers {
        if [CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRANSFER_ENCODING, UPGRADE].contains(name) {
            continue;
        }
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
