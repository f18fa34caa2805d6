//! The files of an upstream's `tls`: read, and refused where they cannot be used.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ostia_config::upstream::Tls as Section;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A file of `upstreams.*.tls` that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct TlsRefused {
    /// The file, or what stands for it.
    pub file: String,
    /// What is wrong with it.
    pub fault: TlsFault,
}

/// What is wrong with such a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// It cannot be read.
    #[error("cannot be read ({0}); check that it exists and that Ostia's user may read it")]
    Unreadable(std::io::Error),
    /// It holds no certificate.
    #[error("holds no PEM certificate")]
    NoCertificate,
    /// It holds no private key.
    #[error("holds no PEM private key; PKCS#8, PKCS#1 or SEC1, not encrypted")]
    NoKey,
    /// A certificate that is none.
    #[error("holds something that is no X.509 certificate")]
    NotX509,
    /// The key does not belong to the certificate, or cannot be used.
    #[error("cannot be used with its certificate ({0})")]
    Unusable(rustls::Error),
    /// No certificate can be for it.
    #[error("is no name that a certificate can be for")]
    NoName,
    /// The system has no certificate authorities.
    #[error("no certificate authority was found; install ca-certificates, or set `ca_file`")]
    NoAuthorities,
}

impl TlsFault {
    /// The reason in metrics and logs.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NoCertificate => "no_certificate",
            Self::NoKey => "no_key",
            Self::NotX509 => "not_x509",
            Self::Unusable(_) => "unusable_key",
            Self::NoName => "no_name",
            Self::NoAuthorities => "no_authorities",
        }
    }
}

/// What the files hold.
pub(super) struct Material {
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    key_file: Option<PathBuf>,
}

impl Material {
    pub(super) fn read(section: &Section) -> Result<Self, TlsRefused> {
        let authorities = match &section.ca_file {
            Some(path) => certificates(path)?,
            None => of_the_system()?,
        };
        let client = match &section.client {
            Some(client) => Some((certificates(&client.cert_file)?, key(&client.key_file)?)),
            None => None,
        };
        let key_file = section.client.as_ref().map(|client| client.key_file.clone());
        Ok(Self { authorities, client, key_file })
    }

    pub(super) fn client_config(&self, provider: Arc<CryptoProvider>) -> Result<ClientConfig, TlsRefused> {
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(self.authorities.iter().cloned());
        if added == 0 {
            return Err(TlsRefused { file: "ca_file".to_owned(), fault: TlsFault::NotX509 });
        }
        let unusable = |error| TlsRefused {
            file: self
                .key_file
                .as_deref()
                .map_or_else(|| "tls".to_owned(), |path| path.display().to_string()),
            fault: TlsFault::Unusable(error),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots);
        match &self.client {
            Some((chain, key)) => {
                config.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(unusable)
            }
            None => Ok(config.with_no_client_auth()),
        }
    }

    /// Two upstreams whose digests differ never share a connection.
    pub(super) fn digest(&self, section: &Section) -> u64 {
        let mut hasher = DefaultHasher::new();
        section.server_name.hash(&mut hasher);
        for der in &self.authorities {
            der.as_ref().hash(&mut hasher);
        }
        if let Some((chain, key)) = &self.client {
            chain.iter().for_each(|der| der.as_ref().hash(&mut hasher));
            key.secret_der().hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// The name that certificates must be for; never an empty one.
pub(super) fn server_name(section: &Section) -> Result<ServerName<'static>, TlsRefused> {
    let name = ServerName::try_from(section.server_name.clone());
    name.map_err(|_| TlsRefused { file: format!("`{}`", section.server_name), fault: TlsFault::NoName })
}

fn refused(path: &Path, fault: TlsFault) -> TlsRefused {
    TlsRefused { file: path.display().to_string(), fault }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsRefused> {
    let text = std::fs::read(path).map_err(|error| refused(path, TlsFault::Unreadable(error)))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|_| refused(path, TlsFault::NotX509))?;
    if found.is_empty() {
        return Err(refused(path, TlsFault::NoCertificate));
    }
    if found.iter().any(|der| !is_certificate(der)) {
        return Err(refused(path, TlsFault::NotX509));
    }
    Ok(found)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsRefused> {
    let text = std::fs::read(path).map_err(|error| refused(path, TlsFault::Unreadable(error)))?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| refused(path, TlsFault::NoKey))
}

fn of_the_system() -> Result<Vec<CertificateDer<'static>>, TlsRefused> {
    let mut found = rustls_native_certs::load_native_certs().certs;
    found.retain(|der| is_certificate(der));
    if found.is_empty() {
        return Err(TlsRefused { file: "tls".to_owned(), fault: TlsFault::NoAuthorities });
    }
    Ok(found)
}

/// Asked before Pingora is given one, which would panic on anything else.
fn is_certificate(der: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(rest, _)| rest.is_empty())
}
