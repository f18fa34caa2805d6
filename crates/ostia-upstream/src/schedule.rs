//! Smooth weighted round robin: a schedule made once, walked by an atomic index.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A round is at most about so long: where weights would make it longer, they count in larger steps.
const MOST_TURNS: u64 = 1 << 18;

/// The order in which servers take their turns; each as often as its weight says, as evenly spread as it can be.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    turns: Box<[u16]>,
    next: AtomicUsize,
}

impl Schedule {
    /// `weights` are pairs of a server's index and its weight, at least 1.
    pub(crate) fn new(weights: &[(u16, u16)]) -> Self {
        let divisor =
            weights.iter().fold(0, |divisor, (_, weight)| greatest_common_divisor(divisor, *weight));
        let round = weights.iter().map(|(_, weight)| u64::from(weight / divisor.max(1))).sum::<u64>();
        let scale = round.div_ceil(MOST_TURNS).max(1);
        let mut turns: Vec<(u64, u16)> = Vec::new();
        for (phase, (server, weight)) in golden_phases().zip(weights) {
            let count = (u64::from(weight / divisor.max(1)) / scale).max(1);
            turns.extend((0..count).map(|turn| (((turn << 32) + phase) / count, *server)));
        }
        turns.sort_unstable();
        Self { turns: turns.into_iter().map(|(_, server)| server).collect(), next: AtomicUsize::new(0) }
    }

    /// Turns in one round: the weights without their common divisor.
    pub(crate) fn round(&self) -> usize {
        self.turns.len()
    }

    /// A turn of the round by a number, say a random one: each server as often as its weight says.
    pub(crate) fn at(&self, number: u64) -> Option<u16> {
        let turns = u64::try_from(self.turns.len()).unwrap_or(u64::MAX);
        let turn = usize::try_from(number.checked_rem(turns)?).ok()?;
        self.turns.get(turn).copied()
    }

    /// Whose turn it is. A turn that its server cannot take is lost, and the caller asks again: so the turns of a
    /// dead server fall to all others in the measure of their weights, and not to its neighbour alone.
    pub(crate) fn turn(&self) -> Option<u16> {
        let turn = self.next.fetch_add(1, Relaxed).checked_rem(self.turns.len())?;
        self.turns.get(turn).copied()
    }
}

/// Where in its part of the round each server stands, in parts of 2³²: multiples of the golden ratio, which never
/// crowd, so that servers of equal weight do not all take their turns at the same moments.
fn golden_phases() -> impl Iterator<Item = u64> {
    (0_u32..).map(|server| u64::from(server.wrapping_mul(0x9e37_79b9)))
}

fn greatest_common_divisor(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(weights: &[(u16, u16)], count: usize) -> Vec<u16> {
        let schedule = Schedule::new(weights);
        (0..count).map(|_| schedule.turn().unwrap()).collect()
    }

    #[test]
    fn nobody_takes_a_turn_when_there_is_nobody() {
        assert_eq!(Schedule::new(&[]).turn(), None);
    }

    #[test]
    fn equal_weights_alternate_and_common_divisors_do_not_lengthen_the_round() {
        assert_eq!(turns(&[(0, 1), (1, 1), (2, 1)], 6), [0, 2, 1, 0, 2, 1]);
        assert_eq!(Schedule::new(&[(0, 500), (1, 1000)]).round(), 3);
    }

    #[test]
    fn a_heavy_server_takes_its_turns_spread_over_the_round() {
        assert_eq!(turns(&[(0, 5), (1, 1), (2, 1)], 7), [0, 0, 2, 0, 0, 1, 0]);
    }

    #[test]
    fn every_round_matches_the_weights_exactly() {
        let weights = [(0, 7), (1, 1), (2, 3), (3, 1000)];
        let taken = turns(&weights, 2 * 1011);
        for (server, weight) in weights {
            assert_eq!(taken.iter().filter(|taken| **taken == server).count(), 2 * usize::from(weight));
        }
    }
}
