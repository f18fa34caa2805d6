//! Connections to loopback addresses, plain or TLS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::exchange::ExchangeFailed;

/// A byte stream in both directions.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Whose certificates are accepted for `https`.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

/// A certificate that cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustRefused {
    /// It is not PEM with a certificate in it.
    #[error("the certificate is not PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// The library refuses it.
    #[error("the certificate cannot be used")]
    Certificate(#[source] rustls::Error),
}

impl Trust {
    /// No certificate at all: only plain `http` works.
    #[must_use]
    pub fn none() -> Self {
        Self::roots(RootCertStore::empty())
    }

    /// Exactly this self-signed certificate, or what this authority signed.
    ///
    /// # Errors
    /// When the text holds no certificate.
    pub fn certificate(pem: &str) -> Result<Self, TrustRefused> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(TrustRefused::Pem)?;
        roots.add(certificate).map_err(TrustRefused::Certificate)?;
        Ok(Self::roots(roots))
    }

    fn roots(roots: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        #[expect(clippy::expect_used, reason = "the provider supports both protocol versions")]
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs supports TLS 1.2 and 1.3");
        Self(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

/// Connects to the host and port of `url`, with TLS when it is `https`.
///
/// # Errors
/// When the host is not loopback, nobody listens, or the certificate is not trusted.
pub async fn connect(url: &Url, trust: &Trust) -> Result<Box<dyn Connection>, ExchangeFailed> {
    let refused = || ExchangeFailed::NotLoopback(url.origin().ascii_serialization());
    let addresses = loopback_addresses(url).ok_or_else(refused)?;
    let port = url.port_or_known_default().ok_or_else(refused)?;
    let tcp = connect_any(&addresses, port)
        .await
        .map_err(|source| ExchangeFailed::Connect { to: url.origin().ascii_serialization(), source })?;
    tcp.set_nodelay(true).map_err(ExchangeFailed::Broken)?;
    if url.scheme() != "https" {
        return Ok(Box::new(tcp));
    }
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(|_| refused())?;
    let connector = TlsConnector::from(Arc::clone(&trust.0));
    Ok(Box::new(connector.connect(name, tcp).await.map_err(ExchangeFailed::Tls)?))
}

async fn connect_any(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for &address in addresses {
        match TcpStream::connect((address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// `localhost` and the names under it are loopback by definition (RFC 6761 section 6.3).
fn loopback_addresses(url: &Url) -> Option<Vec<IpAddr>> {
    match url.host()? {
        Host::Domain(name) if name == "localhost" || name.ends_with(".localhost") => {
            Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
        }
        Host::Domain(_) => None,
        Host::Ipv4(address) => address.is_loopback().then(|| vec![address.into()]),
        Host::Ipv6(address) => address.is_loopback().then(|| vec![address.into()]),
    }
}
