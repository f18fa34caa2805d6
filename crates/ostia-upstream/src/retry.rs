//! The budget of retries: a share of the requests of the last ten seconds.
//!
//! Without one, retries multiply the load of a group at the very moment at which it can bear least (the retry storm).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What the budget looks back on, in this many slots.
const SLOTS: usize = 10;
const SLOT: Duration = Duration::from_secs(1);
/// A quiet group may retry this often within the window, whatever the share says: a share of few requests is none.
const ALWAYS: u64 = 3;

/// The requests and retries of an upstream, counted by the second. One for a process and upstream: reloads keep it.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    began: Instant,
    slots: [Slot; SLOTS],
}

#[derive(Debug, Default)]
struct Slot {
    /// The second that it counts, plus one; 0 before the first.
    second: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
}

impl RetryBudget {
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, slots: Default::default() }
    }

    /// Counts a request.
    pub(crate) fn request(&self, now: Instant) {
        if let Some(slot) = self.slot(now) {
            slot.requests.fetch_add(1, Relaxed);
        }
    }

    /// Takes one retry out of the budget; `false` when it is spent. `share` is in the range of 0 to 1.
    pub(crate) fn retry(&self, share: f64, now: Instant) -> bool {
        let second = self.second(now);
        let (mut requests, mut retries) = (0_u64, 0_u64);
        for slot in self.slots.iter().filter(|slot| is_recent(slot.second.load(Relaxed), second)) {
            requests = requests.saturating_add(slot.requests.load(Relaxed));
            retries = retries.saturating_add(slot.retries.load(Relaxed));
        }
        // One that runs ahead by the retries of other threads at this moment is near enough.
        let allowed = (requests as f64 * share).floor() as u64;
        if retries >= allowed.max(if share > 0.0 { ALWAYS } else { 0 }) {
            return false;
        }
        if let Some(slot) = self.slot(now) {
            slot.retries.fetch_add(1, Relaxed);
        }
        true
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / SLOT.as_secs() + 1
    }

    /// The slot of now, emptied when it still holds an older second.
    fn slot(&self, now: Instant) -> Option<&Slot> {
        let second = self.second(now);
        let slot = self.slots.get(usize::try_from(second).ok()? % SLOTS)?;
        let held = slot.second.load(Relaxed);
        if held != second && slot.second.compare_exchange(held, second, Relaxed, Relaxed).is_ok() {
            slot.requests.store(0, Relaxed);
            slot.retries.store(0, Relaxed);
        }
        Some(slot)
    }
}

fn is_recent(held: u64, second: u64) -> bool {
    held != 0 && held.saturating_add(SLOTS as u64) > second
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    fn retries(budget: &RetryBudget, share: f64, now: Instant) -> usize {
        (0..1000).take_while(|_| budget.retry(share, now)).count()
    }

    #[test]
    fn a_share_of_the_requests_of_ten_seconds_may_be_retried() {
        let start = Instant::now();
        let budget = RetryBudget::new(start);
        for millis in 0..1000 {
            budget.request(at(start, millis * 9));
        }
        assert_eq!(retries(&budget, 0.2, at(start, 9_000)), 200);
        assert_eq!(retries(&budget, 0.2, at(start, 9_000)), 0, "it is spent");
    }

    #[test]
    fn what_is_older_than_ten_seconds_counts_no_more() {
        let start = Instant::now();
        let budget = RetryBudget::new(start);
        (0..100).for_each(|_| budget.request(start));
        assert_eq!(retries(&budget, 0.2, at(start, 9_900)), 20);
        assert_eq!(
            retries(&budget, 0.2, at(start, 10_100)),
            0,
            "the requests are forgotten, the retries not yet"
        );
        assert_eq!(retries(&budget, 0.2, at(start, 20_100)), 3, "neither requests nor retries are left");
        (0..100).for_each(|_| budget.request(at(start, 100_000)));
        assert_eq!(retries(&budget, 0.2, at(start, 100_500)), 20);
    }

    #[test]
    fn a_quiet_group_may_retry_a_little_but_not_with_a_budget_of_nothing() {
        let start = Instant::now();
        let budget = RetryBudget::new(start);
        budget.request(start);
        assert_eq!(retries(&budget, 0.2, start), 3);
        assert_eq!(retries(&RetryBudget::new(start), 0.0, start), 0);
    }
}
