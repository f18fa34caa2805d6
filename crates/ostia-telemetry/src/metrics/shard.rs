//! Counters that threads do not fight over: one cell a thread, added up when somebody asks.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

/// Upper bounds of duration buckets: what OpenTelemetry advises for HTTP, and three more at the bottom because an edge
/// is faster than an application.
pub(crate) const BOUNDS_S: [f64; 17] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// The same in nanoseconds.
const BOUNDS_NS: [u64; 17] = [
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    750_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    7_500_000_000,
    10_000_000_000,
];
/// All bounds and infinity.
const BUCKETS: usize = BOUNDS_NS.len() + 1;

/// Cells of a sharded value: one a core, at most 16.
static SHARDS: LazyLock<usize> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.next_power_of_two().min(16)
});

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
}

/// A value of each shard, on cache lines of its own (two, for the processor that fetches pairs). Made at its first use:
/// most routes of ten thousand are seldom asked for.
#[derive(Debug)]
pub(crate) struct Sharded<T>(OnceLock<Box<[Line<T>]>>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

impl<T> Default for Sharded<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T: Default> Sharded<T> {
    /// The value of this thread; after the end of its thread-local storage that of the first.
    pub(crate) fn own(&self) -> Option<&T> {
        let own = OWN.try_with(|own| *own).unwrap_or_default();
        let lines = self.0.get_or_init(|| (0..*SHARDS).map(|_| Line::default()).collect());
        // The count is a power of two.
        lines.get(own & lines.len().wrapping_sub(1)).map(|line| &line.0)
    }
}

impl<T> Sharded<T> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.get().into_iter().flatten().map(|line| &line.0)
    }
}

/// A counter.
#[derive(Debug, Default)]
pub(crate) struct Count(Sharded<AtomicU64>);

impl Count {
    pub(crate) fn one_more(&self) {
        if let Some(own) = self.0.own() {
            own.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().map(|cell| cell.load(Ordering::Relaxed)).sum()
    }
}

/// How many there are now.
#[derive(Debug, Default)]
pub(crate) struct Level(Sharded<AtomicI64>);

impl Level {
    pub(crate) fn add(&self, difference: i64) {
        if let Some(own) = self.0.own() {
            own.fetch_add(difference, Ordering::Relaxed);
        }
    }

    /// What begins on one thread may end on another: only the sum means something.
    pub(crate) fn sum(&self) -> i64 {
        self.0.iter().map(|cell| cell.load(Ordering::Relaxed)).sum()
    }
}

/// Durations by bucket, of one shard.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    buckets: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl Durations {
    pub(crate) fn observe(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_NS.partition_point(|bound| *bound < ns);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
            self.sum_ns.fetch_add(ns, Ordering::Relaxed);
        }
    }
}

/// Durations of several shards, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Observed {
    buckets: [u64; BUCKETS],
    pub(crate) sum_s: f64,
}

impl Observed {
    pub(crate) fn add(&mut self, durations: &Durations) {
        for (to, from) in self.buckets.iter_mut().zip(&durations.buckets) {
            *to += from.load(Ordering::Relaxed);
        }
        self.sum_s += Duration::from_nanos(durations.sum_ns.load(Ordering::Relaxed)).as_secs_f64();
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Bounds in seconds, each with the count of what is at or below it.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let running = self.buckets.iter().scan(0_u64, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        BOUNDS_S.into_iter().zip(running)
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUNDS_NS, BOUNDS_S, Count, Durations, Level, Observed};
    use std::time::Duration;

    #[test]
    fn the_bounds_in_seconds_and_nanoseconds_are_the_same() {
        for (seconds, ns) in BOUNDS_S.into_iter().zip(BOUNDS_NS) {
            assert_eq!(Duration::from_secs_f64(seconds), Duration::from_nanos(ns));
        }
    }

    #[test]
    fn what_many_threads_count_is_counted_once() {
        let (count, level) = (Count::default(), Level::default());
        std::thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| {
                    (0..100).for_each(|_| {
                        count.one_more();
                        level.add(1)
                    })
                });
                scope.spawn(|| (0..50).for_each(|_| level.add(-1)));
            }
        });
        assert_eq!((count.sum(), level.sum()), (4000, 2000));
    }

    #[test]
    fn a_duration_at_a_bound_is_in_its_bucket_and_above_all_bounds_only_in_the_count() {
        let durations = Durations::default();
        for ms in [0, 1, 2, 10_000, 10_001, 3_600_000] {
            durations.observe(Duration::from_millis(ms));
        }
        let mut observed = Observed::default();
        observed.add(&durations);
        let cumulative: Vec<_> = observed.cumulative().collect();
        assert_eq!(cumulative[..3], [(0.0005, 1), (0.001, 2), (0.0025, 3)]);
        assert_eq!((cumulative[16], observed.count()), ((10.0, 4), 6));
    }
}
