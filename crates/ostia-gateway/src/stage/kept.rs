//! A head that outlives its place in the connection, for the few of our own paths that wait for a body.

use std::net::IpAddr;
use std::sync::Arc;

use ostia_listener::ClientCertificate;
use ostia_request::Head;
use pingora_http::RequestHeader;

use crate::snapshot::ListenerState;
use crate::stage::origin::ToldOrigin;
use crate::stage::receive::{Arrived, authority_of};

/// What [`Arrived`] was, with a head of its own.
pub(crate) struct Kept {
    request: RequestHeader,
    peer: IpAddr,
    client: IpAddr,
    peer_is_trusted: bool,
    told_origin: ToldOrigin,
    port: u16,
    by_tls: bool,
    client_certificate: Option<Arc<ClientCertificate>>,
    listener: Arc<ListenerState>,
}

impl Kept {
    /// Copies it.
    pub(crate) fn of(arrived: &Arrived<'_>) -> Self {
        Self {
            request: arrived.request.clone(),
            peer: arrived.peer,
            client: arrived.client,
            peer_is_trusted: arrived.peer_is_trusted,
            told_origin: arrived.told_origin.clone(),
            port: arrived.port,
            by_tls: arrived.by_tls,
            client_certificate: arrived.client_certificate.clone(),
            listener: Arc::clone(&arrived.listener),
        }
    }

    /// The same again. `None` never in practice: the head was examined before.
    pub(crate) fn arrived(&self) -> Option<Arrived<'_>> {
        let head = Head {
            version: self.request.version,
            method: &self.request.method,
            target: self.request.raw_path(),
            authority: authority_of(&self.request),
            headers: &self.request.headers,
        };
        let examined = ostia_request::examine(&head, &self.listener.head_limits).ok()?;
        Some(Arrived {
            request: &self.request,
            examined,
            peer: self.peer,
            client: self.client,
            peer_is_trusted: self.peer_is_trusted,
            told_origin: self.told_origin.clone(),
            port: self.port,
            by_tls: self.by_tls,
            client_certificate: self.client_certificate.clone(),
            listener: Arc::clone(&self.listener),
            shows_forms: true,
        })
    }
}
