//! Who signs in when. A sign-in is due at its moment whether others are late or not, and its time counts from then.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::browser::{Browser, Home};

/// Sign-ins that may be under way at once.
const BROWSERS: usize = 64;

/// So many a second, for so long.
pub(crate) struct Schedule {
    pub(crate) rate: u32,
    pub(crate) seconds: u32,
}

/// What came of all.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) done: usize,
    /// From the moment of the first to the end of the last.
    pub(crate) took: Duration,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) failed: BTreeMap<String, u32>,
}

impl Schedule {
    pub(crate) fn run(&self, home: &Home, cookie: &str) -> Report {
        let (next, began) = (AtomicU32::new(0), Instant::now());
        let mut report = Report::default();
        let mut times = Vec::new();
        thread::scope(|scope| {
            let work = || self.work(home, cookie, &next, began);
            let workers: Vec<_> = (0..BROWSERS).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                let Ok((took, failed)) = worker.join() else { continue };
                times.extend(took);
                for what in failed {
                    *report.failed.entry(what).or_default() += 1;
                }
            }
        });
        report.took = began.elapsed();
        times.sort_unstable();
        let below = |percent| times.get(times.len() * percent / 100).copied().unwrap_or_default();
        (report.done, report.p50, report.p99) = (times.len(), below(50), below(99));
        report
    }

    /// Takes the next that is due until there is none; how long those took that succeeded, and why others did not.
    fn work(
        &self,
        home: &Home,
        cookie: &str,
        next: &AtomicU32,
        began: Instant,
    ) -> (Vec<Duration>, Vec<String>) {
        let mut browser = Browser::new(home, cookie);
        let (mut times, mut failed) = (Vec::new(), Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= self.rate * self.seconds {
                return (times, failed);
            }
            let due = began + Duration::from_secs(1) * number / self.rate;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            match browser.sign_in() {
                Ok(()) => times.push(due.elapsed()),
                Err(what) => failed.push(what),
            }
        }
    }
}
