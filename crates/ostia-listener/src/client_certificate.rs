//! Certificates of clients: whose are accepted, and what one says.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{Context, SHA256, digest};
use ostia_config::listener::ClientCertificates;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::certificate::{CertificateFault, read_chain};
use crate::distinguished_name;
use crate::ticket::Asked;

/// What the certificate of a client says. One of `client_ca_file` signed it, and it was valid when the connection began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Whom it names, as RFC 4514 writes it: `CN=robot,O=Example`.
    pub subject: String,
    /// Who signed it, in the same form.
    pub issuer: String,
    /// The subject alternative names, in their order.
    pub names: Vec<AlternativeName>,
    /// The serial number in lower-case hex.
    pub serial: String,
    /// The second from which it is no longer valid.
    pub not_after: SystemTime,
    /// The SHA-256 of the DER: `x5t#S256` (RFC 8705 section 3.1) before base64url.
    pub thumbprint: [u8; 32],
    /// The names as text. Written once, at the handshake, for whoever reads them at each request.
    pub name_texts: Box<[String]>,
    /// The thumbprint in lower-case hex.
    pub sha256: String,
    /// The certificate itself.
    pub der: Vec<u8>,
    not_before: SystemTime,
}

/// One subject alternative name (RFC 5280 section 4.2.1.6). Other kinds are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlternativeName {
    /// A DNS name, lower case.
    Dns(String),
    /// A mailbox.
    Email(String),
    /// A URI, such as a SPIFFE ID.
    Uri(String),
    /// An address.
    Ip(IpAddr),
}

impl ClientCertificate {
    /// `None` for what is no certificate.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let alternatives = parsed.subject_alternative_name().ok()?;
        let names =
            alternatives.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
        let names: Vec<_> = names.iter().filter_map(AlternativeName::of).collect();
        let validity = parsed.validity();
        let thumbprint = digest(&SHA256, der);
        Some(Self {
            subject: distinguished_name::write(parsed.subject()),
            issuer: distinguished_name::write(parsed.issuer()),
            name_texts: names.iter().map(ToString::to_string).collect(),
            names,
            serial: hex(parsed.raw_serial()),
            not_before: at(validity.not_before.timestamp()),
            not_after: at(validity.not_after.timestamp()),
            sha256: hex(thumbprint.as_ref()),
            thumbprint: thumbprint.as_ref().try_into().ok()?,
            der: der.to_vec(),
        })
    }

    /// A resumed session brings the certificate of the first handshake, which may have ended since.
    pub(crate) fn is_valid(&self, now: SystemTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

impl AlternativeName {
    fn of(name: &GeneralName<'_>) -> Option<Self> {
        match name {
            GeneralName::DNSName(name) => Some(Self::Dns(name.to_ascii_lowercase())),
            GeneralName::RFC822Name(name) => Some(Self::Email((*name).to_owned())),
            GeneralName::URI(name) => Some(Self::Uri((*name).to_owned())),
            GeneralName::IPAddress(bytes) => address(bytes).map(Self::Ip),
            _ => None,
        }
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => f.write_str(text),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn at(timestamp: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(timestamp).unwrap_or(0))
}

/// Who is asked for a certificate, and whose are accepted.
#[derive(Clone, Debug)]
pub(crate) struct ClientAuthority {
    pub(crate) verifier: Arc<dyn ClientCertVerifier>,
    /// The authorities and the need, for the tickets.
    pub(crate) asked: Asked,
}

impl ClientAuthority {
    pub(crate) fn load(section: &ClientCertificates) -> Result<Self, CertificateFault> {
        let (roots, asked) = authorities(&section.ca_file, section.is_required)?;
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
        let builder = if section.is_required { builder } else { builder.allow_unauthenticated() };
        let verifier = builder.build().map_err(|_| CertificateFault::UnusableAuthority)?;
        Ok(Self { verifier, asked })
    }
}

fn authorities(file: &Path, is_required: bool) -> Result<(RootCertStore, Asked), CertificateFault> {
    let mut roots = RootCertStore::empty();
    let mut asked = Context::new(&SHA256);
    asked.update(&[u8::from(is_required)]);
    for certificate in read_chain(file)? {
        asked.update(&certificate);
        roots.add(certificate).map_err(|_| CertificateFault::UnusableAuthority)?;
    }
    let asked = asked.finish().as_ref().try_into().map_err(|_| CertificateFault::UnusableAuthority)?;
    Ok((roots, asked))
}

#[cfg(test)]
mod tests;
