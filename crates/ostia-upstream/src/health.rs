//! The health of one server: what the checks and the connections said of it.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

/// The health of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Not checked often enough yet, or no check is configured: it serves.
    Unknown,
    /// It passed `rise` checks in a row.
    Healthy,
    /// It failed `fall` checks in a row.
    Unhealthy,
    /// It refused `fall` connections of requests in a row; the next check that it passes brings it back.
    Refusing,
}

impl Health {
    /// Whether requests go there.
    #[must_use]
    pub fn serves(self) -> bool {
        matches!(self, Self::Unknown | Self::Healthy)
    }

    /// The word in metrics, logs and `status`.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Refusing => "refusing",
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Healthy,
            2 => Self::Unhealthy,
            3 => Self::Refusing,
            _ => Self::Unknown,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Healthy => 1,
            Self::Unhealthy => 2,
            Self::Refusing => 3,
        }
    }
}

/// A change of health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) from: Health,
    pub(crate) to: Health,
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct LastCheck {
    /// When it ended.
    pub at: SystemTime,
    /// Whether it passed.
    pub passed: bool,
    /// Why not; `check passed` otherwise.
    pub why: String,
    /// How long it took.
    pub took: Duration,
}

/// What is told of a health.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) since: SystemTime,
    /// Why it changed last.
    pub(crate) why: String,
    pub(crate) last: Option<LastCheck>,
}

/// Health as it is learnt; shared by every configuration that checks the same address in the same way.
#[derive(Debug)]
pub(crate) struct HealthRecord {
    code: AtomicU8,
    /// Passed checks in a row.
    passed: AtomicU32,
    /// Failed checks in a row.
    failed: AtomicU32,
    /// Connections of requests that failed in a row.
    refused: AtomicU32,
    told: Mutex<Told>,
}

impl Default for HealthRecord {
    fn default() -> Self {
        let told = Told { since: SystemTime::now(), why: String::new(), last: None };
        Self {
            code: AtomicU8::default(),
            passed: AtomicU32::default(),
            failed: AtomicU32::default(),
            refused: AtomicU32::default(),
            told: Mutex::new(told),
        }
    }
}

impl HealthRecord {
    pub(crate) fn health(&self) -> Health {
        Health::from_code(self.code.load(Relaxed))
    }

    /// Takes the outcome of one check.
    pub(crate) fn checked(&self, passed: bool, rise: u32, fall: u32) -> Option<Changed> {
        let (up, down) = if passed { (&self.passed, &self.failed) } else { (&self.failed, &self.passed) };
        down.store(0, Relaxed);
        let in_a_row = up.fetch_add(1, Relaxed).saturating_add(1);
        if passed {
            self.refused.store(0, Relaxed);
        }
        match (self.health(), passed) {
            (Health::Refusing, true) => self.change(Health::Healthy),
            (_, true) if in_a_row >= rise => self.change(Health::Healthy),
            (_, false) if in_a_row >= fall => self.change(Health::Unhealthy),
            _ => None,
        }
    }

    /// Takes a connection of a request that failed.
    pub(crate) fn refused(&self, fall: u32) -> Option<Changed> {
        let in_a_row = self.refused.fetch_add(1, Relaxed).saturating_add(1);
        if in_a_row < fall || !self.health().serves() {
            return None;
        }
        self.passed.store(0, Relaxed);
        self.change(Health::Refusing)
    }

    /// Takes a connection of a request that worked.
    pub(crate) fn connected(&self) {
        // Almost always zero already; a plain load keeps the line shared between cores.
        if self.refused.load(Relaxed) != 0 {
            self.refused.store(0, Relaxed);
        }
    }

    /// Whether it is not known yet, or the last checks say otherwise than those before.
    pub(crate) fn is_changing(&self) -> bool {
        match self.health() {
            Health::Unknown => true,
            Health::Healthy => self.failed.load(Relaxed) > 0,
            Health::Unhealthy | Health::Refusing => self.passed.load(Relaxed) > 0,
        }
    }

    /// What it has learnt, for a check that goes on at another pace.
    pub(crate) fn copied(&self) -> Self {
        let copied = |number: &AtomicU32| AtomicU32::new(number.load(Relaxed));
        Self {
            code: AtomicU8::new(self.code.load(Relaxed)),
            passed: copied(&self.passed),
            failed: copied(&self.failed),
            refused: copied(&self.refused),
            told: Mutex::new(self.told()),
        }
    }

    /// Remembers the last check.
    pub(crate) fn note(&self, passed: bool, why: &str, took: Duration) {
        let last = LastCheck { at: SystemTime::now(), passed, why: why.to_owned(), took };
        self.told.lock().last = Some(last);
    }

    /// Remembers why the health changed.
    pub(crate) fn note_change(&self, why: &str) {
        let mut told = self.told.lock();
        told.since = SystemTime::now();
        why.clone_into(&mut told.why);
    }

    pub(crate) fn told(&self) -> Told {
        self.told.lock().clone()
    }

    fn change(&self, to: Health) -> Option<Changed> {
        let from = Health::from_code(self.code.swap(to.code(), Relaxed));
        (from != to).then_some(Changed { from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(checks: &[bool]) -> Health {
        let record = HealthRecord::default();
        for passed in checks {
            let _ = record.checked(*passed, 2, 3);
        }
        record.health()
    }

    #[test]
    fn health_rises_and_falls_by_outcomes_in_a_row() {
        use Health::*;
        let (ok, no) = (true, false);
        for (checks, health) in [
            (&[][..], Unknown),
            (&[ok], Unknown),
            (&[ok, ok], Healthy),
            (&[no, no], Unknown),
            (&[no, no, no], Unhealthy),
            (&[no, no, ok, no, no], Unknown),
            (&[ok, ok, no, no], Healthy),
            (&[ok, ok, no, no, no], Unhealthy),
            (&[no, no, no, ok], Unhealthy),
            (&[no, no, no, ok, no, ok], Unhealthy),
            (&[no, no, no, ok, ok], Healthy),
        ] {
            assert_eq!(after(checks), health, "{checks:?}");
        }
    }

    #[test]
    fn refused_connections_take_a_server_out_until_the_next_passed_check() {
        let record = HealthRecord::default();
        assert_eq!((record.refused(3), record.refused(3)), (None, None));
        record.connected();
        assert_eq!((record.refused(3), record.refused(3)), (None, None));
        assert_eq!(record.refused(3), Some(Changed { from: Health::Unknown, to: Health::Refusing }));
        assert_eq!(record.refused(3), None);
        assert!(!record.health().serves());
        assert_eq!(record.checked(true, 2, 3), Some(Changed { from: Health::Refusing, to: Health::Healthy }));
        assert_eq!(record.refused(3), None, "a passed check forgets the refusals");
    }

    #[test]
    fn a_refusing_server_that_fails_its_checks_needs_the_whole_rise() {
        let record = HealthRecord::default();
        let refused: Vec<_> = (0..3).map(|_| record.refused(3).is_some()).collect();
        let failed: Vec<_> = (0..3).map(|_| record.checked(false, 2, 3).is_some()).collect();
        assert_eq!((refused, failed), (vec![false, false, true], vec![false, false, true]));
        assert_eq!(record.health(), Health::Unhealthy);
        assert_eq!(record.checked(true, 2, 3), None);
        assert!(record.checked(true, 2, 3).is_some());
    }
}
