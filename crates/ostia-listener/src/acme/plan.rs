//! When a certificate is ordered, and how often it was tried.

use std::time::{Duration, SystemTime};

/// Between two questions about the renewal window, whatever the authority says (RFC 9773 section 4.3.2).
const ASK_AT_LEAST: Duration = Duration::from_secs(60);
const ASK_AT_MOST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a certificate is used before another is ordered.
const RENEWED_AT_LEAST_AFTER: Duration = Duration::from_secs(60 * 60);
/// After the second failure in a row; doubled with each.
const BACK_OFF: Duration = Duration::from_secs(60);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(12 * 60 * 60);

/// The plan for one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// When it is ordered (again).
    pub(super) order_at: SystemTime,
    /// When the authority is asked for its renewal window; `None` while there is no certificate.
    pub(super) ask_at: Option<SystemTime>,
    /// Whatever the authority says, it is ordered then: a twentieth of its time before the certificate ends.
    latest: Option<SystemTime>,
    /// Whatever the authority says, it is not ordered before: an authority whose window has always begun would be asked
    /// for a certificate each second.
    earliest: Option<SystemTime>,
    /// Orders in a row that failed.
    pub(super) failures: u32,
}

impl Plan {
    /// For a certificate that is valid between these moments; `None`: there is none.
    pub(super) fn new(validity: Option<(SystemTime, SystemTime)>, now: SystemTime) -> Self {
        match validity {
            None => Self { order_at: now, ask_at: None, latest: None, earliest: None, failures: 0 },
            Some((from, to)) => Self {
                order_at: when_left(3, from, to),
                ask_at: Some(now),
                latest: Some(when_left(20, from, to)),
                earliest: None,
                failures: 0,
            },
        }
    }

    /// The same for one that was issued just now.
    pub(super) fn issued(self, now: SystemTime) -> Self {
        Self { earliest: Some(now + RENEWED_AT_LEAST_AFTER), ..self }
    }

    /// The authority named a window: a moment in it, chosen by `share` (0 to 1).
    pub(super) fn told(
        &mut self,
        window: (SystemTime, SystemTime),
        share: f64,
        ask_again: Duration,
        now: SystemTime,
    ) {
        let (start, end) = window;
        let width = end.duration_since(start).unwrap_or_default();
        let told = start + width.mul_f64(share.clamp(0.0, 1.0));
        let told = self.latest.map_or(told, |latest| told.min(latest));
        self.order_at = self.earliest.map_or(told, |earliest| told.max(earliest));
        self.ask_at = Some(now + ask_again.clamp(ASK_AT_LEAST, ASK_AT_MOST));
    }

    /// The authority names no window, or did not answer.
    pub(super) fn not_told(&mut self, now: SystemTime) {
        self.ask_at = Some(now + ASK_AT_MOST);
    }

    /// An order failed. While `challenges` are left that were not tried, the next one is tried at once.
    pub(super) fn failed(&mut self, challenges: u32, now: SystemTime) {
        self.failures = self.failures.saturating_add(1);
        let rounds = self.failures.saturating_sub(challenges.max(1));
        let wait = match self.failures < challenges {
            true => Duration::ZERO,
            false => BACK_OFF.saturating_mul(2_u32.saturating_pow(rounds)).min(LONGEST_BACK_OFF),
        };
        self.order_at = now + wait;
    }
}

/// When one part of so many of its time is left.
fn when_left(parts: u32, from: SystemTime, to: SystemTime) -> SystemTime {
    let lifetime = to.duration_since(from).unwrap_or_default();
    to.checked_sub(lifetime / parts.max(1)).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn it_is_ordered_at_once_or_when_a_third_is_left() {
        let now = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        assert_eq!(Plan::new(None, now).order_at, now);
        let plan = Plan::new(Some((now, now + 90 * DAY)), now);
        assert_eq!((plan.order_at, plan.ask_at), (now + 60 * DAY, Some(now)));
    }

    #[test]
    fn the_window_of_the_authority_counts() {
        let now = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        let mut plan = Plan::new(Some((now, now + 90 * DAY)), now);
        plan.told((now + 10 * DAY, now + 20 * DAY), 0.5, Duration::from_secs(1), now);
        assert_eq!((plan.order_at, plan.ask_at), (now + 15 * DAY, Some(now + ASK_AT_LEAST)));
        plan.told((now - 2 * DAY, now - DAY), 1.0, 100 * DAY, now);
        assert!(plan.order_at < now, "a window that has passed means at once");
        assert_eq!(plan.ask_at, Some(now + ASK_AT_MOST));
        plan.told((now + 100 * DAY, now + 101 * DAY), 0.0, DAY, now);
        assert_eq!(plan.order_at, now + 90 * DAY - 90 * DAY / 20, "never after it has ended");
    }

    #[test]
    fn a_window_that_has_always_begun_orders_no_more_than_once_an_hour() {
        let now = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        let mut plan = Plan::new(Some((now, now + 90 * DAY)), now).issued(now);
        plan.told((now - 2 * DAY, now - DAY), 0.0, DAY, now);
        assert_eq!(plan.order_at, now + Duration::from_secs(3600));
    }

    #[test]
    fn each_challenge_is_tried_once_before_it_waits_longer_and_longer() {
        let now = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        let mut plan = Plan::new(None, now);
        let mut waits = Vec::new();
        for _ in 0..14 {
            plan.failed(2, now);
            waits.push(plan.order_at.duration_since(now).unwrap().as_secs());
        }
        assert_eq!(waits[..5], [0, 60, 120, 240, 480]);
        assert_eq!(waits[13], 12 * 60 * 60);
    }
}
