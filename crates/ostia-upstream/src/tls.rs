//! TLS towards servers: whom we believe, who we are, and which name a server must prove.
//!
//! Chain and name are always checked: there is no key that turns it off, and no peer without a name is ever made, for
//! which Pingora would not check anything.

mod material;

use std::io;
use std::sync::Arc;

use ostia_config::upstream::Tls as Section;
use pingora_core::protocols::tls::CaType;
use pingora_core::utils::tls::{CertKey, WrappedX509, parse_x509};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use material::Material;

pub use material::{TlsFault, TlsRefused};

/// The TLS of an upstream, its files read. Made once per configuration.
#[derive(Clone, Debug)]
pub struct UpstreamTls(Arc<Inner>);

struct Inner {
    name: ServerName<'static>,
    /// The name for Pingora; never empty.
    sni: String,
    config: Arc<ClientConfig>,
    /// For Pingora's own connections.
    authorities: Arc<CaType>,
    client: Option<Arc<CertKey>>,
    /// Differs when anything differs that decides whom we talk to.
    digest: u64,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamTls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl UpstreamTls {
    /// Reads the files of a section.
    ///
    /// # Errors
    /// A file that cannot be used.
    pub fn load(section: &Section) -> Result<Self, TlsRefused> {
        let material = Material::read(section)?;
        let digest = material.digest(section);
        let mut config = material.client_config(Arc::new(aws_lc_rs::default_provider()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let wrap = |der: &[u8]| WrappedX509::new(der.to_vec(), parse_x509);
        let authorities: Vec<_> = material.authorities.iter().map(|der| wrap(der)).collect();
        let client = material.client.as_ref().map(|(chain, key)| {
            let chain = chain.iter().map(|der| der.to_vec()).collect();
            Arc::new(CertKey::new(chain, key.secret_der().to_vec()))
        });
        Ok(Self(Arc::new(Inner {
            name: material::server_name(section)?,
            sni: section.server_name.clone(),
            config: Arc::new(config),
            authorities: authorities.into(),
            client,
            digest,
        })))
    }

    pub(crate) fn line(&self) -> ServerTls {
        ServerTls { connector: TlsConnector::from(Arc::clone(&self.0.config)), name: self.0.name.clone() }
    }

    pub(crate) fn sni(&self) -> &str {
        &self.0.sni
    }

    pub(crate) fn authorities(&self) -> &Arc<CaType> {
        &self.0.authorities
    }

    pub(crate) fn client(&self) -> Option<&Arc<CertKey>> {
        self.0.client.as_ref()
    }

    pub(crate) fn digest(&self) -> u64 {
        self.0.digest
    }
}

impl PartialEq for UpstreamTls {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

/// The TLS of one line.
#[derive(Clone)]
pub(crate) struct ServerTls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl ServerTls {
    pub(crate) async fn handshake<S>(&self, socket: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.connector.connect(self.name.clone(), socket).await
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls").field("name", &self.name).finish_non_exhaustive()
    }
}
