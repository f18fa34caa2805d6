//! What the client gets of a server's answer: without the fields of the hop, with the session's cookies.

use http::header::{CACHE_CONTROL, CONNECTION, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ostia_telemetry::InFlight;
use pingora_error::Result;
use pingora_http::ResponseHeader;
use smallvec::SmallVec;

use crate::exchange::{Exchange, Progress};
use crate::fields::edit_reply_fields;
use crate::stage::affinity;
use crate::stage::forward::X_REQUEST_ID;

/// Fields of one hop that a server may send beside those that Pingora manages (RFC 9110 7.6.1).
const HOP_FIELDS: [HeaderName; 4] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("te"),
];

/// Dresses a server's answer for the client.
///
/// # Errors
/// When a field cannot be written.
pub fn reply(response: &mut ResponseHeader, exchange: &mut Exchange) -> Result<()> {
    if response.status.is_informational() && response.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    if let Progress::Forwarding(forwarding) = &exchange.progress {
        let group = forwarding.authorized.group();
        forwarding.picked.answered(group, response.status.as_u16());
        if let Some(trip) = &forwarding.trip {
            trip.head_arrived();
            if signs_in_connections(response) {
                trip.spoil();
            }
        }
        let cookie = affinity::set_cookie(&forwarding.authorized, &forwarding.picked, exchange);
        exchange.outcome.cookies.extend(cookie);
    }
    let is_upgrade = response.status == StatusCode::SWITCHING_PROTOCOLS;
    if is_upgrade {
        exchange.outcome.upgraded = upgraded(exchange);
    }
    edit_reply_fields(response, |fields| {
        // Grown once: for this request's name, and for the date and the connection option that Pingora adds.
        fields.reserve(3);
        if !is_upgrade {
            remove_hop_fields(fields);
        }
        drop_forged_cookies(fields, exchange);
        set_session_cookies(fields, exchange);
        fields.insert(X_REQUEST_ID, exchange.id.to_value());
    })
}

fn set_session_cookies(fields: &mut HeaderMap, exchange: &mut Exchange) {
    if exchange.outcome.cookies.is_empty() {
        return;
    }
    for cookie in exchange.outcome.cookies.drain(..) {
        fields.append(SET_COOKIE, cookie);
    }
    // An answer with somebody's session in it belongs into no shared cache, whatever the server thinks of its own part
    // (RFC 9111 section 7.3).
    if !is_private(fields) {
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

/// NTLM, and Negotiate which may carry it, sign in the connection and not the request: it must not carry another one,
/// which might be somebody else's (Microsoft, MS-NTHT section 1.6).
fn signs_in_connections(response: &ResponseHeader) -> bool {
    let mut challenges = response.headers.get_all(WWW_AUTHENTICATE).iter();
    challenges.any(|challenge| is_of_connections(challenge.as_bytes()))
}

/// Whether a challenge or credential is of a scheme that signs in connections.
pub(crate) fn is_of_connections(value: &[u8]) -> bool {
    let scheme = value.trim_ascii_start();
    [&b"ntlm"[..], b"negotiate"].iter().any(|name| {
        let (head, rest) = scheme.split_at_checked(name.len()).unwrap_or_default();
        head.eq_ignore_ascii_case(name) && rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric())
    })
}

/// A server sets no cookie of ours: it could put its visitors into a session of somebody else, or out of their own.
fn drop_forged_cookies(fields: &mut HeaderMap, exchange: &Exchange) {
    let is_forged = |field: &HeaderValue| exchange.snapshot.sets_own_cookie(field);
    if !fields.get_all(SET_COOKIE).iter().any(is_forged) {
        return;
    }
    let kept: SmallVec<[HeaderValue; 4]> =
        fields.get_all(SET_COOKIE).iter().filter(|field| !is_forged(field)).cloned().collect();
    fields.remove(SET_COOKIE);
    for field in kept {
        fields.append(SET_COOKIE, field);
    }
}

/// Whether `Cache-Control` keeps the whole answer out of shared caches.
fn is_private(fields: &HeaderMap) -> bool {
    let fields = fields.get_all(CACHE_CONTROL).iter().filter_map(|field| field.to_str().ok());
    fields.flat_map(|field| field.split(',')).map(str::trim).any(|directive| {
        directive.eq_ignore_ascii_case("private") || directive.eq_ignore_ascii_case("no-store")
    })
}

fn upgraded(exchange: &Exchange) -> Option<InFlight> {
    let arrived_at = exchange.outcome.listener.as_ref()?;
    let route = exchange.outcome.route.as_ref()?;
    route.metrics.get(arrived_at).map(|counters| counters.upgraded())
}

fn remove_hop_fields(fields: &mut HeaderMap) {
    let mut nominated = SmallVec::<[String; 4]>::new();
    for field in fields.get_all(CONNECTION).iter().filter_map(|field| field.to_str().ok()) {
        let options = field.split(',').map(str::trim).filter(|option| !is_of_the_connection(option));
        nominated.extend(options.map(str::to_ascii_lowercase).filter(|option| !is_framing(option)));
    }
    for name in nominated {
        fields.remove(name.as_str());
    }
    for name in &HOP_FIELDS {
        fields.remove(name);
    }
}

/// Options that name no field.
fn is_of_the_connection(option: &str) -> bool {
    ["", "close", "keep-alive", "upgrade"].iter().any(|own| option.eq_ignore_ascii_case(own))
}

/// Fields that say where an answer ends, or whom it is for: a server cannot have them removed.
fn is_framing(option: &str) -> bool {
    matches!(
        option,
        "content-length" | "transfer-encoding" | "content-encoding" | "set-cookie" | "cache-control"
    )
}
