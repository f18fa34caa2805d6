//! `rate_limit` of a route: how many requests come through, in bounded memory.
//!
//! The generic cell rate algorithm: of everybody who shares a limit one number is kept, the moment at which all they
//! sent would have been due. A request that comes earlier than the burst allows is refused and not counted.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode, header};
use ostia_config::handling::{RateLimit, RatePer};
use ostia_extension::{Edits, Extension, Reply, RequestView, Verdict};
use quick_cache::sync::Cache;

use crate::projection::claim_text;

/// Limits of one route that are remembered; some 6 MiB. Of more the ones not seen for longest are forgotten, which
/// gives them their burst anew.
const MOST_SHARERS: usize = 64 * 1024;

/// The reason of the answer.
pub(crate) const RATE_LIMITED: &str = "rate_limited";

/// The limits of one route.
pub(crate) struct RateLimiter {
    /// The section it was made from, for reuse by equality.
    pub(crate) section: RateLimit,
    began: Instant,
    /// Between two requests, in nanoseconds.
    interval: u64,
    /// How far ahead of its time the last request of a burst may be.
    tolerance: u64,
    secret: RandomState,
    /// When what was let through would have been due, in nanoseconds since `began`.
    due: Cache<u64, Arc<AtomicU64>>,
}

impl RateLimiter {
    pub(crate) fn new(section: &RateLimit) -> Self {
        let interval = section.period.as_nanos() / u128::from(section.requests.max(1));
        let interval = u64::try_from(interval).unwrap_or(u64::MAX).max(1);
        Self {
            began: Instant::now(),
            interval,
            tolerance: interval.saturating_mul(u64::from(section.burst.max(1))),
            secret: RandomState::new(),
            due: Cache::new(if section.per == RatePer::Route { 16 } else { MOST_SHARERS }),
            section: section.clone(),
        }
    }

    /// How long to wait, when there is no room now.
    fn take(&self, request: &RequestView<'_>, now: u64) -> Result<(), Duration> {
        let key = self.key(request);
        let due = self.due.get_or_insert_with::<u64, std::convert::Infallible>(&key, || Ok(Arc::default()));
        let Ok(due) = due;
        let mut before = due.load(Ordering::Relaxed);
        loop {
            let next = before.max(now).saturating_add(self.interval);
            let ahead = next - now;
            if ahead > self.tolerance {
                return Err(Duration::from_nanos(ahead - self.tolerance));
            }
            match due.compare_exchange_weak(before, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => before = other,
            }
        }
    }

    /// Who shares the limit. Keyed by a secret, so that nobody can choose to share another's.
    fn key(&self, request: &RequestView<'_>) -> u64 {
        let mut hash = self.secret.build_hasher();
        let identity = request.identity();
        let own = match &self.section.per {
            RatePer::Route => return 0,
            RatePer::Address => None,
            RatePer::Subject => identity.map(|identity| format!("{}\n{}", identity.issuer, identity.subject)),
            RatePer::Claim(path) => identity.and_then(|identity| claim_text(identity, path)),
            RatePer::Header(name) => {
                request.header(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            }
        };
        match own {
            Some(text) => {
                hash.write_u8(1);
                hash.write(text.as_bytes());
            }
            None => {
                hash.write_u8(2);
                hash.write_u128(network(request.client()));
            }
        }
        hash.finish()
    }

    fn limit(&self, request: &RequestView<'_>) -> Verdict {
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        match self.take(request, now) {
            Ok(()) => Verdict::Continue,
            Err(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Reply::status(StatusCode::TOO_MANY_REQUESTS)
                    .because(RATE_LIMITED)
                    .with(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
                    .into()
            }
        }
    }

    /// Whether the caller has to be known first.
    fn needs_caller(&self) -> bool {
        matches!(self.section.per, RatePer::Subject | RatePer::Claim(_))
    }
}

/// Whoever has one IPv6 address has the whole /64.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address) >> 64 << 64,
    }
}

impl Extension for RateLimiter {
    fn name(&self) -> &str {
        "rate_limit"
    }

    fn on_request(&self, request: &RequestView<'_>) -> Verdict {
        if self.needs_caller() { Verdict::Continue } else { self.limit(request) }
    }

    fn on_authorized(&self, request: &RequestView<'_>, _: &mut Edits) -> Verdict {
        if self.needs_caller() { self.limit(request) } else { Verdict::Continue }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, Method};

    use super::*;

    fn limiter(per: RatePer, requests: u32, burst: u32) -> RateLimiter {
        RateLimiter::new(&RateLimit { per, requests, period: Duration::from_secs(1), burst })
    }

    fn from(headers: &HeaderMap, address: IpAddr) -> RequestView<'_> {
        RequestView::new(&Method::GET, "/", headers, None).with_client(address, false)
    }

    #[test]
    fn burst_passes_and_then_only_the_rate() {
        let (limiter, headers) = (limiter(RatePer::Address, 10, 3), HeaderMap::new());
        let request = from(&headers, [192, 0, 2, 1].into());
        let at = |millis: u64| millis * 1_000_000;
        for (now, passes) in [
            (0, true),
            (0, true),
            (0, true),
            (0, false),
            (99, false),
            (100, true),
            (100, false),
            (1000, true),
        ] {
            assert_eq!(limiter.take(&request, at(now)).is_ok(), passes, "at {now} ms");
        }
        let wait = (0..3).find_map(|_| limiter.take(&request, at(1000)).err()).unwrap();
        assert_eq!(wait, Duration::from_millis(100));
    }

    #[test]
    fn those_who_share_nothing_do_not_limit_each_other() {
        let headers = HeaderMap::new();
        let limiter = limiter(RatePer::Address, 1, 1);
        for (address, passes) in [
            ("192.0.2.1", true),
            ("192.0.2.2", true),
            ("::ffff:192.0.2.1", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
            ("2001:db8:0:1::2", true),
        ] {
            let request = from(&headers, address.parse().unwrap());
            assert_eq!(limiter.take(&request, 0).is_ok(), passes, "{address}");
        }
    }

    #[test]
    fn value_of_a_field_parts_and_its_absence_falls_back_to_the_address() {
        let name = HeaderName::from_static("x-tenant");
        let limiter = limiter(RatePer::Header(name.clone()), 1, 1);
        for (tenant, last, passes) in [
            (Some("a"), 1, true),
            (Some("a"), 2, false),
            (Some("b"), 1, true),
            (None, 1, true),
            (None, 1, false),
            (None, 2, true),
        ] {
            let headers: HeaderMap =
                tenant.map(|tenant| (name.clone(), HeaderValue::from_static(tenant))).into_iter().collect();
            assert_eq!(
                limiter.take(&from(&headers, [192, 0, 2, last].into()), 0).is_ok(),
                passes,
                "{tenant:?} {last}"
            );
        }
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let (limiter, headers) = (limiter(RatePer::Address, 1, 1), HeaderMap::new());
        for last in 0..200_000_u32 {
            let _ = limiter.take(&from(&headers, IpAddr::V4(last.into())), 0);
        }
        assert!(limiter.due.len() <= MOST_SHARERS, "{}", limiter.due.len());
    }
}
