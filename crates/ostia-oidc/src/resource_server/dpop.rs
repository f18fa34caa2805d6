//! DPoP proofs beside a token (RFC 9449 section 7): each is good once, and may have to carry a nonce of ours.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64_simd::URL_SAFE_NO_PAD;
use ostia_identity::{DpopExpected, DpopProof, DpopRefused, accept_dpop_proof};

/// Proofs that are remembered at a time, at most twice as many: one node takes this many in two minutes.
const MOST_PROOFS: usize = 262_144;
/// The longest window that a provider's `clock_skew` may ask for.
const MAX_WINDOW: Duration = Duration::from_secs(300);
/// How long a nonce is given out; it is accepted for as long again.
const NONCE_LASTS: u64 = 60;

/// Why a proof does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofRefused {
    /// The proof itself.
    #[error(transparent)]
    Proof(#[from] DpopRefused),
    /// It was here before.
    #[error("the proof was used before")]
    Replayed,
    /// It has no nonce of ours, or an old one; [`DpopGuard::nonce`] says the one to use.
    #[error("the proof has no nonce of ours")]
    NonceWanted,
    /// More proofs came than can be remembered: nobody could tell a replay.
    #[error("too many proofs at a time")]
    MemoryFull,
}

impl ProofRefused {
    /// The reason as a word for logs, metrics and answers.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Proof(refused) => refused.slug(),
            Self::Replayed => "dpop_replayed",
            Self::NonceWanted => "dpop_nonce_wanted",
            Self::MemoryFull => "dpop_memory_full",
        }
    }
}

/// Remembers the proofs of the last minutes and makes the nonces. One for a process.
#[derive(Debug)]
pub struct DpopGuard {
    secret: hmac::Key,
    seen: Mutex<Seen>,
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system's random generator does not answer")]
pub struct NoRandomness;

impl DpopGuard {
    /// A guard that has seen nothing, under a fresh secret.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new() -> Result<Self, NoRandomness> {
        let mut secret = [0_u8; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| NoRandomness)?;
        Ok(Self { secret: hmac::Key::new(HMAC_SHA256, &secret), seen: Mutex::default() })
    }

    /// Judges a proof and remembers it.
    ///
    /// # Errors
    /// See [`ProofRefused`]. A proof that is refused is not remembered, unless it was here before.
    pub fn check(
        &self,
        text: &str,
        expected: &DpopExpected<'_>,
        needs_nonce: bool,
        now: SystemTime,
    ) -> Result<(), ProofRefused> {
        let expected = DpopExpected { window: expected.window.min(MAX_WINDOW), ..*expected };
        let proof = accept_dpop_proof(text, &expected, now)?;
        if needs_nonce && !proof.nonce.as_deref().is_some_and(|nonce| self.is_ours(nonce, now)) {
            return Err(ProofRefused::NonceWanted);
        }
        let name = self.name(&proof, expected.key_thumbprint);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).add(name, now)
    }

    /// The nonce to use now (RFC 9449 section 9).
    #[must_use]
    pub fn nonce(&self, now: SystemTime) -> String {
        self.nonce_of(bucket(now))
    }

    fn is_ours(&self, nonce: &str, now: SystemTime) -> bool {
        let now = bucket(now);
        [now, now.saturating_sub(1)].into_iter().any(|bucket| self.nonce_of(bucket) == nonce)
    }

    fn nonce_of(&self, bucket: u64) -> String {
        let tag = hmac::sign(&self.secret, &bucket.to_be_bytes());
        URL_SAFE_NO_PAD.encode_to_string(tag.as_ref().get(..16).unwrap_or_default())
    }

    /// Sixteen bytes for the key and the `jti` that it chose; nobody can choose two that are one.
    fn name(&self, proof: &DpopProof, key_thumbprint: &str) -> Name {
        let mut context = hmac::Context::with_key(&self.secret);
        context.update(&(key_thumbprint.len() as u64).to_be_bytes());
        context.update(key_thumbprint.as_bytes());
        context.update(proof.id.as_bytes());
        let tag = context.sign();
        tag.as_ref().get(..16).and_then(|half| half.try_into().ok()).unwrap_or_default()
    }
}

fn bucket(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / NONCE_LASTS
}

type Name = [u8; 16];

/// Names in two generations. A proof is worth something from `iat - window` to `iat + window`, so twice the longest
/// window is enough to remember it; a generation is put away no sooner.
#[derive(Debug, Default)]
struct Seen {
    now: HashSet<Name>,
    before: HashSet<Name>,
    began: Option<SystemTime>,
}

impl Seen {
    fn add(&mut self, name: Name, now: SystemTime) -> Result<(), ProofRefused> {
        self.turn(now);
        if self.now.contains(&name) || self.before.contains(&name) {
            return Err(ProofRefused::Replayed);
        }
        if self.now.len() >= MOST_PROOFS {
            return Err(ProofRefused::MemoryFull);
        }
        self.now.insert(name);
        Ok(())
    }

    /// Begins a new generation when this one is old enough. A clock that jumps back turns nothing.
    fn turn(&mut self, now: SystemTime) {
        let began = *self.began.get_or_insert(now);
        let age = now.duration_since(began).unwrap_or_default();
        if age < 2 * MAX_WINDOW {
            return;
        }
        let last = std::mem::take(&mut self.now);
        // After two spans without any proof the last ones are worthless too.
        self.before = if age < 4 * MAX_WINDOW { last } else { HashSet::new() };
        self.began = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_219_200 + seconds)
    }

    fn name(number: u32) -> Name {
        let mut name = [0; 16];
        name[..4].copy_from_slice(&number.to_be_bytes());
        name
    }

    #[test]
    fn a_proof_is_remembered_for_as_long_as_it_is_worth_anything() {
        let mut seen = Seen::default();
        assert_eq!(seen.add(name(1), at(0)), Ok(()));
        for later in [0, 1, 300, 599, 600, 900, 1199] {
            assert_eq!(seen.add(name(1), at(later)), Err(ProofRefused::Replayed), "{later}");
        }
        assert_eq!(seen.add(name(1), at(2000)), Ok(()));
    }

    #[test]
    fn the_memory_is_bounded_and_refuses_rather_than_forgets() {
        let mut seen = Seen::default();
        for number in 0..MOST_PROOFS as u32 {
            assert_eq!(seen.add(name(number), at(0)), Ok(()));
        }
        assert_eq!(seen.add(name(u32::MAX), at(1)), Err(ProofRefused::MemoryFull));
        assert_eq!(seen.add(name(7), at(1)), Err(ProofRefused::Replayed));
        assert_eq!(seen.add(name(u32::MAX), at(600)), Ok(()));
    }

    #[test]
    fn a_nonce_is_ours_for_one_to_two_minutes_and_of_nobody_else() {
        let (guard, other) = (DpopGuard::new().unwrap(), DpopGuard::new().unwrap());
        let nonce = guard.nonce(at(0));
        assert!(guard.is_ours(&nonce, at(0)));
        assert!(guard.is_ours(&nonce, at(60)));
        assert!(!guard.is_ours(&nonce, at(120)));
        assert!(!other.is_ours(&nonce, at(0)));
        assert!(!guard.is_ours("", at(0)));
    }
}
