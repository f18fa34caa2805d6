//! What the server gets: the client's request without what must not go on, with what only Ostia may say, last.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, COOKIE, HOST};
use http::{HeaderName, HeaderValue};
use ostia_request::cookie::{self, Cut};
use pingora_error::{Error, ErrorType, Result};
use pingora_http::RequestHeader;

use crate::exchange::{Exchange, Progress};
use crate::request_id::RequestId;
use crate::stage::authorize::Authorized;

/// The client's address as proxies write it; believed only from trusted peers, rewritten otherwise.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `http` or `https`, as the client came.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The host that the client asked for.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Removed: nothing reads it here, and what a client wrote there must not be believed behind us.
pub const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
/// The request's name.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// [`X_REQUEST_ID`] as it is written. Static text: Pingora would copy a name of its own for each request.
pub const X_REQUEST_ID_WRITTEN: &str = "X-Request-Id";
const X_FORWARDED_FOR_WRITTEN: &str = "X-Forwarded-For";
const X_FORWARDED_PROTO_WRITTEN: &str = "X-Forwarded-Proto";
const X_FORWARDED_HOST_WRITTEN: &str = "X-Forwarded-Host";

/// Fields about the client that only Ostia writes, beside those of `identity`.
pub const FORWARDING_FIELDS: [HeaderName; 3] = [X_FORWARDED_PROTO, X_FORWARDED_HOST, X_REQUEST_ID];

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
    cut_own_cookies(upstream, exchange)?;
    if authorized.hides_authorization() {
        upstream.remove_header(&AUTHORIZATION);
    }
    tell_about_the_client(upstream, authorized, exchange.id)?;
    if let Some(caller) = authorized.caller() {
        for (name, value) in &caller.fields {
            upstream.insert_header(name.clone(), value.clone())?;
        }
    }
    for edit in authorized.edits() {
        edit.apply(upstream)?;
    }
    Ok(())
}

fn cut_own_cookies(upstream: &mut RequestHeader, exchange: &Exchange) -> Result<()> {
    let snapshot = &exchange.snapshot;
    let Some(field) = upstream.headers.get(COOKIE) else { return Ok(()) };
    match cookie::without(field.as_bytes(), |name| snapshot.is_own_cookie(name)) {
        Cut::Unchanged => {}
        Cut::Empty => {
            upstream.remove_header(&COOKIE);
        }
        Cut::Changed(rest) => {
            let rest = pingora_http::header_value_from_raw(rest);
            upstream.insert_header(COOKIE, rest)?;
        }
    }
    Ok(())
}

fn tell_about_the_client(upstream: &mut RequestHeader, authorized: &Authorized, id: RequestId) -> Result<()> {
    let chain = authorized.forwarded_for(upstream.headers.get_all(X_FORWARDED_FOR));
    upstream.remove_header(&FORWARDED);
    upstream.insert_header(X_FORWARDED_FOR_WRITTEN, chain)?;
    let scheme = if authorized.client_came_by_tls() { "https" } else { "http" };
    upstream.insert_header(X_FORWARDED_PROTO_WRITTEN, HeaderValue::from_static(scheme))?;
    if let Some(host) = upstream.headers.get(HOST).cloned() {
        upstream.insert_header(X_FORWARDED_HOST_WRITTEN, host)?;
    }
    upstream.insert_header(X_REQUEST_ID_WRITTEN, id.to_value())
}

/// An address as a field value, without allocation.
#[must_use]
pub fn address_value(address: IpAddr) -> HeaderValue {
    use std::io::Write as _;
    let mut text = [0_u8; 45];
    let mut rest = text.as_mut_slice();
    let _ = write!(rest, "{address}");
    let left = rest.len();
    let written = text.get(..text.len() - left).unwrap_or_default();
    HeaderValue::from_bytes(written).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}
