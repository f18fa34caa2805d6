//! What is counted of requests, by route.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;

use super::label::{self, CLASSES, CODES, METHODS};
use super::shard::{Count, Durations, Level, Observed, Sharded};

/// Different decisions (policy and reason) that are counted for one route; the rest together.
const DECISIONS: usize = 32;

/// The counters of a route at a listener. Held by the route's compiled state: a request neither looks anything up by
/// text nor allocates, but for the first of its kind.
#[derive(Debug)]
pub struct RouteMetrics {
    requests: Sharded<Requests>,
    route: Arc<RouteTotals>,
}

type CodeCounts = [AtomicU64; CODES.len()];

/// Requests by method and code, of one shard. Tables are made for methods that occur.
#[derive(Debug, Default)]
struct Requests([OnceLock<Box<CodeCounts>>; METHODS.len()]);

/// The counters of a route at all listeners.
#[derive(Debug, Default)]
pub(crate) struct RouteTotals {
    durations: Sharded<[OnceLock<Box<Durations>>; CLASSES.len()]>,
    in_flight: Level,
    upgraded: Level,
    decisions: Decisions,
    shadow_decisions: Decisions,
}

/// Decisions by policy and reason.
#[derive(Debug, Default)]
struct Decisions {
    told_apart: OnceLock<Box<[OnceLock<Decided>; DECISIONS]>>,
    others: [Count; 2],
}

/// One decision and how often it was taken.
#[derive(Debug)]
struct Decided {
    policy: Box<str>,
    reason: &'static str,
    is_allowed: bool,
    count: Count,
}

/// Counts a request in flight or an upgraded connection, until it is dropped.
#[derive(Debug)]
#[must_use = "it counts as long as this lives"]
pub struct InFlight {
    of: Arc<RouteMetrics>,
    is_upgraded: bool,
}

impl RouteMetrics {
    pub(crate) fn new(route: Arc<RouteTotals>) -> Self {
        Self { requests: Sharded::default(), route }
    }

    /// Counts a request that was answered with `status` after `duration`.
    pub fn record(&self, method: &Method, status: u16, duration: Duration) {
        let counts = self.requests.own().and_then(|own| own.0.get(label::method(method)));
        if let Some(count) = counts.and_then(|counts| counts.get_or_init(new_counts).get(label::code(status)))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.route.observe(status, duration);
    }

    /// The request is here; it is in flight until the guard is dropped.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        InFlight::new(Arc::clone(self), false)
    }

    /// The connection was upgraded; it counts until the guard is dropped.
    pub fn upgraded(self: &Arc<Self>) -> InFlight {
        InFlight::new(Arc::clone(self), true)
    }

    /// Counts a decision.
    pub fn decided(&self, policy: &str, is_allowed: bool, reason: &'static str) {
        self.route.decided(policy, is_allowed, reason);
    }

    /// Counts what a shadow policy would have decided.
    pub fn shadowed(&self, policy: &str, is_allowed: bool, reason: &'static str) {
        self.route.shadow_decisions.count(policy, is_allowed, reason);
    }

    /// Counts by method and code, without those that are 0.
    pub(crate) fn requests(&self) -> Vec<(&'static str, u16, u64)> {
        let mut sums = [[0_u64; CODES.len()]; METHODS.len()];
        for shard in self.requests.iter() {
            for (sums, counts) in sums.iter_mut().zip(&shard.0) {
                let counts = counts.get().map(|counts| counts.iter()).into_iter().flatten();
                sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count.load(Ordering::Relaxed));
            }
        }
        let of_method = METHODS.into_iter().zip(sums);
        of_method
            .flat_map(|(method, sums)| {
                CODES.into_iter().zip(sums).map(move |(code, sum)| (method, code, sum))
            })
            .filter(|(_, _, sum)| *sum > 0)
            .collect()
    }
}

impl RouteTotals {
    fn observe(&self, status: u16, duration: Duration) {
        let class = label::class(Some(status));
        if let Some(durations) = self.durations.own().and_then(|own| own.get(class)) {
            durations.get_or_init(Box::default).observe(duration);
        }
    }

    pub(crate) fn decided(&self, policy: &str, is_allowed: bool, reason: &'static str) {
        self.decisions.count(policy, is_allowed, reason);
    }

    pub(crate) fn in_flight(&self) -> i64 {
        self.in_flight.sum()
    }

    pub(crate) fn upgraded(&self) -> i64 {
        self.upgraded.sum()
    }

    /// Durations by class of code, without those that never occurred.
    pub(crate) fn durations(&self) -> Vec<(&'static str, Observed)> {
        let mut sums = [Observed::default(); CLASSES.len()];
        for shard in self.durations.iter() {
            for (sum, durations) in sums.iter_mut().zip(shard) {
                durations.get().into_iter().for_each(|durations| sum.add(durations));
            }
        }
        CLASSES.into_iter().zip(sums).filter(|(_, sum)| sum.count() > 0).collect()
    }

    /// Decisions: policy, whether allowed, reason, count.
    pub(crate) fn decisions(&self) -> Vec<(String, bool, &'static str, u64)> {
        self.decisions.counts()
    }

    /// What shadow policies would have decided.
    pub(crate) fn shadow_decisions(&self) -> Vec<(String, bool, &'static str, u64)> {
        self.shadow_decisions.counts()
    }
}

impl Decisions {
    /// A walk over the few decisions of a route costs less than a hash of their texts.
    fn count(&self, policy: &str, is_allowed: bool, reason: &'static str) {
        let new = || Decided { policy: policy.into(), reason, is_allowed, count: Count::default() };
        let is_this = |decided: &Decided| {
            decided.is_allowed == is_allowed && decided.reason == reason && *decided.policy == *policy
        };
        // A free place is taken by the first thread that comes; what another one took meanwhile is compared.
        let places = self.told_apart.get_or_init(Box::default);
        let decided = places.iter().map(|place| place.get_or_init(new)).find(|decided| is_this(decided));
        match decided {
            Some(decided) => decided.count.one_more(),
            None => {
                let [deny, allow] = &self.others;
                if is_allowed { allow } else { deny }.one_more();
            }
        }
    }

    fn counts(&self) -> Vec<(String, bool, &'static str, u64)> {
        let places = self.told_apart.get().into_iter().flat_map(|places| places.iter());
        let known = places.filter_map(OnceLock::get);
        let known = known.map(|decided| {
            (decided.policy.to_string(), decided.is_allowed, decided.reason, decided.count.sum())
        });
        let others = [false, true].into_iter().zip(&self.others);
        let others =
            others.map(|(allowed, count)| (label::OTHER.to_owned(), allowed, label::OTHER, count.sum()));
        known.chain(others.filter(|(.., count)| *count > 0)).collect()
    }
}

impl InFlight {
    fn new(of: Arc<RouteMetrics>, is_upgraded: bool) -> Self {
        let new = Self { of, is_upgraded };
        new.level().add(1);
        new
    }

    fn level(&self) -> &Level {
        if self.is_upgraded { &self.of.route.upgraded } else { &self.of.route.in_flight }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.level().add(-1);
    }
}

fn new_counts() -> Box<CodeCounts> {
    Box::new(std::array::from_fn(|_| AtomicU64::new(0)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use http::Method;

    use super::{DECISIONS, RouteMetrics, RouteTotals};

    #[test]
    fn requests_are_counted_by_method_and_code_at_the_listener_and_timed_at_the_route() {
        let totals = Arc::new(RouteTotals::default());
        let [http, https] = [RouteMetrics::new(Arc::clone(&totals)), RouteMetrics::new(Arc::clone(&totals))];
        http.record(&Method::GET, 200, Duration::from_millis(3));
        https.record(&Method::GET, 200, Duration::from_millis(3));
        https.record(&Method::GET, 299, Duration::from_millis(3));
        https.record(&Method::from_bytes(b"BREW").unwrap(), 418, Duration::ZERO);
        assert_eq!(http.requests(), [("GET", 200, 1)]);
        assert_eq!(https.requests(), [("GET", 200, 1), ("GET", 0, 1), ("_OTHER", 0, 1)]);
        let counts: Vec<_> = totals.durations().iter().map(|(class, sum)| (*class, sum.count())).collect();
        assert_eq!(counts, [("2xx", 3), ("4xx", 1)]);
    }

    #[test]
    fn what_is_in_flight_ends_with_its_guard_on_whatever_thread() {
        let totals = Arc::new(RouteTotals::default());
        let route = Arc::new(RouteMetrics::new(Arc::clone(&totals)));
        let (request, socket) = (route.begin(), route.upgraded());
        assert_eq!((totals.in_flight(), totals.upgraded()), (1, 1));
        std::thread::spawn(move || drop((request, socket))).join().unwrap();
        assert_eq!((totals.in_flight(), totals.upgraded()), (0, 0));
    }

    #[test]
    fn decisions_are_told_apart_and_their_number_is_bounded() {
        let totals = RouteTotals::default();
        for _ in 0..2 {
            totals.decided("staff", true, "matched");
            totals.decided("staff", false, "claim_missing");
        }
        assert_eq!(
            totals.decisions(),
            [("staff".to_owned(), true, "matched", 2), ("staff".to_owned(), false, "claim_missing", 2)]
        );
        (0..100).for_each(|at| totals.decided(&format!("p{at}"), false, "x"));
        let all = totals.decisions();
        assert_eq!(all.len(), DECISIONS + 1);
        assert_eq!(all[DECISIONS], ("_OTHER".to_owned(), false, "_OTHER", 100 + 2 - DECISIONS as u64));
    }
}
