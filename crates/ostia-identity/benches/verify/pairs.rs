//! The time that one work takes over another: both in turns, so that what slows the machine slows both.

use std::time::{Duration, Instant};

/// Rounds of a series.
const ROUNDS: usize = 2000;
/// Half the width of the range of ranks that holds the median with 99 % certainty, in square roots of the rounds.
const NINETY_NINE_PERCENT: f64 = 1.288;

/// A median and where it is with 99 % certainty, in µs. By ranks: nothing is taken for granted about how times vary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// What `work` takes over `beside`. A round is beside, work, work, beside: neither has the better place, and what
/// changes slowly cancels out.
pub(crate) fn difference(work: impl Fn(), beside: impl Fn()) -> Estimate {
    let round = || {
        let first = time_of(&beside);
        let both = time_of(&work) + time_of(&work);
        (both - first - time_of(&beside)) / 2.0
    };
    for _ in 0..ROUNDS / 20 {
        round();
    }
    Estimate::of((0..ROUNDS).map(|_| round()).collect())
}

/// What a work takes.
pub(crate) fn time(work: impl Fn()) -> Estimate {
    Estimate::of((0..ROUNDS).map(|_| time_of(&work)).collect())
}

impl Estimate {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let middle = samples.len() / 2;
        let aside = (NINETY_NINE_PERCENT * (samples.len() as f64).sqrt()).ceil() as usize;
        Self { median: samples[middle], low: samples[middle - aside], high: samples[middle + aside] }
    }
}

fn time_of(work: impl Fn()) -> f64 {
    let began = Instant::now();
    work();
    Duration::as_secs_f64(&began.elapsed()) * 1e6
}
