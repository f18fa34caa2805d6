//! What the client gets of a server's answer: without the fields of the hop, with the session's cookies.

use http::header::{CACHE_CONTROL, CONNECTION, SET_COOKIE};
use http::{HeaderName, HeaderValue, StatusCode};
use ostia_telemetry::InFlight;
use pingora_error::Result;
use pingora_http::ResponseHeader;
use smallvec::SmallVec;

use crate::exchange::{Exchange, Progress};
use crate::stage::forward::X_REQUEST_ID_WRITTEN;

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
        forwarding.picked.answered();
    }
    if response.status == StatusCode::SWITCHING_PROTOCOLS {
        exchange.outcome.upgraded = upgraded(exchange);
    } else {
        remove_hop_fields(response);
    }
    drop_forged_cookies(response, exchange)?;
    if !exchange.outcome.cookies.is_empty() {
        for cookie in exchange.outcome.cookies.drain(..) {
            response.append_header(SET_COOKIE, cookie)?;
        }
        // An answer with somebody's session in it belongs into no shared cache, whatever the server thinks of its own
        // part (RFC 9111 section 7.3).
        if !is_private(response) {
            response.insert_header(CACHE_CONTROL, HeaderValue::from_static("private"))?;
        }
    }
    response.insert_header(X_REQUEST_ID_WRITTEN, exchange.id.to_value())
}

/// A server sets no cookie of ours: it could put its visitors into a session of somebody else, or out of their own.
fn drop_forged_cookies(response: &mut ResponseHeader, exchange: &Exchange) -> Result<()> {
    let is_forged = |field: &HeaderValue| {
        let name = field.as_bytes().split(|byte| matches!(byte, b'=' | b';')).next().unwrap_or_default();
        exchange.snapshot.is_own_cookie(name.trim_ascii())
    };
    if !response.headers.get_all(SET_COOKIE).iter().any(is_forged) {
        return Ok(());
    }
    let kept: SmallVec<[HeaderValue; 4]> =
        response.headers.get_all(SET_COOKIE).iter().filter(|field| !is_forged(field)).cloned().collect();
    response.remove_header(&SET_COOKIE);
    for field in kept {
        response.append_header(SET_COOKIE, field)?;
    }
    Ok(())
}

/// Whether `Cache-Control` keeps the whole answer out of shared caches.
fn is_private(response: &ResponseHeader) -> bool {
    let fields = response.headers.get_all(CACHE_CONTROL).iter().filter_map(|field| field.to_str().ok());
    fields.flat_map(|field| field.split(',')).map(str::trim).any(|directive| {
        directive.eq_ignore_ascii_case("private") || directive.eq_ignore_ascii_case("no-store")
    })
}

fn upgraded(exchange: &Exchange) -> Option<InFlight> {
    let arrived_at = exchange.outcome.listener.as_ref()?;
    let route = exchange.outcome.route.as_ref()?;
    route.metrics.get(arrived_at).map(|counters| counters.upgraded())
}

fn remove_hop_fields(response: &mut ResponseHeader) {
    if response.headers.contains_key(CONNECTION) {
        let nominated: SmallVec<[String; 4]> = response
            .headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|field| field.to_str().ok())
            .flat_map(|field| field.split(','))
            .map(|option| option.trim().to_ascii_lowercase())
            .filter(|option| !matches!(option.as_str(), "" | "close" | "keep-alive" | "upgrade"))
            .filter(|option| !is_framing(option))
            .collect();
        for name in nominated {
            response.remove_header(name.as_str());
        }
    }
    for name in &HOP_FIELDS {
        if response.headers.contains_key(name) {
            response.remove_header(name);
        }
    }
}

/// Fields that say where an answer ends, or whom it is for: a server cannot have them removed.
fn is_framing(option: &str) -> bool {
    matches!(
        option,
        "content-length" | "transfer-encoding" | "content-encoding" | "set-cookie" | "cache-control"
    )
}
