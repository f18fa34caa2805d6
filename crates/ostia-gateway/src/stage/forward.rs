//! What the server gets: the client's request without what must not go on, with what only Ostia may say, last.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, COOKIE, HOST, TE};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use ostia_request::cookie::{self, Cut};
use pingora_error::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use smallvec::SmallVec;

use crate::exchange::{Exchange, Progress};
use crate::fields::edit_fields;
use crate::recognised::Recognised;
use crate::request_id::RequestId;
use crate::stage::authorize::Authorized;
use crate::stage::origin::X_FORWARDED_PORT;
use crate::stage::reply::is_of_connections;

/// The client's address as proxies write it; believed only from trusted peers, rewritten otherwise.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `http` or `https`, as the client came.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host that the client asked for.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// The same in one field (RFC 7239): goes on from trusted peers, removed from everybody else.
pub const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
/// The request's name.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Fields about the client that only Ostia writes, beside those of `identity`.
pub const FORWARDING_FIELDS: [HeaderName; 4] =
    [X_FORWARDED_PROTO, X_FORWARDED_HOST, X_FORWARDED_PORT, X_REQUEST_ID];

/// Dresses the request for the server. Runs for each try, after Pingora removed hop-by-hop fields, so nothing that a
/// client nominates in `Connection` can remove what is set here.
///
/// # Errors
/// When there is nobody authorized, which the types make unreachable, or a field cannot be written.
pub fn forward(upstream: &mut RequestHeader, exchange: &Exchange) -> Result<()> {
    let Progress::Forwarding(forwarding) = &exchange.progress else {
        return Error::e_explain(ErrorType::InternalError, "nobody was authorized");
    };
    let authorized = &forwarding.authorized;
    if let Some(target) = authorized.rewritten_target() {
        upstream.set_raw_path(target.as_bytes())?;
    }
    // Pingora strips `TE` with the fields of the hop where the client's stream has a body; gRPC asks each hop for it.
    let is_grpc_stream = exchange.is_conversation && upstream.version == Version::HTTP_2;
    edit_fields(upstream, |fields| {
        // Grown once for what is set below.
        fields.reserve(
            FORWARDING_FIELDS.len() + 1 + authorized.caller().map_or(0, |caller| caller.fields.len()),
        );
        if is_grpc_stream {
            fields.insert(TE, HeaderValue::from_static("trailers"));
        }
        cut_own_cookies(fields, exchange);
        if authorized.hides_authorization() {
            fields.remove(AUTHORIZATION);
        } else if let Some(trip) = &forwarding.trip
            && fields.get(AUTHORIZATION).is_some_and(|value| is_of_connections(value.as_bytes()))
        {
            trip.spoil();
        }
        tell_about_the_client(fields, authorized, exchange.id);
        if let Some(caller) = authorized.caller() {
            for (name, value) in &caller.fields {
                fields.insert(name.clone(), value.clone());
            }
            say_signed(fields, caller, authorized, exchange);
        }
        for edit in authorized.edits() {
            edit.apply(fields);
        }
    })
}

/// The request went out whole: the server's time to answer begins.
pub fn request_complete(exchange: &Exchange) {
    if let Progress::Forwarding(forwarding) = &exchange.progress
        && let Some(trip) = &forwarding.trip
    {
        trip.request_complete();
    }
}

/// The signed statements about the caller; nothing to do where none are wanted.
fn say_signed(fields: &mut HeaderMap, caller: &Recognised, authorized: &Authorized, exchange: &Exchange) {
    let host = fields.get(HOST).and_then(|host| host.to_str().ok()).map_or("", name_of);
    let signed = exchange.snapshot.assertions.of(caller, authorized.shared_route(), host, exchange.now);
    for (name, value) in signed.iter().flat_map(|signed| signed.fields.iter()) {
        fields.insert(name.clone(), value.clone());
    }
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn cut_own_cookies(fields: &mut HeaderMap, exchange: &Exchange) {
    let snapshot = &exchange.snapshot;
    let Some(field) = fields.get(COOKIE) else { return };
    match cookie::without(field.as_bytes(), |name| snapshot.is_own_cookie(name)) {
        Cut::Unchanged => {}
        Cut::Empty => {
            fields.remove(COOKIE);
        }
        Cut::Changed(rest) => {
            let rest = pingora_http::header_value_from_raw(rest);
            fields.insert(COOKIE, rest);
        }
    }
}

fn tell_about_the_client(fields: &mut HeaderMap, authorized: &Authorized, id: RequestId) {
    let chain = authorized.forwarded_for(fields.get_all(X_FORWARDED_FOR));
    match authorized.forwarded(fields.get_all(FORWARDED)) {
        Some(chain) => drop(fields.insert(FORWARDED, chain)),
        None => drop(fields.remove(FORWARDED)),
    }
    fields.insert(X_FORWARDED_FOR, chain);
    let scheme = if authorized.client_came_by_tls() { "https" } else { "http" };
    fields.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    let told = authorized.told_origin();
    if let Some(host) = told.host.as_ref().or_else(|| fields.get(HOST)).cloned() {
        fields.insert(X_FORWARDED_HOST, host);
    }
    let own_port = || Some(authorized.port()).filter(|port| *port != 0).map(HeaderValue::from);
    if let Some(port) = told.port.clone().or_else(own_port) {
        fields.insert(X_FORWARDED_PORT, port);
    }
    fields.insert(X_REQUEST_ID, id.to_value());
}

/// An address as a field value.
#[must_use]
pub fn address_value(address: IpAddr) -> HeaderValue {
    let mut text = SmallVec::<[u8; 45]>::new();
    match address {
        IpAddr::V4(address) => {
            let mut digits = itoa::Buffer::new();
            for (position, octet) in address.octets().into_iter().enumerate() {
                if position > 0 {
                    text.push(b'.');
                }
                text.extend_from_slice(digits.format(octet).as_bytes());
            }
        }
        IpAddr::V6(address) => {
            text.extend_from_slice(address.to_string().as_bytes());
        }
    }
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}
