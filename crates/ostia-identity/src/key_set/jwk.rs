//! One JSON Web Key (RFC 7517 section 4): may it check signatures here?

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};
use thiserror::Error;

use super::{Key, material};
use crate::jws::algorithm::Algorithm;

const MAX_KID_BYTES: usize = 256;

/// Members that only private or symmetric keys have (RFC 7518 section 6.2.2, 6.3.2, 6.4.1).
const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What an RSA key without `alg` may be used for.
const RSA: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::Rs384,
    Algorithm::Ps384,
    Algorithm::Rs512,
    Algorithm::Ps512,
];

/// Why a key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyRefused {
    /// No object, or a member of the wrong type.
    #[error("`{0}` is missing or malformed")]
    Malformed(&'static str),
    /// `kty: oct`: whoever reads the set could sign with it.
    #[error("is symmetric")]
    Symmetric,
    /// A private member is published: the key is no secret any more.
    #[error("shows its private part")]
    Private,
    /// A `kty` or `crv` that is not supported.
    #[error("is of an unsupported type")]
    UnsupportedType,
    /// An `alg` that is not supported.
    #[error("is for an unsupported algorithm")]
    UnsupportedAlgorithm,
    /// `alg` does not fit `kty` and `crv`.
    #[error("has an algorithm that does not fit its type")]
    Inconsistent,
    /// `use` or `key_ops` say something else than checking signatures.
    #[error("is not for signatures")]
    NotForSignatures,
    /// RSA below 2048 or above 8192 bits or of a chip whose keys can be factored, an exponent that is even, 1 or huge,
    /// a point of small order.
    #[error("is weak")]
    Weak,
    /// No valid key: a point off the curve, a modulus that is even.
    #[error("is invalid")]
    Invalid,
}

impl KeyRefused {
    /// The reason as logs know it.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "key_malformed",
            Self::Symmetric => "key_symmetric",
            Self::Private => "key_private",
            Self::UnsupportedType => "key_unsupported_type",
            Self::UnsupportedAlgorithm => "key_unsupported_algorithm",
            Self::Inconsistent => "key_inconsistent",
            Self::NotForSignatures => "key_not_for_signatures",
            Self::Weak => "key_weak",
            Self::Invalid => "key_invalid",
        }
    }
}

pub(super) fn read(jwk: &Value) -> Result<Key, KeyRefused> {
    let members = jwk.as_object().ok_or(KeyRefused::Malformed("keys"))?;
    let kty = required(members, "kty")?;
    if kty == "oct" {
        return Err(KeyRefused::Symmetric);
    }
    if SECRET.into_iter().any(|member| members.contains_key(member)) {
        return Err(KeyRefused::Private);
    }
    for_signatures(members)?;
    let kid = string(members, "kid")?;
    if kid.is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID_BYTES) {
        return Err(KeyRefused::Malformed("kid"));
    }
    let fitting: &[Algorithm] = match (kty, string(members, "crv")?) {
        ("RSA", _) => &RSA,
        ("EC", Some("P-256")) => &[Algorithm::Es256],
        ("EC", Some("P-384")) => &[Algorithm::Es384],
        ("EC", Some("P-521")) => &[Algorithm::Es512],
        ("OKP", Some("Ed25519")) => &[Algorithm::EdDsa],
        _ => return Err(KeyRefused::UnsupportedType),
    };
    let pinned = pinned(members, fitting)?;
    let verifiers = fitting
        .iter()
        .filter(|one| pinned.is_none_or(|pinned| pinned == **one))
        .map(|one| Ok((*one, material::parse(*one, members)?)))
        .collect::<Result<_, KeyRefused>>()?;
    Ok(Key { kid: kid.map(Box::from), verifiers, live: Arc::new(AtomicBool::new(true)) })
}

/// `alg`, if the key is pinned to one.
fn pinned(members: &Map<String, Value>, fitting: &[Algorithm]) -> Result<Option<Algorithm>, KeyRefused> {
    let Some(name) = string(members, "alg")? else { return Ok(None) };
    let algorithm = Algorithm::from_name(name).ok_or(KeyRefused::UnsupportedAlgorithm)?;
    if fitting.contains(&algorithm) { Ok(Some(algorithm)) } else { Err(KeyRefused::Inconsistent) }
}

/// `use` is `sig` or absent; `key_ops` has `verify` or is absent (RFC 7517 section 4.2, 4.3).
fn for_signatures(members: &Map<String, Value>) -> Result<(), KeyRefused> {
    if string(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyRefused::NotForSignatures);
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(list)) if list.iter().any(|one| one.as_str() == Some("verify")) => Ok(()),
        Some(Value::Array(_)) => Err(KeyRefused::NotForSignatures),
        Some(_) => Err(KeyRefused::Malformed("key_ops")),
    }
}

pub(super) fn required<'m>(
    members: &'m Map<String, Value>,
    name: &'static str,
) -> Result<&'m str, KeyRefused> {
    string(members, name)?.ok_or(KeyRefused::Malformed(name))
}

fn string<'m>(members: &'m Map<String, Value>, name: &'static str) -> Result<Option<&'m str>, KeyRefused> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyRefused::Malformed(name)),
    }
}
