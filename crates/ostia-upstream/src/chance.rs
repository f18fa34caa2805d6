//! Chance: cheap random numbers on which nothing secret rests.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// Whether chance, in the range of 0 to 1, hits this time.
#[must_use]
pub fn is_hit(share: f64) -> bool {
    // Of 48 bits.
    share > 0.0 && (random() as f64 / (1_u64 << 48) as f64) < share
}

/// A random number of this thread, of 48 bits (xorshift64*).
pub(crate) fn random() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1);
    }
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_hits_as_often_as_it_says() {
        assert_eq!((0..1000).filter(|_| is_hit(0.0)).count(), 0);
        assert_eq!((0..1000).filter(|_| is_hit(1.0)).count(), 1000);
        let hits = (0..100_000).filter(|_| is_hit(0.25)).count();
        assert!((24_000..=26_000).contains(&hits), "{hits}");
    }
}
