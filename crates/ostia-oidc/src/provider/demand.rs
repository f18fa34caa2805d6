//! Fetches that requests cause: one flight, a gate in front of it, and a memory of names that led nowhere.
//!
//! Anybody can send a token with a made-up `kid`. Whatever arrives, and however the fetches end, at most one fetch
//! starts per interval; everybody who needs one meanwhile joins it, and a name that a fetch did not bring is not asked
//! about again for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ostia_identity::{IdTokenRefused, KeySet, LogoutTokenRefused, TokenRefused};
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::Provider;
use super::discovery::Published;
use super::flight::{Flight, landed};
use super::key_set::{Keys, KeysFetched};

/// The names of keys that are remembered as unknown.
const UNKNOWN_KIDS: usize = 1024;

/// The state of fetches on demand.
#[derive(Debug)]
pub(crate) struct Demand {
    /// `None` inside: the fetch failed.
    pub(crate) flight: Flight<Option<KeysFetched>>,
    /// For what was never loaded; apart, so that a key that is replaced right after the start is still found.
    load_gate: Mutex<Gate>,
    key_gate: Mutex<Gate>,
    unknown: Cache<Box<str>, Unknown>,
}

/// A `kid` that was not in the set of this generation.
#[derive(Clone, Copy, Debug)]
struct Unknown {
    until: Instant,
    generation: u64,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            flight: Flight::default(),
            load_gate: Mutex::default(),
            key_gate: Mutex::default(),
            unknown: Cache::new(UNKNOWN_KIDS),
        }
    }
}

/// Lets one fetch through per interval.
#[derive(Debug, Default)]
struct Gate {
    last: Option<Instant>,
}

impl Gate {
    /// How long a fetch must still wait; the place is taken with the answer. `None`: longer than anybody would wait.
    fn admit(&mut self, now: Instant, interval: Duration, patience: Duration) -> Option<Duration> {
        let opens_in =
            self.last.map_or(Duration::ZERO, |last| (last + interval).saturating_duration_since(now));
        if opens_in > patience {
            return None;
        }
        self.last = Some(now + opens_in);
        Some(opens_in)
    }
}

/// Why a check that needs the issuer's keys gave no verdict or a bad one.
#[derive(Debug)]
pub(crate) enum KeyedRefused<E> {
    /// No keys were ever loaded, or they are too old to be used.
    Unavailable,
    /// The token is refused.
    Token(E),
}

/// A refusal that other keys might cure.
pub(crate) trait KeyDoubt {
    /// The token's own refusal, if that is what it was.
    fn about_token(&self) -> Option<&TokenRefused>;

    /// The set has no key of the token's name.
    fn misses_key(&self) -> bool {
        self.about_token().is_some_and(TokenRefused::wants_newer_keys)
    }

    /// The set's key of that name fits the token badly: the issuer may have replaced it under its old name.
    fn doubts_key(&self) -> bool {
        let replaced = |token: &TokenRefused| {
            matches!(token, TokenRefused::SignatureInvalid | TokenRefused::KeyAlgorithmDiffers { .. })
        };
        self.about_token().is_some_and(replaced)
    }
}

impl KeyDoubt for TokenRefused {
    fn about_token(&self) -> Option<&TokenRefused> {
        Some(self)
    }
}

impl KeyDoubt for LogoutTokenRefused {
    fn about_token(&self) -> Option<&TokenRefused> {
        match self {
            Self::Token(refused) => Some(refused),
            _ => None,
        }
    }
}

impl KeyDoubt for IdTokenRefused {
    fn about_token(&self) -> Option<&TokenRefused> {
        match self {
            Self::Token(refused) => Some(refused),
            _ => None,
        }
    }
}

/// How a request for something newer ended.
struct Asked {
    /// By a fetch that somebody else had begun before.
    joined: bool,
    succeeded: bool,
}

impl Provider {
    /// Runs a check against the keys; when it misses a key, or a signature fails under a key that may have been
    /// replaced under its old name, once more against newer ones.
    pub(crate) async fn with_keys<T, E: KeyDoubt>(
        self: &Arc<Self>,
        kid: Option<&str>,
        now: SystemTime,
        check: impl Fn(&KeySet) -> Result<T, E>,
    ) -> Result<T, KeyedRefused<E>> {
        let keys = self.keys_soon(now).await.ok_or(KeyedRefused::Unavailable)?;
        let refused = match check(&keys.set) {
            Ok(verdict) => return Ok(verdict),
            Err(refused) => refused,
        };
        if !refused.misses_key() && !refused.doubts_key() {
            return Err(KeyedRefused::Token(refused));
        }
        match self.newer_keys(&keys, kid.unwrap_or_default(), refused.misses_key()).await {
            Some(newer) => check(&newer.set).map_err(KeyedRefused::Token),
            None => Err(KeyedRefused::Token(refused)),
        }
    }

    /// Keys that may be used at `now`; fetched on demand when there are none.
    pub(crate) async fn keys_soon(self: &Arc<Self>, now: SystemTime) -> Option<Arc<Keys>> {
        if let Some(keys) = self.keys_at(now) {
            return Some(keys);
        }
        self.ask_on_demand(&self.demand.load_gate).await;
        self.keys_at(now)
    }

    /// Metadata; fetched on demand when there is none.
    pub(crate) async fn metadata_soon(self: &Arc<Self>) -> Option<Arc<Published>> {
        if let Some(published) = self.metadata.load_full() {
            return Some(published);
        }
        self.ask_on_demand(&self.demand.load_gate).await;
        self.metadata.load_full()
    }

    /// Whether the issuer fails us. One that did is tried once more first, as often as the gate allows, so that it
    /// counts as back as soon as it is.
    pub(crate) async fn is_dark(self: &Arc<Self>) -> bool {
        if self.record.dark_since().is_some() {
            self.ask_on_demand(&self.demand.load_gate).await;
        }
        self.record.dark_since().is_some()
    }

    /// A set that is not `seen`, if one can be had within the patience.
    async fn newer_keys(self: &Arc<Self>, seen: &Keys, kid: &str, missing: bool) -> Option<Arc<Keys>> {
        let is_newer = |keys: &Arc<Keys>| keys.generation > seen.generation;
        if let Some(newer) = self.keys.load_full().filter(is_newer) {
            return Some(newer);
        }
        if missing {
            self.record.unknown_kid();
            if self.demand.is_known_unknown(kid, seen.generation) {
                return None;
            }
        }
        let mut asked = self.ask_on_demand(&self.demand.key_gate).await;
        let mut newer = self.keys.load_full().filter(is_newer);
        let lacks =
            |newer: &Option<Arc<Keys>>| missing && newer.as_ref().is_none_or(|keys| !keys.set.has(kid));
        if asked.joined && asked.succeeded && lacks(&newer) {
            // What was under way already may have been answered before the issuer had the key.
            asked = self.ask_on_demand(&self.demand.key_gate).await;
            newer = self.keys.load_full().filter(is_newer);
        }
        if asked.succeeded && lacks(&newer) {
            let generation = newer.as_ref().map_or(seen.generation, |keys| keys.generation);
            self.demand.remember_unknown(kid, generation, self.pace.unknown_kid);
        }
        newer
    }

    /// Joins the fetch under way, or starts one if the gate lets it, and waits for its end, no longer than the
    /// patience.
    async fn ask_on_demand(self: &Arc<Self>, gate: &Mutex<Gate>) -> Asked {
        let mut joined = true;
        let ticket = self.demand.flight.join_or(|| {
            joined = false;
            let mut gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
            let pause = gate.admit(Instant::now(), self.pace.on_demand, self.pace.patience)?;
            let provider = Arc::clone(self);
            Some(async move {
                tokio::time::sleep(pause).await;
                provider.fetch_keys().await.ok()
            })
        });
        let Some(ticket) = ticket else {
            self.record.fetch_withheld();
            return Asked { joined, succeeded: false };
        };
        let landed = tokio::time::timeout(self.pace.patience, landed(ticket)).await;
        Asked { joined, succeeded: matches!(landed, Ok(Some(Some(_)))) }
    }
}

impl Demand {
    fn is_known_unknown(&self, kid: &str, generation: u64) -> bool {
        self.unknown
            .get(kid)
            .is_some_and(|unknown| unknown.generation == generation && Instant::now() < unknown.until)
    }

    fn remember_unknown(&self, kid: &str, generation: u64, lasts: Duration) {
        self.unknown.insert(kid.into(), Unknown { until: Instant::now() + lasts, generation });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);
    const PATIENCE: Duration = Duration::from_millis(1500);

    #[test]
    fn the_gate_lets_one_through_per_interval() {
        let (mut gate, start) = (Gate::default(), Instant::now());
        let admitted: Vec<u64> = (0..60_000_u64)
            .step_by(10)
            .filter_map(|ms| {
                let at = start + Duration::from_millis(ms);
                gate.admit(at, INTERVAL, Duration::ZERO).map(|pause| ms + pause.as_millis() as u64)
            })
            .collect();
        assert_eq!(admitted, [0, 10_000, 20_000, 30_000, 40_000, 50_000]);
    }

    #[test]
    fn who_comes_shortly_before_the_gate_opens_is_let_through_then() {
        let (mut gate, start) = (Gate::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(gate.admit(at(0), INTERVAL, PATIENCE), Some(Duration::ZERO));
        assert_eq!(gate.admit(at(8_400), INTERVAL, PATIENCE), None);
        assert_eq!(gate.admit(at(8_600), INTERVAL, PATIENCE), Some(Duration::from_millis(1400)));
        assert_eq!(gate.admit(at(18_400), INTERVAL, PATIENCE), None);
    }

    #[test]
    fn an_unknown_kid_is_forgotten_when_the_set_changes_and_the_memory_is_bounded() {
        let demand = Demand::default();
        demand.remember_unknown("a", 3, INTERVAL);
        assert!(demand.is_known_unknown("a", 3));
        assert!(!demand.is_known_unknown("a", 4));
        assert!(!demand.is_known_unknown("b", 3));
        demand.remember_unknown("c", 3, Duration::ZERO);
        assert!(!demand.is_known_unknown("c", 3));
        for kid in 0..100_000 {
            demand.remember_unknown(&kid.to_string(), 3, INTERVAL);
        }
        assert!(demand.unknown.len() <= UNKNOWN_KIDS + 64, "{}", demand.unknown.len());
    }
}
