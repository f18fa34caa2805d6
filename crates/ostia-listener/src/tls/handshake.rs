//! What a handshake said, kept with the connection for the request path.

use std::any::Any;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use pingora_core::listeners::TlsAccept;
use pingora_core::protocols::Ssl;
use pingora_core::protocols::tls::{TlsRef, TlsStream};
use pingora_core::{Error, ErrorType, Result};

use crate::certificate::Certificates;
use crate::client_certificate::ClientCertificate;
use crate::socket::Socket;

/// What the TLS handshake of a connection said.
///
/// In the request path: `session.digest()?.ssl_digest.as_ref()?.extension.get::<Handshake>()`, where `None` means
/// that the listener speaks plain HTTP. The same for every request of the connection, HTTP/2 included.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// SNI (RFC 6066 section 3), lower case; `None` when the client sent none.
    pub server_name: Option<String>,
    /// `TLSv1_2` or `TLSv1_3`, as rustls writes them.
    pub version: &'static str,
    /// The cipher suite's name in the IANA registry, as rustls writes it.
    pub cipher: &'static str,
    /// The client's certificate, when it was asked for one and showed one. A resumed session has that of its first
    /// handshake.
    pub client_certificate: Option<Arc<ClientCertificate>>,
    certificates: Arc<Certificates>,
}

impl Handshake {
    /// Whether a request for `host` (lower case or not, without port) belongs on this connection: the host is the
    /// client's SNI, or the certificate that was shown covers it too (RFC 9113 section 9.1.1). A client that sent no
    /// SNI may ask for any. What does not belong is answered with 421.
    #[must_use]
    pub fn agrees_with(&self, host: &str) -> bool {
        match self.server_name.as_deref() {
            None => true,
            // Nearly always the very same bytes, which are compared many at once.
            Some(name) => {
                name == host || name.eq_ignore_ascii_case(host) || self.certificates.cover(name, host)
            }
        }
    }
}

/// A certificate that cannot be read or is no longer valid ends the connection. The full handshake has checked it; a
/// resumed one has not.
pub(super) fn check_client(stream: &TlsStream<Socket>, now: SystemTime) -> Result<()> {
    let shown = stream.get_ssl().is_some_and(|tls| tls.peer_certificate_der().is_some());
    let digest = stream.ssl_digest();
    let told = digest.as_ref().and_then(|digest| digest.extension.get::<Handshake>());
    let certificate = told.and_then(|told| told.client_certificate.as_ref());
    match certificate {
        None if shown => refuse("the client's certificate cannot be read"),
        Some(certificate) if !certificate.is_valid(now) => refuse("the client's certificate has ended"),
        _ => Ok(()),
    }
}

fn refuse(reason: &'static str) -> Result<()> {
    Error::e_explain(ErrorType::TLSHandshakeFailure, reason)
}

/// Keeps what a handshake said.
pub(super) struct TellHandshake {
    certificates: Arc<Certificates>,
}

impl TellHandshake {
    pub(super) fn new(certificates: Arc<Certificates>) -> Self {
        Self { certificates }
    }
}

#[async_trait]
impl TlsAccept for TellHandshake {
    async fn handshake_complete_callback(&self, tls: &TlsRef) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::new(Handshake {
            server_name: tls.server_name().map(str::to_owned),
            version: tls.version().unwrap_or_default(),
            cipher: tls.current_cipher_name().unwrap_or_default(),
            client_certificate: tls.peer_certificate_der().and_then(ClientCertificate::parse).map(Arc::new),
            certificates: Arc::clone(&self.certificates),
        }))
    }
}
