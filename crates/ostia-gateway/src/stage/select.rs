//! Which server gets the request: `Authorized` becomes `Forwarding`.

use ostia_upstream::{AffinityOutcome, Picked, Tried};
use pingora_core::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use pingora_error::{Error, ErrorType, Result};

use crate::exchange::{Exchange, Progress};
use crate::stage::authorize::Authorized;

/// A request on its way to a server.
pub struct Forwarding {
    /// Why it may be on its way.
    pub authorized: Box<Authorized>,
    /// Where it is going; counts as in flight there.
    pub picked: Picked,
    /// Where it has been.
    pub tried: Tried,
}

/// Picks a server; on a second call another one.
///
/// # Errors
/// 503 when no server is left, 500 when the request was not authorized (which the types make unreachable).
pub fn select(exchange: &mut Exchange) -> Result<Box<HttpPeer>> {
    let (authorized, tried) = match std::mem::replace(&mut exchange.progress, Progress::Closed) {
        Progress::Authorized(authorized) => (authorized, Tried::default()),
        Progress::Forwarding(forwarding) => {
            let Forwarding { authorized, picked, mut tried } = *forwarding;
            tried.insert(&picked);
            (authorized, tried)
        }
        Progress::Closed => return Error::e_explain(ErrorType::InternalError, "nobody was authorized"),
    };
    let group = authorized.group();
    let ask = authorized.bond().ask(&tried, exchange);
    let Some(picked) = group.pick(&ask) else {
        return Error::e_explain(ErrorType::HTTPStatus(503), "no server is left");
    };
    let peer = if authorized.is_upgrade() {
        group.tunnel_peer(&picked, authorized.idle_timeout())
    } else {
        let mut peer = group.peer(&picked);
        peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
        peer
    };
    exchange.outcome.own.get_or_insert_with(|| exchange.received_at.elapsed());
    exchange.outcome.server = Some(picked.address().clone());
    exchange.outcome.attempts += 1;
    exchange.outcome.affinity = picked.affinity().map(AffinityOutcome::slug);
    exchange.progress = Progress::Forwarding(Box::new(Forwarding { authorized, picked, tried }));
    Ok(peer)
}
