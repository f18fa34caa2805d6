//! Which server gets the request: `Authorized` becomes `Forwarding`.

use std::net::SocketAddr;
use std::sync::Arc;

use ostia_upstream::{AffinityOutcome, Ask, Ends, Group, Patience, Picked, Tried, Trip, Way, Wish};
use pingora_core::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use pingora_error::{Error, ErrorType, Result};
use pingora_proxy::Session as Downstream;

use crate::exchange::{Exchange, Progress};
use crate::snapshot::RouteTimeouts;
use crate::stage::authorize::Authorized;
use crate::stage::fault;

/// A request on its way to a server.
pub struct Forwarding {
    /// Why it may be on its way.
    pub authorized: Box<Authorized>,
    /// Where it is going; counts as in flight there.
    pub picked: Picked,
    /// Where it has been.
    pub tried: Tried,
    /// The connection of this try; `None` with HTTP/2.
    pub trip: Option<Arc<Trip>>,
    /// The try is given up early for another one.
    pub is_per_try: bool,
    /// Where it goes next, when this try fails.
    pub next: Option<Picked>,
}

impl Forwarding {
    /// The group that it is sent to.
    #[must_use]
    pub fn group(&self) -> &Group {
        self.authorized.group()
    }
}

/// Picks a server and takes a place there; on a second call the one that was chosen for the next try.
///
/// # Errors
/// 503 when no server is left or has a place, 500 when the request was not authorized (which the types make
/// unreachable).
pub async fn select(downstream: &Downstream, exchange: &mut Exchange) -> Result<Box<HttpPeer>> {
    let (authorized, tried, next) = match std::mem::replace(&mut exchange.progress, Progress::Closed) {
        Progress::Authorized(authorized) => {
            authorized.group().count_request(exchange.received_at);
            fault::befall(&authorized, exchange).await?;
            (authorized, Tried::default(), None)
        }
        Progress::Forwarding(forwarding) => {
            let Forwarding { authorized, picked, mut tried, next, .. } = *forwarding;
            tried.insert(&picked);
            // What was read of the body is sent again, and counted again.
            exchange.outcome.body_bytes = 0;
            exchange.body_began = None;
            (authorized, tried, next)
        }
        Progress::Closed => return Error::e_explain(ErrorType::InternalError, "nobody was authorized"),
    };
    let group = authorized.group();
    let picked = match next {
        Some(picked) => picked,
        None => match group.place(&ask(&authorized, &tried, exchange)).await {
            Ok(picked) => picked,
            Err(none) => {
                exchange.outcome.no_place = Some(none);
                return Error::e_explain(ErrorType::HTTPStatus(503), "no server is left, or all are full");
            }
        },
    };
    exchange.outcome.own.get_or_insert_with(|| exchange.received_at.elapsed());
    exchange.outcome.server = Some(picked.address().clone());
    exchange.outcome.attempts += 1;
    exchange.outcome.affinity = picked.affinity().map(AffinityOutcome::slug);
    let (patience, is_per_try) = patience(downstream, &authorized, &picked, &tried, exchange);
    let wish = Wish { patience, is_tunnel: authorized.is_upgrade(), ends: ends(downstream, &authorized) };
    let Way { mut peer, trip } = group.way(&picked, wish);
    if !authorized.is_upgrade() {
        peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
    }
    exchange.progress = Progress::Forwarding(Box::new(Forwarding {
        authorized,
        picked,
        tried,
        trip,
        is_per_try,
        next: None,
    }));
    Ok(peer)
}

/// What the request asks of its group.
pub fn ask<'a>(authorized: &'a Authorized, tried: &'a Tried, exchange: &Exchange) -> Ask<'a> {
    authorized.bond().ask(tried, exchange)
}

/// How long this try may take to be answered, and whether it is given up for another one then.
fn patience(
    downstream: &Downstream,
    authorized: &Authorized,
    picked: &Picked,
    tried: &Tried,
    exchange: &Exchange,
) -> (Patience, bool) {
    let RouteTimeouts { first_byte, between_bytes } = authorized.timeouts();
    if authorized.is_upgrade() {
        return (Patience { first_byte, between_bytes: authorized.idle_timeout() }, false);
    }
    if let Some(silence) = exchange.server_may_be_silent {
        return (Patience { first_byte: silence.max(first_byte), between_bytes: silence }, false);
    }
    let retry = &authorized.group().config().retry;
    let is_last = exchange.outcome.attempts > retry.attempts;
    let per_try = retry.per_try_timeout.filter(|per_try| {
        !is_last
            && *per_try < first_byte
            && downstream.req_header().method.is_idempotent()
            && is_anybody_else(authorized, picked, tried, exchange)
    });
    let patience = Patience { first_byte: per_try.unwrap_or(first_byte), between_bytes };
    (patience, per_try.is_some())
}

fn is_anybody_else(authorized: &Authorized, picked: &Picked, tried: &Tried, exchange: &Exchange) -> bool {
    let mut tried = *tried;
    tried.insert(picked);
    authorized.group().place_now(&ask(authorized, &tried, exchange)).is_ok()
}

/// The ends of the client's connection. The port is known only where nobody stands between us and the client.
fn ends(downstream: &Downstream, authorized: &Authorized) -> Option<Ends> {
    authorized.group().config().proxy_protocol?;
    let peer = downstream.client_addr().and_then(|address| address.as_inet().copied());
    let listener = downstream.server_addr().and_then(|address| address.as_inet().copied())?;
    let client = authorized.client();
    let port = peer.filter(|peer| peer.ip() == client).map_or(0, |peer| peer.port());
    Some(Ends { client: SocketAddr::new(client, port), listener })
}
