//! TLS of a listener: which versions and protocols are spoken, with which certificates.

use std::any::Any;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use ostia_config::listener::{Protocols, Tls as Section, TlsVersion};
use pingora_core::listeners::TlsAccept;
use pingora_core::listeners::tls::{Acceptor, TlsSettings};
use pingora_core::protocols::tls::{TlsRef, TlsStream};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ProducesTickets};

use crate::certificate::{CertificateRefused, CertificateState, Certificates};
use crate::socket::Socket;

/// What the TLS handshake of a connection said.
///
/// In the request path: `session.digest()?.ssl_digest.as_ref()?.extension.get::<Handshake>()`, where `None` means
/// that the listener speaks plain HTTP. The same for every request of the connection, HTTP/2 included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// SNI (RFC 6066 section 3), lower case; `None` when the client sent none.
    pub server_name: Option<String>,
    /// `TLSv1_2` or `TLSv1_3`, as rustls writes them.
    pub version: &'static str,
    /// The cipher suite's name in the IANA registry, as rustls writes it.
    pub cipher: &'static str,
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsRefused {
    /// A certificate or key.
    #[error(transparent)]
    Certificate(#[from] CertificateRefused),
    /// The section names no certificate.
    #[error("`tls.certificates` is empty; give at least one pair of cert_file and key_file")]
    NoCertificates,
    /// The TLS library refused the settings.
    #[error("the TLS library refused the settings: {0}")]
    Library(rustls::Error),
}

/// The key of session tickets; shared by all configurations of a listener, so that a reload resumes sessions.
#[derive(Clone, Debug)]
pub(crate) struct Tickets(Arc<dyn ProducesTickets>);

impl Tickets {
    pub(crate) fn new() -> Result<Self, TlsRefused> {
        aws_lc_rs::Ticketer::new().map(Self).map_err(TlsRefused::Library)
    }
}

/// Everything a handshake needs; immutable, a reload makes another.
pub(crate) struct Tls {
    acceptor: Acceptor,
    certificates: Arc<Certificates>,
    protocols: Protocols,
}

impl Tls {
    pub(crate) fn compile(
        section: &Section,
        protocols: Protocols,
        tickets: &Tickets,
    ) -> Result<Self, TlsRefused> {
        let certificates = Certificates::load(&section.certificates)?.ok_or(TlsRefused::NoCertificates)?;
        let certificates = Arc::new(certificates);
        warn_of_expired(certificates.states());
        let config = server_config(section.min_version, protocols, tickets, Arc::clone(&certificates))?;
        Ok(Self { acceptor: acceptor(config, Arc::clone(&certificates))?, certificates, protocols })
    }

    pub(crate) fn certificates(&self) -> &[CertificateState] {
        self.certificates.states()
    }

    /// Cancel safe: a dropped handshake closes the connection.
    pub(crate) async fn handshake(&self, socket: Socket) -> pingora_core::Result<TlsStream<Socket>> {
        self.acceptor.tls_handshake(socket).await
    }

    /// What a client without ALPN is taken to speak (RFC 9113 section 3.2: HTTP/2 needs ALPN).
    pub(crate) fn allows_http1(&self) -> bool {
        self.protocols.http1
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("certificates", &self.certificates.states()).finish_non_exhaustive()
    }
}

fn server_config(
    min_version: TlsVersion,
    protocols: Protocols,
    Tickets(tickets): &Tickets,
    certificates: Arc<Certificates>,
) -> Result<ServerConfig, TlsRefused> {
    let versions: &[_] = match min_version {
        TlsVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        TlsVersion::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .map_err(TlsRefused::Library)?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(certificates);
    let offers = [(protocols.http2, "h2"), (protocols.http1, "http/1.1")];
    config.alpn_protocols =
        offers.iter().filter(|(spoken, _)| *spoken).map(|(_, name)| name.as_bytes().to_vec()).collect();
    config.ticketer = Arc::clone(tickets);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// Pingora takes a whole `ServerConfig` or a callback after the handshake, but not both: so the callback is set on
/// one acceptor and the configuration put into it.
fn acceptor(config: ServerConfig, certificates: Arc<Certificates>) -> Result<Acceptor, TlsRefused> {
    // `build` makes ring the provider of the process unless there is one already.
    let _ = aws_lc_rs::default_provider().install_default();
    let mut settings = TlsSettings::with_callbacks(Box::new(TellHandshake))
        .map_err(|error| TlsRefused::Library(rustls::Error::General(error.to_string())))?;
    settings.set_cert_resolver(certificates);
    let mut acceptor = settings.build();
    acceptor.acceptor = Acceptor::from_server_config(Arc::new(config)).acceptor;
    Ok(acceptor)
}

fn warn_of_expired(certificates: &[CertificateState]) {
    for certificate in certificates.iter().filter(|c| c.not_after <= SystemTime::now()) {
        tracing::warn!(file = %certificate.file.display(), names = ?certificate.names, "certificate has expired");
    }
}

struct TellHandshake;

#[async_trait]
impl TlsAccept for TellHandshake {
    async fn handshake_complete_callback(&self, tls: &TlsRef) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::new(Handshake {
            server_name: tls.server_name().map(str::to_owned),
            version: tls.version().unwrap_or_default(),
            cipher: tls.current_cipher_name().unwrap_or_default(),
        }))
    }
}
