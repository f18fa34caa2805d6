//! `tls-alpn-01` (RFC 8737): the authority connects by a protocol of its own and looks at one extension of the
//! certificate that it is shown.

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

/// The protocol's name in ALPN.
pub(crate) const ALPN: &[u8] = b"acme-tls/1";

/// Whether a handshake is such a challenge: it offers this protocol and no other (RFC 8737 section 3).
pub(crate) fn is_challenge(hello: &ClientHello<'_>) -> bool {
    let mut offered = hello.alpn().into_iter().flatten();
    offered.next() == Some(ALPN) && offered.next().is_none()
}

/// The certificate that proves the digest of a key authorization for a name. Nobody but the authority is shown it.
pub(crate) fn certificate(name: &str, digest: &[u8]) -> Option<Arc<CertifiedKey>> {
    let mut params = CertificateParams::new(vec![name.to_owned()]).ok()?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().ok()?;
    let certificate = params.self_signed(&key).ok()?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // `from_der` would refuse the extension, which has to be critical (RFC 8737 section 3) and which it does not know.
    let key = default_provider().key_provider.load_private_key(key).ok()?;
    Some(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_shows_the_digest_in_a_critical_extension() {
        let made = certificate("app.example", &[7; 32]).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&made.cert[0]).unwrap();
        let shown =
            parsed.extensions().iter().find(|one| one.oid.to_id_string() == "1.3.6.1.5.5.7.1.31").unwrap();
        assert!(shown.critical);
        assert_eq!(shown.value, [&[4, 32][..], &[7; 32]].concat());
    }
}
