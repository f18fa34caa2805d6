//! What leads a request back to its server: a key for the ring, or a cookie that names the server.

use std::time::SystemTime;

use http::HeaderValue;
use ostia_config::upstream::{Affinity, Balance};
use ostia_identity::{Json, Proof};
use ostia_session::ServerTicket;
use ostia_upstream::{Ask, Picked, ServerTag, Tried};
use pingora_http::RequestHeader;
use smallvec::SmallVec;

use crate::exchange::Exchange;
use crate::snapshot::Snapshot;
use crate::stage::authorize::Authorized;

/// What a request is hashed by; short keys need no allocation.
pub type AffinityKey = SmallVec<[u8; 64]>;

/// The affinity of one request.
#[derive(Clone, Debug, Default)]
pub struct Bond {
    /// What the ring hashes; empty where nothing is.
    key: AffinityKey,
    /// When what the key stands for began, in seconds since 1970: a server that drains goes on with what it has.
    born: Option<u64>,
    /// The server that the cookie names.
    pinned: Option<ServerTag>,
}

impl Bond {
    /// Reads what `affinity` of the route's group says. Costs nothing where there is none.
    #[must_use]
    pub fn read(authorized: &Authorized, request: &RequestHeader, snapshot: &Snapshot) -> Self {
        let config = authorized.group().config();
        match &config.affinity {
            Affinity::Cookie(name) => {
                let value = cookie(request, name.as_bytes());
                let opened = value.and_then(|value| snapshot.servers.open(name, &config.name, value));
                opened.map(Self::of_ticket).unwrap_or_default()
            }
            affinity if config.balance == Balance::ConsistentHash => Self {
                key: key(affinity, authorized, request),
                born: born(affinity, authorized),
                pinned: None,
            },
            _ => Self::default(),
        }
    }

    fn of_ticket(ticket: ServerTicket) -> Self {
        Self {
            key: AffinityKey::from_slice(&ticket.key),
            born: Some(seconds(ticket.since)),
            pinned: Some(ServerTag(ticket.server)),
        }
    }

    /// Whether there is something that leads it to one server.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        !self.key.is_empty()
    }

    /// What the request asks of its group.
    #[must_use]
    pub fn ask<'a>(&'a self, tried: &'a Tried, exchange: &Exchange) -> Ask<'a> {
        Ask {
            key: (!self.key.is_empty()).then_some(&*self.key),
            born: self.born,
            pinned: self.pinned,
            tried,
            now: exchange.received_at,
        }
    }
}

/// The cookie for a browser that brings none, or one of a server that has left. A server that is merely down keeps its
/// browsers: they come back to it.
#[must_use]
pub fn set_cookie(authorized: &Authorized, picked: &Picked, exchange: &Exchange) -> Option<HeaderValue> {
    let group = authorized.group();
    let config = group.config();
    let Affinity::Cookie(name) = &config.affinity else { return None };
    if authorized.bond().pinned.is_some_and(|tag| group.has(tag)) {
        return None;
    }
    let ticket = ServerTicket::new(picked.tag().0, exchange.now).ok()?;
    exchange.snapshot.servers.seal(name, &config.name, ticket, authorized.client_came_by_tls())
}

/// What `affinity` says a request is hashed by, or the source where the request does not have it.
fn key(affinity: &Affinity, authorized: &Authorized, request: &RequestHeader) -> AffinityKey {
    let own = match affinity {
        Affinity::Source | Affinity::Cookie(_) => None,
        Affinity::Session => {
            authorized.caller().map(|caller| match (caller.session_id, caller.identity.proof) {
                (Some(id), Proof::Session) => AffinityKey::from_slice(id.as_bytes()),
                _ => AffinityKey::from_slice(caller.identity.subject.as_bytes()),
            })
        }
        Affinity::Header(name) => {
            request.headers.get(name).map(|value| AffinityKey::from_slice(value.as_bytes()))
        }
        Affinity::ApplicationCookie(name) => cookie(request, name.as_bytes()).map(AffinityKey::from_slice),
        Affinity::Claim(path) => authorized
            .caller()
            .and_then(|caller| caller.identity.claims.at(path.as_str(), path.segments()))
            .and_then(|claim| match claim.read() {
                Json::Text(text) => Some(AffinityKey::from_slice(text.as_bytes())),
                Json::Number(number) => Some(AffinityKey::from_slice(number.to_string().as_bytes())),
                _ => None,
            }),
    };
    own.filter(|key| !key.is_empty()).unwrap_or_else(|| source_key(authorized))
}

/// Only of sessions it is known when they began.
fn born(affinity: &Affinity, authorized: &Authorized) -> Option<u64> {
    match affinity {
        Affinity::Session => authorized.caller()?.signed_in_at.map(seconds),
        _ => None,
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn source_key(authorized: &Authorized) -> AffinityKey {
    match authorized.client() {
        std::net::IpAddr::V4(address) => AffinityKey::from_slice(&address.octets()),
        std::net::IpAddr::V6(address) => AffinityKey::from_slice(&address.octets()),
    }
}

fn cookie<'a>(request: &'a RequestHeader, wanted: &[u8]) -> Option<&'a [u8]> {
    request
        .headers
        .get_all(http::header::COOKIE)
        .iter()
        .flat_map(|field| ostia_request::cookie::pairs(field.as_bytes()))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}
