//! Failures of requests: how many in a row, and which share of a window.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use ostia_config::upstream::Outlier;

use crate::clock::millis;

/// What requests said of a server lately. Counts may be off by a few when many report at once; nothing rests on one.
#[derive(Debug, Default)]
pub(crate) struct Streak {
    in_a_row: AtomicU32,
    /// When the window began.
    since: AtomicU64,
    all: AtomicU32,
    failed: AtomicU32,
}

impl Streak {
    pub(crate) fn succeeded(&self, outlier: &Outlier, now: Instant) {
        // Almost always zero already; a plain load keeps the line shared between cores.
        if self.in_a_row.load(Relaxed) != 0 {
            self.in_a_row.store(0, Relaxed);
        }
        if outlier.failure_share.is_some() {
            self.turn_window(outlier, now);
            self.all.fetch_add(1, Relaxed);
        }
    }

    /// Whether there were too many now: in a row, or of the window.
    pub(crate) fn failed(&self, outlier: &Outlier, now: Instant) -> bool {
        self.turn_window(outlier, now);
        let in_a_row = self.in_a_row.fetch_add(1, Relaxed).saturating_add(1);
        let all = self.all.fetch_add(1, Relaxed).saturating_add(1);
        let failed = self.failed.fetch_add(1, Relaxed).saturating_add(1);
        let share = f64::from(failed) / f64::from(all);
        let too_large = |most: f64| all >= outlier.least_requests && share >= most;
        in_a_row >= outlier.consecutive_failures || outlier.failure_share.is_some_and(too_large)
    }

    pub(crate) fn forget(&self) {
        [&self.in_a_row, &self.all, &self.failed].into_iter().for_each(|count| count.store(0, Relaxed));
        self.since.store(0, Relaxed);
    }

    fn turn_window(&self, outlier: &Outlier, now: Instant) {
        let (now, since) = (millis(now), self.since.load(Relaxed));
        let window = u64::try_from(outlier.window.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(since) < window {
            return;
        }
        if self.since.compare_exchange(since, now, Relaxed, Relaxed).is_ok() {
            self.all.store(0, Relaxed);
            self.failed.store(0, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outlier() -> Outlier {
        Outlier {
            consecutive_failures: 5,
            failure_share: Some(0.5),
            least_requests: 20,
            ..Outlier::default()
        }
    }

    #[test]
    fn failures_in_a_row_are_too_many_and_one_success_forgets_them() {
        let (streak, now) = (Streak::default(), Instant::now());
        assert!((0..4).all(|_| !streak.failed(&outlier(), now)));
        streak.succeeded(&outlier(), now);
        assert!((0..4).all(|_| !streak.failed(&outlier(), now)));
        assert!(streak.failed(&outlier(), now));
    }

    #[test]
    fn a_share_of_a_window_is_too_much_once_enough_requests_came() {
        let (streak, now) = (Streak::default(), Instant::now());
        let outlier = outlier();
        let mut asked = 0;
        let too_many = loop {
            streak.succeeded(&outlier, now);
            asked += 2;
            if streak.failed(&outlier, now) || asked > 100 {
                break asked;
            }
        };
        assert_eq!(too_many, 20);
    }

    #[test]
    fn an_old_window_says_nothing() {
        let (streak, now) = (Streak::default(), Instant::now());
        let outlier = outlier();
        for _ in 0..9 {
            streak.succeeded(&outlier, now);
            assert!(!streak.failed(&outlier, now));
        }
        let later = now + outlier.window + Duration::from_secs(1);
        streak.succeeded(&outlier, later);
        assert!(!streak.failed(&outlier, later), "twenty in all, but two in this window");
    }
}
