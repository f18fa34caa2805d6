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
        let parts = split(text)?;
        let header = Header::parse(decoded(parts.header, Part::Header)?)?;
        Self::of(text, &parts, header)
    }

    /// Reads a token that brings its key along: a DPoP proof.
    pub(crate) fn parse_with_key(text: &'a str) -> Result<(Self, serde_json::Value), TokenRefused> {
        let parts = split(text)?;
        let (header, key) = Header::parse_with_key(decoded(parts.header, Part::Header)?)?;
        Ok((Self::of(text, &parts, header)?, key))
    }

    fn of(text: &'a str, parts: &Parts<'a>, header: Header) -> Result<Self, TokenRefused> {
        let Parts { claims, signature, .. } = *parts;
        if signature.is_empty() || signature.len() > MAX_SIGNATURE_BYTES * 4 / 3 + 4 {
            return Err(TokenRefused::SignatureInvalid);
        }
        let signed = text.get(..text.len() - signature.len() - 1).unwrap_or_default();
        let signature = decoded(signature, Part::Signature)?;
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
        self.header.kid()
    }

    /// The token's type as written; RFC 7519 section 5.1 makes it optional.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.header.typ()
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
        Ok(Verified { claims: self.read_claims()?, key: Arc::clone(key), algorithm })
    }

    /// Checks the signature with the one key that may have made it, and only then reads the claims.
    pub(crate) fn verify_with(&self, key: &Key, allowed: AlgorithmSet) -> Result<Claims, TokenRefused> {
        let algorithm = self.algorithm();
        if !allowed.contains(algorithm) {
            return Err(TokenRefused::AlgorithmNotAllowed { name: algorithm.name() });
        }
        key.check(algorithm, self.signed.as_bytes(), &self.signature)?;
        self.read_claims()
    }

    fn read_claims(&self) -> Result<Claims, TokenRefused> {
        let claims = decoded(self.claims, Part::Claims)?;
        Claims::parse(claims).map_err(|why| TokenRefused::NotJson { part: Part::Claims, why })
    }
}

/// The `iss` that an unverified token shows, to choose the provider whose keys and rules will judge it, and for
/// nothing else. `None` when there is no such single string.
#[must_use]
pub fn peek_issuer(text: &str) -> Option<String> {
    let claims = super::decode(split(text).ok()?.claims)?;
    json::peek_string(claims, "iss")
}

fn decoded(text: &str, part: Part) -> Result<Vec<u8>, TokenRefused> {
    super::decode(text).ok_or(TokenRefused::NotBase64 { part })
}

/// The three parts of the compact form, as text.
struct Parts<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
}

fn split(text: &str) -> Result<Parts<'_>, TokenRefused> {
    if text.len() > MAX_TOKEN_BYTES {
        return Err(TokenRefused::TooLong { limit: MAX_TOKEN_BYTES });
    }
    let (header, rest) = split_at_dot(text).ok_or(TokenRefused::NotCompact)?;
    let (claims, signature) = split_at_dot(rest).ok_or(TokenRefused::NotCompact)?;
    match split_at_dot(signature) {
        None => Ok(Parts { header, claims, signature }),
        Some((_, rest)) if rest.bytes().filter(|byte| *byte == b'.').count() == 1 => {
            Err(TokenRefused::Encrypted)
        }
        Some(_) => Err(TokenRefused::NotCompact),
    }
}

/// What is before and behind the first dot. Parts are long: all bytes of a piece are looked at in a few steps, and only
/// in the piece with the dot it is asked where.
fn split_at_dot(text: &str) -> Option<(&str, &str)> {
    const PIECE: usize = 32;
    let (pieces, rest) = text.as_bytes().as_chunks::<PIECE>();
    let is_dot = |byte: &u8| *byte == b'.';
    let has_dot = |piece: &[u8; PIECE]| piece.iter().fold(false, |found, byte| found | is_dot(byte));
    let at = match pieces.iter().position(has_dot) {
        Some(number) => number * PIECE + pieces.get(number)?.iter().position(is_dot)?,
        None => pieces.len() * PIECE + rest.iter().position(is_dot)?,
    };
    Some((text.get(..at)?, text.get(at + 1..)?))
}
