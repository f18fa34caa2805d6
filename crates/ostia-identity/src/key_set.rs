//! The public keys of an issuer (RFC 7517), parsed once and checked before they are ever used.

mod jwk;
mod material;
mod roca;
pub(crate) mod thumbprint;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::Value;
use smallvec::SmallVec;
use thiserror::Error;

pub use jwk::KeyRefused;

use crate::json::{self, JsonRefused};
use crate::jws::algorithm::Algorithm;
use crate::refusal::{Excerpt, TokenRefused};

/// The largest document that is read.
pub const MAX_KEY_SET_BYTES: usize = 512 * 1024;
/// The most keys in one document, usable or not.
pub const MAX_KEYS: usize = 64;
/// How many keys are tried for a token that names none.
const MAX_TRIED: usize = 3;

/// One public key of an issuer. Shared by `Arc`: a verdict that was cached with its key asks [`Key::is_live`].
pub struct Key {
    kid: Option<Box<str>>,
    /// One entry, or six for an RSA key without `alg`.
    verifiers: SmallVec<[(Algorithm, ParsedPublicKey); 1]>,
    live: Arc<AtomicBool>,
}

impl Key {
    /// Its name, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it may be used for: its `alg`, or what its type allows.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether the issuer still publishes it. One relaxed load.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live.load(Ordering::Relaxed)
    }

    /// The flag behind [`Key::is_live`], for a cache that keeps nothing else of the key.
    #[must_use]
    pub fn live(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.live)
    }

    /// Checks a signature that this key alone may have made.
    pub(crate) fn check(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), TokenRefused> {
        let kid = || Excerpt::new(self.kid().unwrap_or_default());
        let verifier = self
            .verifier(algorithm)
            .ok_or_else(|| TokenRefused::KeyAlgorithmDiffers { kid: kid(), name: algorithm.name() })?;
        verifier.verify_sig(message, signature).map_err(|_| TokenRefused::SignatureInvalid)
    }

    fn verifier(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        self.verifiers.iter().find(|(own, _)| *own == algorithm).map(|(_, key)| key)
    }

    /// Same name, same use, same material.
    fn equals(&self, other: &Self) -> bool {
        self.kid == other.kid
            && self.verifiers.len() == other.verifiers.len()
            && self
                .verifiers
                .iter()
                .zip(&other.verifiers)
                .all(|(one, two)| one.0 == two.0 && one.1.as_ref() == two.1.as_ref())
    }
}

/// Reads one key that is no member of a set: the `jwk` of a DPoP proof.
///
/// # Errors
/// As for a key of a set: private, symmetric, weak, of an unsupported kind.
pub(crate) fn read_key(jwk: &Value) -> Result<Key, KeyRefused> {
    jwk::read(jwk)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms().collect::<Vec<_>>())
            .field("live", &self.is_live())
            .finish()
    }
}

/// The usable keys of an issuer, with what was left out and why.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<Key>>,
    left_out: Vec<LeftOut>,
}

/// A key of the document that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name, shortened for display.
    pub kid: Option<Excerpt>,
    /// Why.
    pub why: KeyRefused,
}

/// Why a whole document was refused; the last good key set then stays in use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeySetRefused {
    /// More than [`MAX_KEY_SET_BYTES`].
    #[error("the key set is longer than {MAX_KEY_SET_BYTES} bytes")]
    TooLong,
    /// Not one strict JSON object.
    #[error("the key set {0}")]
    NotJson(JsonRefused),
    /// No member `keys` that is a list (RFC 7517 section 5).
    #[error("the key set has no list `keys`")]
    NoList,
    /// More than [`MAX_KEYS`].
    #[error("the key set has more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// Nothing in it can check a signature.
    #[error("the key set has no usable key ({} left out)", .0.len())]
    NoUsableKey(Vec<LeftOut>),
}

impl KeySetRefused {
    /// The reason as metrics and logs know it.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::TooLong => "key_set_too_long",
            Self::NotJson(_) => "key_set_not_json",
            Self::NoList => "key_set_no_list",
            Self::TooManyKeys => "key_set_too_many_keys",
            Self::NoUsableKey(_) => "key_set_no_usable_key",
        }
    }
}

impl KeySet {
    /// Reads a JWKS document. A key that cannot be used is left out with its reason and harms no other; equal keys
    /// count once; two different keys under one `kid` stay both and are told apart by algorithm, else both tried.
    ///
    /// # Errors
    /// When the document as a whole is unusable.
    pub fn from_jwks(text: &[u8]) -> Result<Self, KeySetRefused> {
        if text.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetRefused::TooLong);
        }
        let document = json::parse_object(text).map_err(KeySetRefused::NotJson)?;
        let list = document.get("keys").and_then(Value::as_array).ok_or(KeySetRefused::NoList)?;
        if list.len() > MAX_KEYS {
            return Err(KeySetRefused::TooManyKeys);
        }
        let mut set = Self::default();
        for one in list {
            set.add(one);
        }
        if set.keys.is_empty() {
            return Err(KeySetRefused::NoUsableKey(set.left_out));
        }
        Ok(set)
    }

    fn add(&mut self, one: &Value) {
        match jwk::read(one) {
            Ok(key) if self.keys.iter().any(|other| other.equals(&key)) => {}
            Ok(key) => self.keys.push(Arc::new(key)),
            Err(why) => {
                let kid = one.get("kid").and_then(Value::as_str).map(Excerpt::new);
                self.left_out.push(LeftOut { kid, why });
            }
        }
    }

    /// Takes the place of an older set of the same issuer: a key that is in both keeps its identity, so cached
    /// verdicts live on; a key that is gone is marked dead, so its cached verdicts die at once.
    #[must_use]
    pub fn succeed(mut self, old: &Self) -> Self {
        for key in &mut self.keys {
            if let Some(kept) = old.keys.iter().find(|kept| kept.is_live() && kept.equals(key)) {
                *key = Arc::clone(kept);
            }
        }
        for gone in old.keys.iter().filter(|gone| !self.keys.iter().any(|key| Arc::ptr_eq(key, gone))) {
            gone.live.store(false, Ordering::Relaxed);
        }
        self
    }

    /// Marks every key dead: the provider is gone from the configuration, or its rules changed.
    pub fn retire(&self) {
        for key in &self.keys {
            key.live.store(false, Ordering::Relaxed);
        }
    }

    /// Whether a key of this name is here.
    #[must_use]
    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// The usable keys, in the order of the document.
    #[must_use]
    pub fn keys(&self) -> &[Arc<Key>] {
        &self.keys
    }

    /// What is not used, for `status` and `check --online`.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Finds the key that made this signature.
    ///
    /// With a `kid` only keys of that name count; without one, all keys of the algorithm, if they are at most three
    /// (OpenID Connect Core section 10.1 wants a `kid` where there are several; not every issuer knows).
    pub(crate) fn check(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<&Arc<Key>, TokenRefused> {
        let candidates = self.candidates(kid, algorithm)?;
        candidates
            .into_iter()
            .find(|(_, verifier)| verifier.verify_sig(message, signature).is_ok())
            .map(|(key, _)| key)
            .ok_or(TokenRefused::SignatureInvalid)
    }

    fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Candidates<'_>, TokenRefused> {
        let mut named = false;
        let mut found = Candidates::new();
        for key in self.keys.iter().filter(|key| kid.is_none() || key.kid() == kid) {
            named = true;
            if let Some(verifier) = key.verifier(algorithm) {
                if found.len() == MAX_TRIED {
                    return Err(TokenRefused::KeyAmbiguous);
                }
                found.push((key, verifier));
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
        let excerpt = Excerpt::new(kid.unwrap_or_default());
        Err(match kid {
            Some(_) if named => TokenRefused::KeyAlgorithmDiffers { kid: excerpt, name: algorithm.name() },
            _ => TokenRefused::KeyUnknown { kid: excerpt },
        })
    }
}

type Candidates<'k> = SmallVec<[(&'k Arc<Key>, &'k ParsedPublicKey); MAX_TRIED]>;
