//! Tokens with a wrong signature: which they were, and how many an address has left.
//!
//! To check a signature costs us some hundred times as much as it costs to send a random one. So a token whose
//! signature was wrong is refused by its digest for some seconds, and an address that sends many different ones has
//! its new tokens refused unseen until its budget fills again. Nothing else counts against the budget: not an expired
//! token, not an unknown key, not the same wrong token again, and no token that was accepted before is affected.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quick_cache::sync::Cache;

use crate::recognised::CacheKey;

/// Wrong signatures that an address may send at once.
const BURST: u64 = 50;
/// One more is granted after so many milliseconds, so that a thousand addresses take no more than a thirtieth of a core.
const REFILL_MS: u64 = 1000;
/// Addresses that are remembered.
const MOST_ADDRESSES: usize = 16 * 1024;
/// Tokens that are remembered.
const MOST_TOKENS: usize = 4096;
/// How long a token stays refused: after that the issuer may have published another key under the same name.
const TOKEN_HOLDS: Duration = Duration::from_secs(5);

/// The wrong signatures of the last moments.
#[derive(Debug)]
pub struct Forged {
    /// Until when each token is refused.
    tokens: Cache<CacheKey, SystemTime>,
    /// When each address's budget will be whole again, in milliseconds since 1970 (a bucket that leaks).
    addresses: Cache<IpAddr, Arc<AtomicU64>>,
}

impl Default for Forged {
    fn default() -> Self {
        Self { tokens: Cache::new(MOST_TOKENS), addresses: Cache::new(MOST_ADDRESSES) }
    }
}

impl Forged {
    /// Whether the signature of this token was wrong a moment ago.
    #[must_use]
    pub fn knows(&self, token: &CacheKey, now: SystemTime) -> bool {
        self.tokens.get(token).is_some_and(|until| now < until)
    }

    /// How long this address has to wait before a new token of it is looked at; `None`: not at all.
    #[must_use]
    pub fn must_wait(&self, address: IpAddr, now: SystemTime) -> Option<Duration> {
        let whole_at = self.addresses.get(&network_of(address))?.load(Ordering::Relaxed);
        let spent_until = whole_at.saturating_sub(BURST * REFILL_MS);
        let wait = spent_until.saturating_sub(millis(now));
        (wait > 0).then(|| Duration::from_millis(wait))
    }

    /// Remembers a token whose signature is wrong, and who sent it.
    pub fn remember(&self, token: CacheKey, address: IpAddr, now: SystemTime) {
        self.tokens.insert(token, now + TOKEN_HOLDS);
        let network = network_of(address);
        let budget = self.addresses.get(&network).unwrap_or_else(|| {
            let fresh = Arc::new(AtomicU64::new(0));
            self.addresses.insert(network, Arc::clone(&fresh));
            fresh
        });
        let now = millis(now);
        // Concurrent calls each add their share; the closure never fails.
        let _ = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |whole_at| {
            Some(whole_at.max(now) + REFILL_MS)
        });
    }
}

/// Who shares a budget: an IPv4 address, or the /64 of an IPv6 one, which is one customer's.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().try_into().unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognised::{Kind, RecognisedCache};

    fn at(ms: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_795_219_200_000 + ms)
    }

    #[test]
    fn an_address_that_spent_its_budget_waits_and_another_does_not() {
        let (forged, cache) = (Forged::default(), RecognisedCache::new().unwrap());
        let key = |number: u64| cache.key(Kind::Bearer, [number.to_be_bytes().as_slice()]);
        let [bad, good] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
        for number in 0..BURST {
            assert_eq!(forged.must_wait(bad, at(0)), None, "{number}");
            forged.remember(key(number), bad, at(0));
        }
        forged.remember(key(BURST), bad, at(0));
        assert_eq!(forged.must_wait(bad, at(0)), Some(Duration::from_millis(REFILL_MS)));
        assert_eq!(
            forged.must_wait("::ffff:192.0.2.1".parse().unwrap(), at(0)),
            forged.must_wait(bad, at(0))
        );
        assert_eq!(forged.must_wait(good, at(0)), None);
        assert_eq!(forged.must_wait(bad, at(REFILL_MS)), None);
        forged.remember(key(1000), bad, at(REFILL_MS));
        assert_eq!(forged.must_wait(bad, at(REFILL_MS)), Some(Duration::from_millis(REFILL_MS)));
        assert_eq!(forged.must_wait(bad, at((BURST + 2) * REFILL_MS)), None);
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_their_budget() {
        let (forged, cache) = (Forged::default(), RecognisedCache::new().unwrap());
        let key = cache.key(Kind::Bearer, [b"x".as_slice()]);
        for number in 0..=BURST {
            forged.remember(key, IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, number as u16]), at(0));
        }
        assert!(forged.must_wait("2001:db8:0:1:ffff::1".parse().unwrap(), at(0)).is_some());
        assert!(forged.must_wait("2001:db8:0:2::1".parse().unwrap(), at(0)).is_none());
    }

    #[test]
    fn a_wrong_token_is_refused_by_its_digest_for_five_seconds() {
        let (forged, cache) = (Forged::default(), RecognisedCache::new().unwrap());
        let key = |text: &'static str| cache.key(Kind::Bearer, [text.as_bytes()]);
        forged.remember(key("bad"), IpAddr::from([192, 0, 2, 1]), at(0));
        assert!(forged.knows(&key("bad"), at(4_999)));
        assert!(!forged.knows(&key("bad"), at(5_000)));
        assert!(!forged.knows(&key("good"), at(0)));
    }

    #[test]
    fn the_memory_is_bounded() {
        let (forged, cache) = (Forged::default(), RecognisedCache::new().unwrap());
        for number in 0..100_000_u32 {
            let key = cache.key(Kind::Bearer, [number.to_be_bytes().as_slice()]);
            forged.remember(key, IpAddr::from(number.to_be_bytes()), at(0));
        }
        assert!(forged.tokens.len() <= MOST_TOKENS + 64, "{}", forged.tokens.len());
        assert!(forged.addresses.len() <= MOST_ADDRESSES + 64, "{}", forged.addresses.len());
    }
}
