//! Tokens with a wrong signature: which they were, and how many an address has left.
//!
//! To check a signature costs us some hundred times as much as it costs to send a random one. So a token whose
//! signature was wrong is refused by its digest for some seconds, and an address that sends many different ones has
//! its new tokens refused unseen until its budget fills again. While wrong signatures come by the hundreds, whoever sends
//! them, an address that has shown no good token has a small budget: many addresses together cannot spend what one may
//! (ADR 0022). Nothing else counts against the budget: not an expired
//! token, not an unknown key, not the same wrong token again, and no token that was accepted before is affected.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quick_cache::sync::Cache;

use crate::recognised::CacheKey;

/// Wrong signatures that an address may send at once.
const BURST: u64 = 50;
/// The same during a flood, for an address that has shown no good token.
const BURST_OF_STRANGER: u64 = 3;
/// One more is granted after so many milliseconds, so that a thousand addresses take no more than a thirtieth of a core.
const REFILL_MS: u64 = 1000;
/// Wrong signatures that come to the node at once before it is a flood, and after how many milliseconds one more may: a
/// hundred a second take a few thousandths of a core.
const NODE_BURST: u64 = 500;
const NODE_REFILL_MS: u64 = 10;
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
    /// What each address and each site has spent.
    addresses: Cache<Network, Arc<Bucket>>,
    /// Who has shown a good token.
    good: Cache<Network, ()>,
    /// What the node has spent.
    node: Bucket,
}

/// A bucket that leaks: when it will be empty, in milliseconds since 1970.
#[derive(Debug, Default)]
struct Bucket(AtomicU64);

impl Bucket {
    /// Puts one in, which is gone after `refill_ms`.
    fn add(&self, refill_ms: u64, now: u64) {
        // Concurrent calls each add their share; the closure never fails.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |empty_at| {
            Some(empty_at.max(now) + refill_ms)
        });
    }

    /// For how many milliseconds more than `burst` are in it.
    fn is_full_for(&self, burst: u64, refill_ms: u64, now: u64) -> u64 {
        self.0.load(Ordering::Relaxed).saturating_sub(burst * refill_ms).saturating_sub(now)
    }
}

/// Who shares a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Network {
    address: IpAddr,
    /// Bits that count.
    prefix: u8,
}

impl Network {
    /// An IPv4 address, or the /64 of an IPv6 one, which is one customer's.
    fn of(address: IpAddr) -> Self {
        Self::wide(address, 64)
    }

    /// The same, or more of an IPv6 address.
    fn wide(address: IpAddr, prefix: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let others = 128 - u32::from(prefix);
                let bits = v6.to_bits() >> others << others;
                Self { address: IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix }
            }
            address => Self { address, prefix: 32 },
        }
    }

    /// The /48 of an IPv6 address: one site has 65,536 networks to send from. `None` of an IPv4 address.
    fn site_of(address: IpAddr) -> Option<Self> {
        address.to_canonical().is_ipv6().then(|| Self::wide(address, 48))
    }
}

impl Default for Forged {
    fn default() -> Self {
        Self {
            tokens: Cache::new(MOST_TOKENS),
            addresses: Cache::new(MOST_ADDRESSES),
            good: Cache::new(MOST_ADDRESSES),
            node: Bucket::default(),
        }
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
        let (network, now) = (Network::of(address), millis(now));
        let spent = |network: Network, burst: u64| {
            self.addresses.get(&network).map_or(0, |bucket| bucket.is_full_for(burst, REFILL_MS, now))
        };
        let is_stranger = self.is_flooded(now) && self.good.get(&network).is_none();
        let wait = if is_stranger {
            let of_site = Network::site_of(address).map_or(0, |site| spent(site, BURST));
            spent(network, BURST_OF_STRANGER).max(of_site)
        } else {
            spent(network, BURST)
        };
        (wait > 0).then(|| Duration::from_millis(wait))
    }

    /// Remembers a token whose signature is wrong, and who sent it.
    pub fn remember(&self, token: CacheKey, address: IpAddr, now: SystemTime) {
        self.tokens.insert(token, now + TOKEN_HOLDS);
        let now = millis(now);
        self.node.add(NODE_REFILL_MS, now);
        self.spend(Network::of(address), now);
        if let Some(site) = Network::site_of(address) {
            self.spend(site, now);
        }
    }

    /// Remembers that a good token came from here.
    pub fn vouch(&self, address: IpAddr) {
        let network = Network::of(address);
        if self.good.get(&network).is_none() {
            self.good.insert(network, ());
        }
    }

    /// Whether more wrong signatures come to the node than clients with a mistake would send.
    fn is_flooded(&self, now: u64) -> bool {
        self.node.is_full_for(NODE_BURST, NODE_REFILL_MS, now) > 0
    }

    fn spend(&self, network: Network, now: u64) {
        let bucket = self.addresses.get(&network).unwrap_or_else(|| {
            let fresh = Arc::new(Bucket::default());
            self.addresses.insert(network, Arc::clone(&fresh));
            fresh
        });
        bucket.add(REFILL_MS, now);
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
        for number in 0..100_000_u32 {
            forged.vouch(IpAddr::from(number.to_be_bytes()));
        }
        assert!(forged.good.len() <= MOST_ADDRESSES + 64, "{}", forged.good.len());
    }

    /// What a flood from so many addresses gets looked at in a second, each sending without pause.
    fn looked_at(
        forged: &Forged,
        cache: &RecognisedCache,
        addresses: impl Iterator<Item = IpAddr>,
        ms: u64,
    ) -> usize {
        let mut count = 0;
        for address in addresses {
            for number in 0..100_u64 {
                if forged.must_wait(address, at(ms)).is_some() {
                    break;
                }
                let text = format!("{address} {number} {ms}");
                forged.remember(cache.key(Kind::Bearer, [text.as_bytes()]), address, at(ms));
                count += 1;
            }
        }
        count
    }

    fn v4(number: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + number).to_be_bytes())
    }

    #[test]
    fn in_a_flood_many_addresses_together_get_little_looked_at() {
        let (forged, cache) = (Forged::default(), RecognisedCache::new().unwrap());
        let first = looked_at(&forged, &cache, (0..600).map(v4), 0);
        // Ten addresses have their whole budget, until it is a flood; the others have three each, and one that is over.
        assert!((501..=3100).contains(&first), "{first}");
        let second = looked_at(&forged, &cache, (0..600).map(v4), 1000);
        assert!(second <= 600, "{second}");
    }

    #[test]
    fn a_flood_takes_nothing_from_new_clients_nor_from_those_with_a_good_token() {
        let (forged, cache) = (Forged::default(), RecognisedCache::new().unwrap());
        let [new, good, careless] = [1, 2, 3].map(|number| IpAddr::from([192, 0, 2, number]));
        let key = |number: u32| cache.key(Kind::Bearer, [number.to_be_bytes().as_slice()]);
        for number in 0..4 {
            forged.remember(key(number), good, at(0));
            forged.remember(key(10 + number), careless, at(0));
        }
        forged.vouch(good);
        assert_eq!(forged.must_wait(careless, at(0)), None);
        looked_at(&forged, &cache, (0..600).map(v4), 0);
        assert_eq!(forged.must_wait(new, at(0)), None, "nothing wrong came from there");
        assert_eq!(forged.must_wait(good, at(0)), None, "as many as ever");
        assert_eq!(forged.must_wait(careless, at(0)), Some(Duration::from_millis(REFILL_MS)));
        let flood_ends = 60_000;
        assert_eq!(forged.must_wait(careless, at(flood_ends)), None);
    }

    #[test]
    fn in_a_flood_the_networks_of_one_ipv6_site_have_one_budget() {
        let (forged, cache) = (Forged::default(), RecognisedCache::new().unwrap());
        looked_at(&forged, &cache, (0..600).map(v4), 0);
        let site = (0..5000_u16).map(|subnet| IpAddr::from([0x2001, 0xdb8, 0, subnet, 0, 0, 0, 1]));
        let spent = looked_at(&forged, &cache, site, 0);
        assert_eq!(spent, 51, "as many as one address outside of a flood");
        assert!(
            forged.must_wait("2001:db8:0:ffff::1".parse().unwrap(), at(0)).is_some(),
            "it waits for its site"
        );
        assert_eq!(forged.must_wait("2001:db8:1::1".parse().unwrap(), at(0)), None);
    }
}
