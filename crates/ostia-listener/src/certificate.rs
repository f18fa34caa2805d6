//! Certificates: read from files, matched with their keys, chosen by SNI.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ostia_config::listener::Certificate;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::acme;

/// Why a certificate or its key was refused.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}; {}", file.display(), reason.remedy())]
pub struct CertificateRefused {
    /// The file at fault.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: CertificateFault,
}

/// What is wrong with a certificate or key file.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    /// The file cannot be read.
    #[error("cannot be read ({0})")]
    Unreadable(std::io::Error),
    /// No `CERTIFICATE` block.
    #[error("holds no PEM certificate")]
    NoCertificate,
    /// No block with a private key.
    #[error("holds no PEM private key")]
    NoKey,
    /// A PEM block that is broken.
    #[error("is not valid PEM")]
    BrokenPem,
    /// The leaf is no X.509 certificate.
    #[error("is no X.509 certificate")]
    NotX509,
    /// A kind of key that is not supported.
    #[error("holds a key that cannot be used ({0})")]
    UnusableKey(rustls::Error),
    /// The key belongs to another certificate.
    #[error("is not the key of the certificate")]
    KeyMismatch,
    /// A certificate that cannot vouch for clients.
    #[error("holds a certificate that cannot be an authority")]
    UnusableAuthority,
}

impl CertificateFault {
    /// The reason in metrics and logs.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NoCertificate => "no_certificate",
            Self::NoKey => "no_key",
            Self::BrokenPem => "broken_pem",
            Self::NotX509 => "not_x509",
            Self::UnusableKey(_) => "unusable_key",
            Self::KeyMismatch => "key_mismatch",
            Self::UnusableAuthority => "unusable_authority",
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "check that the path exists and that Ostia's user may read it",
            Self::NoCertificate | Self::NotX509 => {
                "give the chain as PEM, the server's own certificate first"
            }
            Self::NoKey => "give the key as PEM: PKCS#8, PKCS#1 or SEC1, not encrypted",
            Self::BrokenPem => "check that the file was copied whole",
            Self::UnusableKey(_) => "use an RSA key of 2048 bits or more, P-256, P-384, P-521 or Ed25519",
            Self::KeyMismatch => "check that cert_file and key_file were issued together",
            Self::UnusableAuthority => "give the authorities that sign the clients' certificates as PEM",
        }
    }
}

/// A certificate as metrics and `status` show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateState {
    /// The file it came from.
    pub file: PathBuf,
    /// Its DNS names, lower case.
    pub names: Vec<String>,
    /// From then on clients refuse it.
    pub not_after: SystemTime,
}

/// A certificate chain with its key, as it was read.
#[derive(Debug)]
pub(crate) struct Pair {
    key: Arc<CertifiedKey>,
    state: CertificateState,
}

/// Every certificate of a listener; immutable, a change makes another.
#[derive(Debug)]
pub(crate) struct Certificates {
    pairs: Vec<Arc<Pair>>,
    exact: HashMap<Box<str>, Vec<Arc<Pair>>>,
    /// `example.com` for `*.example.com`: one label stands for the star (RFC 9525 section 6.3).
    wildcard: HashMap<Box<str>, Vec<Arc<Pair>>>,
    /// Where answers to the challenges of an authority are.
    challenges: Option<acme::Folder>,
}

impl Certificates {
    /// The first pair answers clients that send no or an unknown name.
    pub(crate) fn new(pairs: Vec<Arc<Pair>>, challenges: Option<acme::Folder>) -> Self {
        let mut exact: HashMap<Box<str>, Vec<Arc<Pair>>> = HashMap::new();
        let mut wildcard: HashMap<Box<str>, Vec<Arc<Pair>>> = HashMap::new();
        for pair in &pairs {
            for name in &pair.state.names {
                match name.strip_prefix("*.") {
                    Some(parent) => wildcard.entry(parent.into()).or_default().push(Arc::clone(pair)),
                    None => exact.entry(name.as_str().into()).or_default().push(Arc::clone(pair)),
                }
            }
        }
        Self { pairs, exact, wildcard, challenges }
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = &CertificateState> {
        self.pairs.iter().map(|pair| &pair.state)
    }

    /// The pair that was read from this file.
    pub(crate) fn of(&self, cert_file: &Path) -> Option<&Arc<Pair>> {
        self.pairs.iter().find(|pair| pair.state.file == cert_file)
    }

    fn named(&self, name: &str) -> Option<&[Arc<Pair>]> {
        let by_wildcard = || name.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent));
        self.exact.get(name).or_else(by_wildcard).map(Vec::as_slice)
    }

    /// Whether every certificate that a client of this name may have been shown is one for `host`, too.
    pub(crate) fn cover(&self, server_name: &str, host: &str) -> bool {
        let shown = self.named(server_name).or_else(|| self.pairs.get(..1)).unwrap_or_default();
        !shown.is_empty() && shown.iter().all(|pair| pair.state.covers(host))
    }
}

impl Pair {
    pub(crate) fn covers(&self, host: &str) -> bool {
        self.state.covers(host)
    }
}

impl CertificateState {
    fn covers(&self, host: &str) -> bool {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        let covers = |name: &String| match name.strip_prefix("*.") {
            Some(of) => parent.is_some_and(|parent| parent.eq_ignore_ascii_case(of)),
            None => name.eq_ignore_ascii_case(host),
        };
        self.names.iter().any(covers)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(challenges) = self.challenges.as_ref().filter(|_| acme::is_challenge(&hello)) {
            let name = hello.server_name()?;
            return acme::challenge_certificate(name, &challenges.alpn_answer(name)?);
        }
        let named = hello.server_name().and_then(|name| self.named(name)).unwrap_or_default();
        // Of an RSA and an ECDSA certificate for one name, the first that this client can verify.
        let usable =
            named.iter().find(|pair| pair.key.key.choose_scheme(hello.signature_schemes()).is_some());
        let chosen = usable.or_else(|| named.first()).or_else(|| self.pairs.first())?;
        Some(Arc::clone(&chosen.key))
    }
}

/// Reads a chain and its key.
pub(crate) fn load_pair(pair: &Certificate) -> Result<Arc<Pair>, CertificateRefused> {
    let refuse = |file: &Path| {
        let file = file.to_path_buf();
        move |reason| CertificateRefused { file, reason }
    };
    let chain = read_chain(&pair.cert_file).map_err(refuse(&pair.cert_file))?;
    let state = describe(&pair.cert_file, &chain).map_err(refuse(&pair.cert_file))?;
    let key = read_key(&pair.key_file).map_err(refuse(&pair.key_file))?;
    let key =
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CertificateFault::KeyMismatch,
            other => CertificateFault::UnusableKey(other),
        });
    Ok(Arc::new(Pair { key: Arc::new(key.map_err(refuse(&pair.key_file))?), state }))
}

pub(crate) fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateFault> {
    let text = std::fs::read(file).map_err(CertificateFault::Unreadable)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|_| CertificateFault::BrokenPem)?;
    if chain.is_empty() { Err(CertificateFault::NoCertificate) } else { Ok(chain) }
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, CertificateFault> {
    use rustls::pki_types::pem::Error;
    let text = zeroize::Zeroizing::new(std::fs::read(file).map_err(CertificateFault::Unreadable)?);
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        Error::NoItemsFound => CertificateFault::NoKey,
        _ => CertificateFault::BrokenPem,
    })
}

/// From when until when a certificate is valid.
pub(crate) fn validity(certificate: &CertificateDer<'_>) -> Option<(SystemTime, SystemTime)> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let at = |timestamp| UNIX_EPOCH + Duration::from_secs(u64::try_from(timestamp).unwrap_or(0));
    let validity = parsed.validity();
    Some((at(validity.not_before.timestamp()), at(validity.not_after.timestamp())))
}

fn describe(file: &Path, chain: &[CertificateDer<'_>]) -> Result<CertificateState, CertificateFault> {
    let leaf = chain.first().ok_or(CertificateFault::NoCertificate)?;
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| CertificateFault::NotX509)?;
    let alternatives = leaf.subject_alternative_name().map_err(|_| CertificateFault::NotX509)?;
    let names = alternatives.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let names = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    let not_after = u64::try_from(leaf.validity().not_after.timestamp()).unwrap_or(0);
    Ok(CertificateState {
        file: file.to_path_buf(),
        names: names.collect(),
        not_after: UNIX_EPOCH + Duration::from_secs(not_after),
    })
}
