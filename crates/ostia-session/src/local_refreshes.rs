//! [`RefreshEntry`] for a node alone: what this process has refreshed, in memory.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::refresh_entry::RefreshEntry;
use crate::session::SessionId;

/// Sessions that are remembered at most: about 200 bytes each, and what was landed for a while.
const CAPACITY: usize = 64 * 1024;
/// How long what was landed is handed to those who still carry the cookie of before: a lost answer, a slow tab.
const REPLAY: Duration = Duration::from_secs(600);
/// Every so many uses it is looked what may be forgotten.
const TIDY: u32 = 256;

/// The entries of this process.
#[derive(Debug)]
pub struct LocalRefreshes<V> {
    board: Mutex<Board<V>>,
}

#[derive(Debug)]
struct Board<V> {
    entries: HashMap<SessionId, Remembered<V>>,
    uses: u32,
}

#[derive(Debug)]
struct Remembered<V> {
    entry: RefreshEntry<V>,
    used_at: u64,
    until: u64,
}

impl<V> Default for LocalRefreshes<V> {
    fn default() -> Self {
        Self { board: Mutex::new(Board { entries: HashMap::new(), uses: 0 }) }
    }
}

impl<V: Clone> LocalRefreshes<V> {
    /// Does something to the entry of a session that ends at `until`; the second argument of `act` is `now` in
    /// milliseconds since 1970.
    pub fn with<R>(
        &self,
        session: SessionId,
        until: SystemTime,
        now: SystemTime,
        act: impl FnOnce(&mut RefreshEntry<V>, u64) -> R,
    ) -> R {
        let (now, until) = (millis(now), millis(until));
        let mut board = self.board.lock();
        board.tidy(now);
        let fresh = || Remembered { entry: RefreshEntry::default(), used_at: now, until };
        let remembered = board.entries.entry(session).or_insert_with(fresh);
        remembered.used_at = now;
        act(&mut remembered.entry, now)
    }

    /// How many sessions are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.board.lock().entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<V> Board<V> {
    fn tidy(&mut self, now: u64) {
        self.uses = self.uses.wrapping_add(1);
        let is_full = self.entries.len() >= CAPACITY;
        if !is_full && !self.uses.is_multiple_of(TIDY) {
            return;
        }
        self.entries.retain(|_, remembered| remembered.until > now);
        let replay = u64::try_from(REPLAY.as_millis()).unwrap_or(u64::MAX);
        for remembered in self.entries.values_mut().filter(|one| one.used_at.saturating_add(replay) < now) {
            remembered.entry.forget_landed();
        }
        if self.entries.len() >= CAPACITY {
            let mut used: Vec<u64> = self.entries.values().map(|remembered| remembered.used_at).collect();
            let (_, oldest, _) = used.select_nth_unstable(CAPACITY / 16);
            let oldest = *oldest;
            self.entries.retain(|_, remembered| remembered.used_at > oldest);
        }
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh_entry::Taken;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_was_landed_is_forgotten_after_a_while_and_what_was_spent_is_not() {
        let board = LocalRefreshes::default();
        let (id, other) = (SessionId([1; 16]), SessionId([2; 16]));
        let end = at(100_000);
        board.with(id, end, at(0), |entry, now| {
            assert_eq!(entry.take(0, 1, now, 10), Taken::Lease { is_doubtful: false });
            assert!(entry.spend(0, 1, now) && entry.land(0, 1, "next"));
        });
        let old_cookie = |seconds| board.with(id, end, at(seconds), |entry, now| entry.take(0, 2, now, 10));
        assert_eq!(old_cookie(10), Taken::Landed("next"));
        for _ in 0..TIDY {
            board.with(other, end, at(700), |_, _| ());
        }
        assert_eq!(old_cookie(700), Taken::Lost, "its token is never presented again");
        for _ in 0..TIDY {
            board.with(other, at(1_000_000), at(100_001), |_, _| ());
        }
        assert!(board.len() <= 1, "sessions that are over are forgotten");
    }

    #[test]
    fn a_full_board_forgets_the_least_used_and_never_grows() {
        let board: LocalRefreshes<()> = LocalRefreshes::default();
        for number in 0..u64::try_from(CAPACITY).unwrap() + 10 {
            let id = SessionId(u128::from(number).to_be_bytes());
            board.with(id, at(1_000_000), at(number), |_, _| ());
        }
        assert!(board.len() <= CAPACITY, "{}", board.len());
    }
}
