//! Which server gets the request: `Authorized` becomes `Forwarding`.

use ostia_config::upstream::Affinity;
use ostia_identity::Proof;
use ostia_upstream::{AffinityOutcome, Ask, Picked, Tried};
use pingora_core::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use pingora_error::{Error, ErrorType, Result};
use smallvec::SmallVec;

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

/// What a request is hashed by; short keys need no allocation.
pub type AffinityKey = SmallVec<[u8; 64]>;

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
    let key = authorized.affinity_key();
    let ask = Ask {
        key: (!key.is_empty()).then_some(key),
        born: None,
        pinned: None,
        tried: &tried,
        now: exchange.received_at,
    };
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

/// What `affinity` says a request is hashed by, or the source where the request does not have it.
#[must_use]
pub fn affinity_key(
    affinity: &Affinity,
    authorized: &Authorized,
    request: &pingora_http::RequestHeader,
) -> AffinityKey {
    let own = match affinity {
        Affinity::Source => None,
        Affinity::Session => {
            authorized.caller().map(|caller| match (caller.session_id, caller.identity.proof) {
                (Some(id), Proof::Session) => AffinityKey::from_slice(id.as_bytes()),
                _ => AffinityKey::from_slice(caller.identity.subject.as_bytes()),
            })
        }
        Affinity::Header(name) => {
            request.headers.get(name).map(|value| AffinityKey::from_slice(value.as_bytes()))
        }
        Affinity::Cookie(name) => cookie(request, name.as_bytes()).map(AffinityKey::from_slice),
        Affinity::Claim(path) => authorized
            .caller()
            .and_then(|caller| caller.identity.claims.at(path.as_str(), path.segments()))
            .and_then(|claim| match claim.0 {
                serde_json::Value::String(text) => Some(AffinityKey::from_slice(text.as_bytes())),
                serde_json::Value::Number(number) => {
                    Some(AffinityKey::from_slice(number.to_string().as_bytes()))
                }
                _ => None,
            }),
    };
    own.filter(|key| !key.is_empty()).unwrap_or_else(|| source_key(authorized))
}

fn source_key(authorized: &Authorized) -> AffinityKey {
    match authorized.client() {
        std::net::IpAddr::V4(address) => AffinityKey::from_slice(&address.octets()),
        std::net::IpAddr::V6(address) => AffinityKey::from_slice(&address.octets()),
    }
}

fn cookie<'a>(request: &'a pingora_http::RequestHeader, wanted: &[u8]) -> Option<&'a [u8]> {
    request
        .headers
        .get_all(http::header::COOKIE)
        .iter()
        .flat_map(|field| ostia_request::cookie::pairs(field.as_bytes()))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}
