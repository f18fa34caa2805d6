//! TLS of a listener: which versions and protocols are spoken, with which certificates.

mod file;
mod handshake;

use std::sync::Arc;
use std::time::SystemTime;

use ostia_config::listener::{Acme, Protocols, Tls as Section, TlsVersion};
use pingora_core::listeners::tls::{Acceptor, TlsSettings};
use pingora_core::protocols::tls::TlsStream;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;

pub use file::{FileState, TlsFileRefused};
pub use handshake::Handshake;

use self::file::Contents;
use self::handshake::TellHandshake;
use crate::acme;
use crate::certificate::{CertificateState, Certificates};
use crate::node::Node;
use crate::socket::Socket;
use crate::ticket::Tickets;

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsRefused {
    /// A certificate, a key, an authority or the ticket keys.
    #[error(transparent)]
    File(#[from] TlsFileRefused),
    /// The section names no certificate.
    #[error("`tls.certificates` is empty; give at least one pair of cert_file and key_file")]
    NoCertificates,
    /// The TLS library refused the settings.
    #[error("the TLS library refused the settings: {0}")]
    Library(rustls::Error),
}

impl TlsRefused {
    /// The reason in metrics and logs.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::File(refused) => refused.slug(),
            Self::NoCertificates => "no_certificates",
            Self::Library(_) => "tls",
        }
    }
}

/// Everything a handshake needs; immutable, a change makes another.
pub(crate) struct Tls {
    acceptor: Acceptor,
    section: Section,
    protocols: Protocols,
    node: Node,
    contents: Contents,
}

impl Tls {
    /// Reads every file; the first that is refused ends it.
    pub(crate) fn compile(section: &Section, protocols: Protocols, node: &Node) -> Result<Self, TlsRefused> {
        let contents = Contents::load(section, node)?;
        Self::with(contents, section.clone(), protocols, node.clone())
    }

    /// The same with the files as they are now, when one of them changed. A file that is refused stays as it was.
    pub(crate) fn renewed(&self) -> Option<Result<Self, TlsRefused>> {
        let contents = self.contents.renewed(&self.section, &self.node)?;
        Some(Self::with(contents, self.section.clone(), self.protocols, self.node.clone()))
    }

    fn with(
        contents: Contents,
        section: Section,
        protocols: Protocols,
        node: Node,
    ) -> Result<Self, TlsRefused> {
        if section.acme.is_none() && contents.certificates.states().next().is_none() {
            return Err(TlsRefused::NoCertificates);
        }
        warn_of_expired(contents.certificates.states());
        let config = server_config(section.min_version, protocols, &contents)?;
        Ok(Self { acceptor: acceptor(config, &contents)?, section, protocols, node, contents })
    }

    pub(crate) fn certificates(&self) -> impl Iterator<Item = &CertificateState> {
        self.contents.certificates.states()
    }

    /// `acme`, and where its certificates are kept.
    pub(crate) fn acme(&self) -> Option<(&Acme, &acme::Folder)> {
        self.section.acme.as_ref().zip(self.contents.acme.as_ref().map(|(folder, _)| folder))
    }

    /// The names that `acme` is to have certificates for.
    pub(crate) fn acme_names(&self) -> &[String] {
        self.contents.acme.as_ref().map(|(_, names)| names.as_slice()).unwrap_or_default()
    }

    pub(crate) fn files(&self) -> &[FileState] {
        &self.contents.files
    }

    /// Cancel safe: a dropped handshake closes the connection.
    pub(crate) async fn handshake(&self, socket: Socket) -> pingora_core::Result<TlsStream<Socket>> {
        let stream = self.acceptor.tls_handshake(socket).await?;
        handshake::check_client(&stream, SystemTime::now())?;
        Ok(stream)
    }

    /// What a client without ALPN is taken to speak (RFC 9113 section 3.2: HTTP/2 needs ALPN).
    pub(crate) fn allows_http1(&self) -> bool {
        self.protocols.http1
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.contents.files).finish_non_exhaustive()
    }
}

fn server_config(
    min_version: TlsVersion,
    protocols: Protocols,
    contents: &Contents,
) -> Result<ServerConfig, TlsRefused> {
    let versions: &[_] = match min_version {
        TlsVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        TlsVersion::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .map_err(TlsRefused::Library)?;
    let builder = match &contents.clients {
        Some(clients) => builder.with_client_cert_verifier(Arc::clone(&clients.verifier)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::<Certificates>::clone(&contents.certificates));
    let offers = [(protocols.http2, "h2"), (protocols.http1, "http/1.1")];
    config.alpn_protocols =
        offers.iter().filter(|(spoken, _)| *spoken).map(|(_, name)| name.as_bytes().to_vec()).collect();
    // Last: a client that offers others besides is not an authority with a challenge.
    config.alpn_protocols.extend(contents.acme.as_ref().map(|_| acme::ALPN.to_vec()));
    let asked = contents.clients.as_ref().map(|clients| clients.asked).unwrap_or_default();
    config.ticketer = Arc::new(Tickets::new(Arc::clone(&contents.ticket_keys), asked));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// Pingora takes a whole `ServerConfig` or a callback after the handshake, but not both: so the callback is set on
/// one acceptor and the configuration put into it.
fn acceptor(config: ServerConfig, contents: &Contents) -> Result<Acceptor, TlsRefused> {
    // `build` makes ring the provider of the process unless there is one already.
    let _ = aws_lc_rs::default_provider().install_default();
    let tell = TellHandshake::new(Arc::clone(&contents.certificates));
    let mut settings = TlsSettings::with_callbacks(Box::new(tell))
        .map_err(|error| TlsRefused::Library(rustls::Error::General(error.to_string())))?;
    settings.set_cert_resolver(Arc::<Certificates>::clone(&contents.certificates));
    let mut acceptor = settings.build();
    acceptor.acceptor = Acceptor::from_server_config(Arc::new(config)).acceptor;
    Ok(acceptor)
}

fn warn_of_expired<'a>(certificates: impl Iterator<Item = &'a CertificateState>) {
    for certificate in certificates.filter(|c| c.not_after <= SystemTime::now()) {
        tracing::warn!(file = %certificate.file.display(), names = ?certificate.names, "certificate has expired");
    }
}
