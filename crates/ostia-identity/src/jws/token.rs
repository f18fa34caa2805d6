//! A token before its signature is checked, and after.

use std::sync::Arc;

use super::algorithm::{Algorithm, AlgorithmSet};
use super::header::{Header, same_type};
use crate::Claims;
use crate::json;
use crate::key_set::{Key, KeySet};
use crate::refusal::{Excerpt, Part, TokenRefused};

/// The longest token that is looked at.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The longest signature: RSA of 8192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;

/// A token in compact form of which only the header has been read. Nothing in it is true yet.
#[derive(Clone, Debug)]
pub struct Token<'a> {
    header: Header,
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
}

/// A token whose signature is right: its claims are what the issuer said. Who it is for, and until when, is still to
/// be checked by the rules of its kind ([`crate::accept_access_token`], [`crate::accept_id_token`]).
#[derive(Clone, Debug)]
pub struct Verified {
    /// All claims.
    pub claims: Claims,
    /// The key that made the signature.
    pub key: Arc<Key>,
    /// The algorithm of the signature.
    pub algorithm: Algorithm,
}

impl<'a> Token<'a> {
    /// Reads the header. Costs no cryptography and is bounded by [`MAX_TOKEN_BYTES`].
    ///
    /// # Errors
    /// Everything that can be wrong before a key is needed.
    pub fn parse(text: &'a str) -> Result<Self, TokenRefused> {
        let [header, claims, signature] = split(text)?;
        let header = super::decode(header).ok_or(TokenRefused::NotBase64 { part: Part::Header })?;
        let header = Header::parse(&header)?;
        if signature.is_empty() || signature.len() > MAX_SIGNATURE_BYTES * 4 / 3 + 4 {
            return Err(TokenRefused::SignatureInvalid);
        }
        let signed = text.get(..text.len() - signature.len() - 1).unwrap_or_default();
        let signature = super::decode(signature).ok_or(TokenRefused::NotBase64 { part: Part::Signature })?;
        Ok(Self { header, signed, claims, signature })
    }

    /// The algorithm that the token claims to be signed with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The name of the key, 1 to 256 bytes, opaque.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The token's type as written; RFC 7519 section 5.1 makes it optional.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// Whether the type is one of these; a token without type counts as `JWT`.
    pub(crate) fn require_type<'t>(
        &self,
        mut types: impl Iterator<Item = &'t str>,
    ) -> Result<(), TokenRefused> {
        let found = self.typ().unwrap_or("JWT");
        if types.any(|one| same_type(one, found)) {
            return Ok(());
        }
        Err(TokenRefused::TypeDiffers { found: Excerpt::new(found) })
    }

    /// Checks the signature, and only then reads the claims.
    ///
    /// # Errors
    /// Algorithm, key, signature, or claims that are no strict JSON object. [`TokenRefused::wants_newer_keys`] tells
    /// whether another key set may help.
    pub fn verify(&self, keys: &KeySet, allowed: AlgorithmSet) -> Result<Verified, TokenRefused> {
        let algorithm = self.algorithm();
        if !allowed.contains(algorithm) {
            return Err(TokenRefused::AlgorithmNotAllowed { name: algorithm.name() });
        }
        let key = keys.check(self.kid(), algorithm, self.signed.as_bytes(), &self.signature)?;
        let claims = super::decode(self.claims).ok_or(TokenRefused::NotBase64 { part: Part::Claims })?;
        let claims =
            json::parse_object(&claims).map_err(|why| TokenRefused::NotJson { part: Part::Claims, why })?;
        Ok(Verified { claims: Claims::new(claims), key: Arc::clone(key), algorithm })
    }
}

/// The `iss` that an unverified token shows, to choose the provider whose keys and rules will judge it, and for
/// nothing else. `None` when there is no such single string.
#[must_use]
pub fn peek_issuer(text: &str) -> Option<String> {
    let [_, claims, _] = split(text).ok()?;
    let claims = super::decode(claims)?;
    match json::parse_object(&claims).ok()?.remove("iss")? {
        serde_json::Value::String(issuer) => Some(issuer),
        _ => None,
    }
}

fn split(text: &str) -> Result<[&str; 3], TokenRefused> {
    if text.len() > MAX_TOKEN_BYTES {
        return Err(TokenRefused::TooLong { limit: MAX_TOKEN_BYTES });
    }
    let mut parts = text.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.count()) {
        (Some(header), Some(claims), Some(signature), 0) => Ok([header, claims, signature]),
        (_, _, _, 2) => Err(TokenRefused::Encrypted),
        _ => Err(TokenRefused::NotCompact),
    }
}
