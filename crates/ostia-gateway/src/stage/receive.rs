//! What arrived: deadlines set, fields that only Ostia may write removed, the head examined before any of it is
//! believed.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, ACCEPT, CONTENT_TYPE, COOKIE};
use http::{HeaderName, HeaderValue, StatusCode, Version};
use ostia_listener::{ClientCertificate, Handshake};
use ostia_request::{Body, Examined, Head, cookie, is_form_navigation, is_navigation};
use pingora_error::{Error, ErrorType, Result};
use pingora_http::RequestHeader;
use pingora_proxy::Session as Downstream;
use smallvec::SmallVec;

use crate::answer::{Answer, Reader, Refusal};
use crate::exchange::Exchange;
use crate::fields::edit_fields;
use crate::proxy::Front;
use crate::snapshot::{ListenerState, Snapshot};
use crate::stage::authorize::Authorized;
use crate::stage::origin::{ToldOrigin, told_by_proxies};

/// Bytes a second that a request body comes with at least, on the whole, once `limits.body_timeout` is over. A modem
/// of the last century is ten times faster.
const SLOWEST_BODY: u64 = 240;

/// A request head that has one reading, and the connection it came by.
pub struct Arrived<'a> {
    /// The head as it goes on.
    pub request: &'a RequestHeader,
    /// What it says.
    pub examined: Examined<'a>,
    /// Who connected.
    pub peer: IpAddr,
    /// The client, as far as trusted peers tell.
    pub client: IpAddr,
    /// Whether the peer is one whose forwarding fields are believed.
    pub peer_is_trusted: bool,
    /// Which host and port a trusted peer says that the client asked for.
    pub told_origin: ToldOrigin,
    /// The port that the peer connected to; 0 where nobody knows.
    pub port: u16,
    /// Whether the client came by TLS.
    pub by_tls: bool,
    /// The certificate that the peer showed, if it was asked for one. It speaks for the connection, not for a client
    /// behind a trusted proxy.
    pub client_certificate: Option<Arc<ClientCertificate>>,
    /// Where it came in.
    pub listener: Arc<ListenerState>,
    /// Whether a person who posted a form gets a page. Elsewhere that is told as to a program: a sign-in that began
    /// there would lose the form.
    pub shows_forms: bool,
}

impl Arrived<'_> {
    /// Who reads the answer. Looked at only when Ostia answers itself.
    #[must_use]
    pub fn reader(&self) -> Reader {
        if self.shows_forms && is_form_navigation(&self.request.method, &self.request.headers) {
            return Reader::Person;
        }
        reader_of(self.request)
    }

    /// Whether a form stood on our own host, as far as the browser says: one of another site could act against the will of
    /// whoever posts it.
    #[must_use]
    pub(crate) fn is_from_here(&self) -> bool {
        let headers = &self.request.headers;
        if let Some(site) = headers.get("sec-fetch-site") {
            return site == "same-origin" || site == "none";
        }
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let host = self.examined.host();
        origin.to_str().ok().and_then(|origin| url::Url::parse(origin).ok()).is_some_and(|origin| {
            origin.host_str().is_some_and(|name| name.eq_ignore_ascii_case(host.name()))
                && (host.port().is_none() || origin.port_or_known_default() == host.port())
        })
    }
}

/// Sets the deadlines of the listener on this exchange.
pub fn set_deadlines(front: &Front, downstream: &mut Downstream, exchange: &Exchange) {
    let Some(listener) = exchange.snapshot.listener(&front.listener) else { return };
    let limits = &listener.limits;
    downstream.set_read_timeout(Some(limits.body_timeout));
    downstream.set_write_timeout(Some(limits.body_timeout));
    downstream.set_total_drain_timeout(Some(limits.body_timeout.min(std::time::Duration::from_secs(5))));
}

/// Makes this exchange the last of its HTTP/1.1 connection when the process is leaving.
pub fn close_when_leaving(front: &Front, downstream: &mut Downstream) {
    if front.gateway.is_draining() {
        downstream.set_keepalive(None);
    }
}

/// What is a conversation and no body may be silent for longer than a body may pause: a connection that becomes a
/// tunnel, and a stream of gRPC.
pub fn set_stream_deadlines(downstream: &mut Downstream, exchange: &mut Exchange, authorized: &Authorized) {
    let idle = authorized.idle_timeout();
    let calls = || authorized.group().config().protocol.is_multiplexed() && is_grpc(downstream.req_header());
    exchange.is_conversation = authorized.is_upgrade() || calls();
    if exchange.is_conversation {
        downstream.set_read_timeout(Some(idle));
        downstream.set_write_timeout(Some(idle));
    }
    let is_patient = exchange.is_conversation || wants_events(downstream.req_header());
    exchange.server_may_be_silent = is_patient.then_some(idle);
}

/// Whether the client waits for server-sent events; its `Accept` says so (HTML standard, section 9.2.2).
fn wants_events(request: &RequestHeader) -> bool {
    let accepts = request.headers.get(ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    accepts.get(..17).is_some_and(|media_type| media_type.eq_ignore_ascii_case(b"text/event-stream"))
}

/// By the media type, as every gRPC client sends it (gRPC over HTTP/2, "Requests").
fn is_grpc(request: &RequestHeader) -> bool {
    let media_type = request.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    request.version == Version::HTTP_2 && media_type.starts_with(b"application/grpc")
}

/// Counts the body against its bound, and its pace; an announced length was checked with the head.
///
/// # Errors
/// 413 when there is more than the listener or the route takes, 408 when it drips.
pub fn count_body(front: &Front, body: &Option<Bytes>, exchange: &mut Exchange) -> Result<()> {
    let Some(chunk) = body else { return Ok(()) };
    exchange.outcome.body_bytes += chunk.len() as u64;
    if exchange.outcome.upgraded.is_some() {
        return Ok(());
    }
    let Some(listener) = exchange.snapshot.listener(&front.listener) else { return Ok(()) };
    let of_route = exchange.outcome.route.as_ref().and_then(|route| route.handling.body_bytes);
    if exchange.outcome.body_bytes > listener.limits.body_bytes.min(of_route.unwrap_or(u64::MAX)) {
        return Error::e_explain(ErrorType::HTTPStatus(413), "the body is larger than is taken here");
    }
    let took = exchange.body_began.get_or_insert_with(Instant::now).elapsed();
    if !exchange.is_conversation
        && is_dripping(exchange.outcome.body_bytes, took, listener.limits.body_timeout)
    {
        return Error::e_explain(ErrorType::HTTPStatus(408), "the body comes too slowly");
    }
    Ok(())
}

/// Whether a body comes so slowly that it only holds a server's connection: a byte now and then keeps every deadline
/// between two reads. The time that the server takes to read counts as well, but what stands in buffers by then is
/// more than this pace asks for.
fn is_dripping(bytes: u64, elapsed: Duration, grace: Duration) -> bool {
    elapsed > grace && bytes < SLOWEST_BODY.saturating_mul(elapsed.as_secs())
}

/// Cleans and examines the head.
///
/// # Errors
/// The finished answer that refuses it.
pub fn receive<'a>(
    front: &Front,
    downstream: &'a mut Downstream,
    exchange: &mut Exchange,
) -> std::result::Result<Arrived<'a>, Answer> {
    let snapshot = Arc::clone(&exchange.snapshot);
    let peer = downstream
        .client_addr()
        .and_then(|address| address.as_inet().map(std::net::SocketAddr::ip))
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let port = downstream.server_addr().and_then(|address| address.as_inet().map(std::net::SocketAddr::port));
    let port = port.unwrap_or_default();
    exchange.outcome.client = Some(peer);
    exchange.outcome.listener = Some(front.listener.clone());
    let tls = downstream.digest().and_then(|digest| digest.ssl_digest.clone());
    let handshake = tls.as_ref().and_then(|tls| tls.extension.get::<Handshake>());
    let request = downstream.req_header_mut();
    exchange.outcome.method = Some(request.method.clone());
    let id = exchange.id;
    let refused = |request: &RequestHeader, refusal: Refusal<'_>| {
        Answer::refuse(&refusal, reader_of(request), &snapshot.pages, id.as_str()).last()
    };
    let Some(listener) = snapshot.listener(&front.listener).cloned() else {
        let refusal = Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "listener_removed",
            "This address is no longer served",
        );
        return Err(refused(request, refusal));
    };
    if ostia_request::hop::nominates_managed(&request.headers, &snapshot.managed) {
        let refusal = Refusal::new(
            StatusCode::BAD_REQUEST,
            "nominates_managed_field",
            "The request asks to remove a field that only this proxy may write",
        );
        return Err(refused(request, refusal));
    }
    let peer_is_trusted = ostia_request::client::is_trusted(peer, &listener.trusted_proxies);
    // Before the forwarding fields are removed with the other managed ones.
    let told = ostia_request::client(peer, &request.headers, &listener.trusted_proxies).map_err(|found| {
        let advice = found.to_string();
        let title = "A proxy before us wrote what cannot be read";
        refused(request, Refusal::new(StatusCode::BAD_REQUEST, found.slug(), title).advise(&advice))
    })?;
    let (client, told_tls) = (told.address, told.is_tls);
    let told_origin = ToldOrigin::of(&told, &request.headers, peer_is_trusted);
    exchange.outcome.client = Some(client);
    clean(request, &snapshot, peer_is_trusted)
        .map_err(|_| refused(request, bad_request("The request's fields cannot be read")))?;

    let request: &'a RequestHeader = downstream.req_header();
    let head = Head {
        version: request.version,
        method: &request.method,
        target: request.raw_path(),
        authority: authority_of(request),
        headers: &request.headers,
    };
    let examined = ostia_request::examine(&head, &listener.head_limits).map_err(|found| {
        let advice = found.to_string();
        let title = "The request cannot be understood";
        refused(request, Refusal::new(found.status(), found.slug(), title).advise(&advice))
    })?;
    if let Body::Length(length) = examined.body()
        && length > listener.limits.body_bytes
    {
        let title = "The request's body is too large";
        let refusal = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", title);
        return Err(refused(request, refusal));
    }
    // A trusted proxy connects by the name of the node, for whichever host its client asked for.
    let agrees = handshake.is_none_or(|handshake| handshake.agrees_with(examined.host().name()));
    if !agrees && !peer_is_trusted {
        return Err(refused(request, misdirected()));
    }
    Ok(Arrived {
        request,
        examined,
        peer,
        client,
        peer_is_trusted,
        told_origin,
        port,
        by_tls: told_tls.unwrap_or(tls.is_some()),
        client_certificate: handshake.and_then(|handshake| handshake.client_certificate.clone()),
        listener,
        shows_forms: false,
    })
}

/// RFC 9110 section 15.5.20: the client asks again on a connection of its own.
fn misdirected() -> Refusal<'static> {
    Refusal::new(
        StatusCode::MISDIRECTED_REQUEST,
        "host_disagrees_with_sni",
        "The request is for another host than the connection",
    )
    .advise("The name that the TLS handshake asked for (SNI) and the certificate that it was shown do not cover this host.")
}

fn bad_request(title: &str) -> Refusal<'_> {
    Refusal::new(StatusCode::BAD_REQUEST, "bad_request", title)
}

fn reader_of(request: &RequestHeader) -> Reader {
    if is_navigation(&request.method, &request.headers) { Reader::Person } else { Reader::Machine }
}

/// `:authority` of HTTP/2 where Pingora has not made a `Host` of it.
pub(crate) fn authority_of(request: &RequestHeader) -> Option<&str> {
    if request.version != Version::HTTP_2 {
        return None;
    }
    request.uri.authority().map(http::uri::Authority::as_str)
}

/// Removes every spelling of the fields that only Ostia writes and (from strangers) that only proxies write, every field
/// with an ambiguous name, and joins the crumbs of HTTP/2 cookies.
fn clean(request: &mut RequestHeader, snapshot: &Snapshot, peer_is_trusted: bool) -> Result<()> {
    let is_unwanted = |name: &&HeaderName| {
        snapshot.managed.refuses(name.as_str()) || (!peer_is_trusted && told_by_proxies(name.as_str()))
    };
    edit_fields(request, |fields| {
        let unwanted: SmallVec<[HeaderName; 8]> = fields.keys().filter(is_unwanted).cloned().collect();
        for name in &unwanted {
            fields.remove(name);
        }
        if fields.get_all(COOKIE).iter().nth(1).is_some()
            && let Some(joined) = cookie::joined(fields).map(|field| field.into_owned())
        {
            fields.insert(COOKIE, pingora_http::header_value_from_raw(joined));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_body_below_the_slowest_pace_is_dripping() {
        let grace = Duration::from_secs(30);
        for (bytes, seconds, expected) in [
            (1, 1, false),
            (1, 30, false),
            (1, 31, true),
            (SLOWEST_BODY * 31 - 1, 31, true),
            (SLOWEST_BODY * 31, 31, false),
            (1024 * 1024, 3600, false),
            (64 * 1024, 3600, true),
        ] {
            assert_eq!(
                is_dripping(bytes, Duration::from_secs(seconds), grace),
                expected,
                "{bytes} in {seconds} s"
            );
        }
    }
}
