//! The private key that proves who we are: it signs a short statement for each call (RFC 7523 section 2.2).

use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use ostia_config::Secret;
use serde_json::{Value, json};

use super::signed;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// A key that was parsed once and signs for as long as its provider lives.
pub(crate) struct ClientKey {
    pair: Pair,
    /// Its thumbprint (RFC 7638): what `kid` says.
    id: String,
}

enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// Why the key of a provider is of no use. The operator's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeyRefused {
    /// No base64 between the two lines of a PKCS#8 key.
    #[error("key_file holds no private key in PEM form (PKCS#8)")]
    NoPem,
    /// A key, but not of a kind that signs here.
    #[error(
        "key_file holds a key that is neither RSA (2048 bits or more), nor on P-256 or P-384, nor Ed25519"
    )]
    Kind,
}

impl std::fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ClientKey {
    /// Reads the first key of a PEM text.
    ///
    /// # Errors
    /// See [`ClientKeyRefused`].
    pub(crate) fn parse(pem: &Secret<String>) -> Result<Self, ClientKeyRefused> {
        let (_, after) = pem.reveal().split_once(BEGIN).ok_or(ClientKeyRefused::NoPem)?;
        let (body, _) = after.split_once(END).ok_or(ClientKeyRefused::NoPem)?;
        let base64 = Secret::new(body.split_ascii_whitespace().collect::<String>());
        let der = STANDARD.decode_to_vec(base64.reveal()).map_err(|_| ClientKeyRefused::NoPem)?;
        let pair = Pair::from_pkcs8(Secret::new(der).reveal()).ok_or(ClientKeyRefused::Kind)?;
        let id = pair.thumbprint().ok_or(ClientKeyRefused::Kind)?;
        Ok(Self { pair, id })
    }

    /// What `kid` says: the key's thumbprint.
    #[cfg(test)]
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The statement that this client makes to `audience` at this moment. `listed`: the algorithms that the issuer says
    /// it takes, if it says so. `None` when the system gives no random bytes.
    pub(crate) fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        listed: Option<&[String]>,
        now: SystemTime,
    ) -> Option<Secret<String>> {
        let algorithm = self.pair.algorithm(listed);
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": self.id });
        let claims = signed::statement(client_id, audience, now)?;
        signed::compact(&header, &claims, |message| self.pair.sign(algorithm, message)).map(Secret::new)
    }
}

impl Pair {
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok().map(Self::P256);
        let p384 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der).ok().map(Self::P384);
        let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self::Ed25519);
        let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa);
        p256().or_else(p384).or_else(ed25519).or_else(rsa)
    }

    /// In the order of preference.
    fn algorithms(&self) -> &'static [&'static str] {
        match self {
            Self::P256(_) => &["ES256"],
            Self::P384(_) => &["ES384"],
            Self::Ed25519(_) => &["EdDSA", "Ed25519"],
            Self::Rsa(_) => &["RS256", "PS256"],
        }
    }

    /// The first that the issuer takes; when it takes none, it will say so.
    fn algorithm(&self, listed: Option<&[String]>) -> &'static str {
        let takes = |name: &&&str| listed.is_none_or(|listed| listed.iter().any(|one| one == **name));
        let all = self.algorithms();
        all.iter().find(takes).or(all.first()).copied().unwrap_or_default()
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::P256(pair) | Self::P384(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let padding = if algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }

    /// The required members in the order of their names, and nothing else (RFC 7638 section 3.2).
    fn thumbprint(&self) -> Option<String> {
        let base64 = |bytes: &[u8]| Value::from(URL_SAFE_NO_PAD.encode_to_string(bytes));
        let text = match self {
            Self::P256(pair) | Self::P384(pair) => {
                let (curve, size) = if matches!(self, Self::P256(_)) { ("P-256", 32) } else { ("P-384", 48) };
                let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(size)?;
                format!(r#"{{"crv":"{curve}","kty":"EC","x":{},"y":{}}}"#, base64(x), base64(y))
            }
            Self::Ed25519(pair) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":{}}}"#, base64(pair.public_key().as_ref()))
            }
            Self::Rsa(pair) => {
                let (modulus, exponent) = rsa_numbers(pair.public_key().as_ref())?;
                format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, base64(exponent), base64(modulus))
            }
        };
        Some(URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, text.as_bytes())))
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1), without the zero that keeps them positive.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (numbers, _) = element(der, 0x30)?;
    let (modulus, rest) = element(numbers, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    Some((modulus.strip_prefix(&[0]).unwrap_or(modulus), exponent.strip_prefix(&[0]).unwrap_or(exponent)))
}

/// The content of the first element, which has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (
                bytes
                    .iter()
                    .try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?,
                rest,
            )
        }
    };
    (*found == tag).then(|| rest.split_at_checked(length))?
}

#[cfg(test)]
mod tests;
