//! Callers that were recognised a moment ago: a repeated token or session cookie costs one digest and one look-up.
//!
//! The key covers every byte of the credential and the place it was used for, under a secret of this process, so an
//! entry vouches for nothing else. An entry dies with its proof: at `valid_until`, when the issuer takes the signing
//! key away, when the session is ended here, and with the whole cache at a reload. A token is judged again after five
//! minutes at the latest.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{self, SHA256, SHA256_OUTPUT_LEN};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use http::{HeaderName, HeaderValue};
use ostia_identity::{Confirmation, Identity, Key, VerifiedToken};
use ostia_session::{Marks, SessionId, SessionSlot};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use smallvec::SmallVec;

use crate::passed_token::Passed;
use crate::projection::Projection;

/// How long a token counts before it is judged again, however long it lives: whatever a verdict rests on and nobody
/// tells the cache of is noticed after this. A signature every five minutes is no cost.
pub const LONGEST_VERDICT: Duration = Duration::from_secs(300);
/// Bytes that remembered callers may take together.
const CAPACITY_BYTES: u64 = 64 * 1024 * 1024;
/// What an entry takes beside its text.
const ENTRY_BYTES: usize = 512;

/// Somebody who proved who they are, with everything that later requests need ready made.
#[derive(Debug)]
pub struct Recognised {
    /// Who.
    pub identity: Arc<Identity>,
    /// The fields that tell the upstream.
    pub fields: Box<[(HeaderName, HeaderValue)]>,
    /// The session's id; `None` for bearers.
    pub session_id: Option<SessionId>,
    /// When the session began; `None` for bearers.
    pub signed_in_at: Option<SystemTime>,
    /// What may end the session, or the token; `None` for who is only assumed.
    pub ties: Option<Ties>,
    /// The key that signed; `None` for sessions.
    pub key: Option<Arc<Key>>,
    /// What else has to be shown with every request; `None` for sessions, and for tokens that whoever bears them may
    /// use.
    pub bound: Option<Box<Confirmation>>,
    /// Until when nothing has to be looked at again.
    pub valid_until: SystemTime,
}

/// What a session or a token may be ended by.
#[derive(Clone, Copy, Debug)]
pub struct Ties {
    /// The names that it may be ended by.
    pub marks: Marks,
    /// When answers that are still open end with the session; `None` for a token, which lets in and then has no say.
    pub ends_at: Option<SystemTime>,
}

impl Recognised {
    /// The caller by this token, which was accepted `now`.
    #[must_use]
    pub fn by_token(token: &str, verified: VerifiedToken, projection: &Projection, now: SystemTime) -> Self {
        let by_proof = verified.confirmation.key_thumbprint.is_some();
        let passed = Passed { scheme: if by_proof { "DPoP" } else { "Bearer" }, token };
        let issued_at = verified.issued_at.unwrap_or(now);
        Self {
            ties: Some(Ties { marks: Marks::of_token(&verified.identity, issued_at), ends_at: None }),
            fields: projection.of(&verified.identity, Some(passed)),
            identity: Arc::new(verified.identity),
            session_id: None,
            signed_in_at: None,
            key: verified.key,
            bound: Some(verified.confirmation).filter(|bound| !bound.is_bearer()).map(Box::new),
            valid_until: verified.not_after.min(now + LONGEST_VERDICT),
        }
    }

    /// Whether this still vouches for its credential.
    #[must_use]
    pub fn holds(&self, now: SystemTime) -> bool {
        now < self.valid_until && self.key.as_ref().is_none_or(|key| key.is_live())
    }
}

/// What is known of a credential.
#[derive(Clone, Debug)]
pub enum Look {
    /// Its caller, and it still holds.
    Holds(Arc<Recognised>),
    /// It was good, and has to be judged again.
    Held,
    /// Nothing, or nothing any more.
    Unknown,
}

/// What a credential is; part of the key.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A bearer token.
    Bearer = 1,
    /// The session cookie's parts, between the host and the slots of the route.
    Session = 2,
}

/// The place of a credential in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; SHA256_OUTPUT_LEN]);

#[derive(Clone)]
struct ByBytes;

impl Weighter<CacheKey, Arc<Recognised>> for ByBytes {
    fn weight(&self, _: &CacheKey, entry: &Arc<Recognised>) -> u64 {
        let fields: usize = entry.fields.iter().map(|(_, value)| value.len()).sum();
        u64::try_from(ENTRY_BYTES + 2 * fields + entry.identity.claims.bytes()).unwrap_or(u64::MAX)
    }
}

/// The callers of the last minutes.
pub struct RecognisedCache {
    secret: [u8; 32],
    entries: Cache<CacheKey, Arc<Recognised>, ByBytes>,
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system's random generator does not answer")]
pub struct NoRandomness;

impl RecognisedCache {
    /// An empty cache under a fresh secret.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new() -> Result<Self, NoRandomness> {
        let mut secret = [0_u8; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| NoRandomness)?;
        Ok(Self { secret, entries: Cache::with_weighter(16 * 1024, CAPACITY_BYTES, ByBytes) })
    }

    /// The key of a credential; each part is preceded by its length.
    #[must_use]
    pub fn key<'a>(&self, kind: Kind, parts: impl IntoIterator<Item = &'a [u8]>) -> CacheKey {
        // One call for all bytes: a call for each part would cost more than the digest of the part. On the stack, unless
        // the credential is longer than any that is common.
        let mut message = SmallVec::<[u8; 4096]>::new();
        message.extend_from_slice(&self.secret);
        message.push(kind as u8);
        for part in parts {
            message.extend_from_slice(&(part.len() as u64).to_le_bytes());
            message.extend_from_slice(part);
        }
        let digest = digest::digest(&SHA256, &message);
        let mut key = [0_u8; SHA256_OUTPUT_LEN];
        for (target, source) in key.iter_mut().zip(digest.as_ref()) {
            *target = *source;
        }
        CacheKey(key)
    }

    /// The key of a token that these providers may judge.
    #[must_use]
    pub fn token_key(&self, judges: &[u8], token: &str) -> CacheKey {
        self.key(Kind::Bearer, [judges, token.as_bytes()])
    }

    /// The key of the session that counts on a route with these slots: `parts` are names and values of our cookies.
    #[must_use]
    pub fn session_key<'a>(
        &self,
        host: &'a str,
        slots: &'a [SessionSlot],
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> CacheKey {
        let slots = slots.iter().map(SessionSlot::as_bytes);
        self.key(Kind::Session, std::iter::once(host.as_bytes()).chain(parts).chain(slots))
    }

    /// What is known of this credential. What does not hold any more stays until another verdict takes its place or it
    /// is forgotten.
    #[must_use]
    pub fn look(&self, key: &CacheKey, now: SystemTime) -> Look {
        match self.entries.get(key) {
            Some(entry) if entry.holds(now) => Look::Holds(entry),
            Some(_) => Look::Held,
            None => Look::Unknown,
        }
    }

    /// The caller with this credential, if it still holds; else it is forgotten.
    #[must_use]
    pub fn get(&self, key: &CacheKey, now: SystemTime) -> Option<Arc<Recognised>> {
        match self.look(key, now) {
            Look::Holds(entry) => return Some(entry),
            Look::Held => self.forget(key),
            Look::Unknown => {}
        }
        None
    }

    /// Remembers a caller.
    pub fn put(&self, key: CacheKey, recognised: &Arc<Recognised>) {
        self.entries.insert(key, Arc::clone(recognised));
    }

    /// Forgets a caller.
    pub fn forget(&self, key: &CacheKey) {
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use ostia_identity::{Claims, Proof};

    use super::*;

    #[test]
    fn callers_are_forgotten_when_their_claims_together_are_too_large() {
        let cache = RecognisedCache::new().unwrap();
        let groups: Vec<String> = (0..1000).map(|number| format!("{number:032}")).collect();
        let claims = serde_json::json!({ "groups": groups });
        for number in 0..1500_u32 {
            let identity = Identity {
                provider: Arc::from("corp"),
                issuer: Arc::from("https://login.example.com"),
                subject: Arc::from("robot"),
                claims: Claims::new(claims.as_object().unwrap().clone()),
                scopes: Vec::new(),
                proof: Proof::Bearer,
                expires_at: UNIX_EPOCH,
            };
            let recognised = Recognised {
                identity: Arc::new(identity),
                fields: Box::new([]),
                session_id: None,
                signed_in_at: None,
                ties: None,
                key: None,
                bound: None,
                valid_until: UNIX_EPOCH,
            };
            cache.put(cache.key(Kind::Bearer, [number.to_be_bytes().as_slice()]), &Arc::new(recognised));
        }
        // 1,000 texts of 32 bytes take 50 KB with their places.
        assert!(cache.entries.weight() <= CAPACITY_BYTES);
        assert!((900..=1400).contains(&cache.entries.len()), "{}", cache.entries.len());
    }

    #[test]
    fn keys_cover_every_byte_the_kind_and_the_borders_of_parts() {
        let cache = RecognisedCache::new().unwrap();
        let other = RecognisedCache::new().unwrap();
        let parts = |list: &'static [&'static str]| list.iter().map(|part| part.as_bytes());
        let key = cache.key(Kind::Bearer, parts(&["abc", "d"]));
        assert!(key == cache.key(Kind::Bearer, parts(&["abc", "d"])));
        assert!(key != cache.key(Kind::Bearer, parts(&["ab", "cd"])));
        assert!(key != cache.key(Kind::Bearer, parts(&["abc", "e"])));
        assert!(key != cache.key(Kind::Session, parts(&["abc", "d"])));
        assert!(key != other.key(Kind::Bearer, parts(&["abc", "d"])));
    }
}
