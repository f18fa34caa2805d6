//! DPoP proofs: does the caller hold the key that the token is bound to (RFC 9449 section 4.3)?

mod target;

use std::time::{Duration, SystemTime};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, SHA256};
use thiserror::Error;

use crate::jws::algorithm::AlgorithmSet;
use crate::jws::token::Token;
use crate::key_set::{KeyRefused, read_key, thumbprint::thumbprint};
use crate::refusal::TokenRefused;
use crate::{Claims, jws, validation};

pub use target::same_target;

/// The longest proof that is looked at, in bytes.
pub const MAX_PROOF_BYTES: usize = 8 * 1024;
/// The longest `jti` and `nonce`, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// What a proof must be made for.
#[derive(Clone, Copy, Debug)]
pub struct DpopExpected<'a> {
    /// `htm`: the method of the request, case counts.
    pub method: &'a str,
    /// `htu`: scheme, host and path of the request as the client saw it. Query and fragment do not count.
    pub target: &'a str,
    /// The token that the proof accompanies; `ath` is of this one.
    pub access_token: &'a str,
    /// `cnf.jkt` of the token.
    pub key_thumbprint: &'a str,
    /// Accepted signature algorithms.
    pub algorithms: AlgorithmSet,
    /// How old a proof may be, and how far ahead its `iat`.
    pub window: Duration,
}

/// What an accepted proof says; its `jti` is still to be held against those seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopProof {
    /// `jti`.
    pub id: String,
    /// `nonce`, if it has one; whether it is ours is the caller's to say.
    pub nonce: Option<String>,
    /// The proof is worth nothing after this moment, so its `jti` must be remembered until here.
    pub not_after: SystemTime,
}

/// Why a proof was refused. Always the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DpopRefused {
    /// As a token: form, type, algorithm, signature, JSON, a claim that is missing or malformed.
    #[error("the proof is refused: {0}")]
    Token(#[from] TokenRefused),
    /// Longer than [`MAX_PROOF_BYTES`].
    #[error("the proof is longer than {MAX_PROOF_BYTES} bytes")]
    TooLong,
    /// `jwk` is no public key that is accepted: private, symmetric, weak.
    #[error("the key of the proof {0}")]
    Key(KeyRefused),
    /// The token is bound to another key.
    #[error("the proof is made with another key than the token is bound to")]
    KeyDiffers,
    /// `htm` is another method.
    #[error("the proof is for another method")]
    MethodDiffers,
    /// `htu` is another address.
    #[error("the proof is for another address")]
    TargetDiffers,
    /// `ath` is missing or of another token.
    #[error("the proof is for another token")]
    AccessTokenDiffers,
    /// `iat` is too long ago or ahead.
    #[error("the proof is not of this moment")]
    NotNow,
}

impl DpopRefused {
    /// The reason as metrics, logs and answers know it.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Token(TokenRefused::SignatureInvalid) => "dpop_signature_invalid",
            Self::Token(TokenRefused::TypeDiffers { .. }) => "dpop_type_differs",
            Self::Token(
                TokenRefused::AlgorithmUnsupported { .. } | TokenRefused::AlgorithmNotAllowed { .. },
            ) => "dpop_algorithm_refused",
            Self::Token(_) | Self::TooLong => "dpop_malformed",
            Self::Key(_) => "dpop_key_refused",
            Self::KeyDiffers => "dpop_key_differs",
            Self::MethodDiffers => "dpop_method_differs",
            Self::TargetDiffers => "dpop_target_differs",
            Self::AccessTokenDiffers => "dpop_token_differs",
            Self::NotNow => "dpop_not_now",
        }
    }
}

/// Judges a proof: form, type, key, binding, signature, then what it was made for and when.
///
/// # Errors
/// The first rule that does not hold.
pub fn accept_dpop_proof(
    text: &str,
    expected: &DpopExpected<'_>,
    now: SystemTime,
) -> Result<DpopProof, DpopRefused> {
    if text.len() > MAX_PROOF_BYTES {
        return Err(DpopRefused::TooLong);
    }
    let (token, jwk) = Token::parse_with_key(text)?;
    if !token.typ().is_some_and(|typ| jws::same_type(typ, "dpop+jwt")) {
        token.require_type(std::iter::once("dpop+jwt"))?;
    }
    let key = read_key(&jwk).map_err(DpopRefused::Key)?;
    // Before the signature, which costs more.
    if thumbprint(&jwk).as_deref() != Some(expected.key_thumbprint) {
        return Err(DpopRefused::KeyDiffers);
    }
    let claims = token.verify_with(&key, expected.algorithms)?;
    check(&claims, expected)?;
    let issued_at = validation::required_date(&claims, "iat")?;
    let age = now.duration_since(issued_at).unwrap_or_default();
    if age > expected.window || issued_at > now + expected.window {
        return Err(DpopRefused::NotNow);
    }
    let id = validation::required_string(&claims, "jti")?;
    if id.is_empty() || id.len() > MAX_NAME_BYTES {
        return Err(TokenRefused::malformed("jti").into());
    }
    let nonce = validation::string(&claims, "nonce")?;
    if nonce.is_some_and(|nonce| nonce.len() > MAX_NAME_BYTES) {
        return Err(TokenRefused::malformed("nonce").into());
    }
    Ok(DpopProof {
        id: id.to_owned(),
        nonce: nonce.map(str::to_owned),
        not_after: issued_at + expected.window,
    })
}

/// Method, address and token (section 4.3, rules 8, 9 and 12).
fn check(claims: &Claims, expected: &DpopExpected<'_>) -> Result<(), DpopRefused> {
    if validation::required_string(claims, "htm")? != expected.method {
        return Err(DpopRefused::MethodDiffers);
    }
    if !same_target(validation::required_string(claims, "htu")?, expected.target) {
        return Err(DpopRefused::TargetDiffers);
    }
    let hash = jws::encode(digest::digest(&SHA256, expected.access_token.as_bytes()).as_ref());
    let found = validation::required_string(claims, "ath")?;
    verify_slices_are_equal(found.as_bytes(), hash.as_bytes()).map_err(|_| DpopRefused::AccessTokenDiffers)
}
