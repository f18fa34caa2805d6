//! How much one connection may ask without asking for anything: resets and frames that carry no request.
//!
//! Every flood of HTTP/2 is cheap frames: streams that are reset as soon as they are opened (CVE-2023-44487), frames
//! that make *us* reset them (CVE-2025-8671), pings, settings, priorities, window updates, empty DATA. The `h2` crate
//! bounds what each of them may pile up in memory; what they cost in work is bounded here, by two budgets that fill
//! up with time and with honest use. An overdrawn budget closes the connection with `ENHANCE_YOUR_CALM`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::frame::{Frame, kind};

/// Resets of either side that may come at once. A person who leaves a page full of pictures resets a hundred.
const RESETS: u32 = 200;
/// And how many more each second.
const RESETS_PER_SECOND: u32 = 20;
/// Frames without a request or a body that may come at once.
const FRAMES: u32 = 2000;
/// And how many more each second.
const FRAMES_PER_SECOND: u32 = 200;
/// Such frames that each piece of an answer, and each request, brings with it: windows and pings follow the data.
const FRAMES_PER_EXCHANGE: u32 = 4;

/// Which budget was overdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flood {
    /// More streams were reset, by the client or because of it, than were answered.
    Resets,
    /// More pings, settings, priorities, windows, empty DATA than an exchange needs.
    Frames,
}

/// The budgets of one connection. Only the task of the connection counts; others look.
#[derive(Debug)]
pub(super) struct Calm {
    began: Instant,
    resets: Budget,
    frames: Budget,
    /// 0, or one more than the [`Flood`].
    flood: AtomicU8,
}

impl Calm {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            resets: Budget::new(RESETS, RESETS_PER_SECOND),
            frames: Budget::new(FRAMES, FRAMES_PER_SECOND),
            flood: AtomicU8::new(0),
        })
    }

    /// The budget that was overdrawn. From then on nothing more is read from this peer.
    pub(super) fn flood(&self) -> Option<Flood> {
        match self.flood.load(Relaxed) {
            0 => None,
            1 => Some(Flood::Resets),
            _ => Some(Flood::Frames),
        }
    }

    /// What a flood is made of that the codec's own bounds ended before ours: of resets if there was any to speak of.
    pub(super) fn suspected(&self) -> Flood {
        let has_resets = self.resets.left.load(Relaxed) < RESETS;
        self.flood().unwrap_or(if has_resets { Flood::Resets } else { Flood::Frames })
    }

    /// Counts what the client sent.
    pub(super) fn received(&self, frame: Frame) {
        match frame.kind {
            kind::RST_STREAM => self.take(&self.resets, Flood::Resets),
            kind::HEADERS => self.frames.give(FRAMES_PER_EXCHANGE),
            kind::DATA if frame.length > 0 || frame.ends_stream() => {}
            _ => self.take(&self.frames, Flood::Frames),
        }
    }

    /// Counts what we sent: an answer that was finished makes up for a reset.
    pub(super) fn sent(&self, frame: Frame) {
        match frame.kind {
            kind::RST_STREAM => self.take(&self.resets, Flood::Resets),
            kind::DATA | kind::HEADERS => {
                self.frames.give(FRAMES_PER_EXCHANGE);
                if frame.ends_stream() {
                    self.resets.give(1);
                }
            }
            _ => {}
        }
    }

    fn take(&self, budget: &Budget, flood: Flood) {
        if !budget.take(|| self.began.elapsed()) && self.flood().is_none() {
            self.flood.store(flood as u8 + 1, Relaxed);
        }
    }
}

/// A token bucket. The clock is looked at only when it is empty.
#[derive(Debug)]
struct Budget {
    left: AtomicU32,
    most: u32,
    /// Microseconds that one token takes.
    each: u64,
    /// Up to when it was filled, in microseconds of the connection.
    filled_at: AtomicU64,
}

impl Budget {
    fn new(most: u32, per_second: u32) -> Self {
        let each = 1_000_000 / u64::from(per_second.max(1));
        Self { left: AtomicU32::new(most), most, each, filled_at: AtomicU64::new(0) }
    }

    fn take(&self, age: impl FnOnce() -> Duration) -> bool {
        if self.left.load(Relaxed) == 0 {
            self.fill(age());
        }
        match self.left.load(Relaxed) {
            0 => false,
            left => {
                self.left.store(left - 1, Relaxed);
                true
            }
        }
    }

    fn give(&self, tokens: u32) {
        self.left.store(self.left.load(Relaxed).saturating_add(tokens).min(self.most), Relaxed);
    }

    fn fill(&self, age: Duration) {
        let now = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        let passed = now.saturating_sub(self.filled_at.load(Relaxed));
        let tokens = u32::try_from(passed / self.each).unwrap_or(u32::MAX).min(self.most);
        // What is left of a token stays with the clock; what did not fit is gone.
        let rest = if tokens == self.most { 0 } else { passed % self.each };
        self.filled_at.store(now.saturating_sub(rest), Relaxed);
        self.give(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::frame::END_STREAM;

    const RESET: Frame = Frame { length: 4, kind: kind::RST_STREAM, flags: 0 };
    const PING: Frame = Frame { length: 8, kind: 6, flags: 0 };
    const REQUEST: Frame = Frame { length: 40, kind: kind::HEADERS, flags: END_STREAM };
    const ANSWER: Frame = Frame { length: 40, kind: kind::DATA, flags: END_STREAM };
    const EMPTY: Frame = Frame { length: 0, kind: kind::DATA, flags: 0 };

    #[tokio::test(start_paused = true)]
    async fn each_flood_overdraws_its_own_budget() {
        for (name, frame, most, flood) in [
            ("resets", RESET, RESETS, Flood::Resets),
            ("pings", PING, FRAMES, Flood::Frames),
            ("empty data", EMPTY, FRAMES, Flood::Frames),
        ] {
            let calm = Calm::new();
            (0..most).for_each(|_| calm.received(frame));
            assert_eq!(calm.flood(), None, "{name}: {most} are allowed");
            calm.received(frame);
            assert_eq!(calm.flood(), Some(flood), "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn resets_that_we_send_count_like_those_of_the_client() {
        let calm = Calm::new();
        for _ in 0..RESETS / 2 {
            calm.received(RESET);
            calm.sent(RESET);
        }
        assert_eq!(calm.flood(), None);
        calm.sent(RESET);
        assert_eq!(calm.flood(), Some(Flood::Resets));
    }

    #[test]
    fn a_flood_that_the_codec_ended_is_told_by_what_was_seen() {
        let calm = Calm::new();
        calm.received(PING);
        assert_eq!((calm.flood(), calm.suspected()), (None, Flood::Frames));
        calm.received(RESET);
        assert_eq!((calm.flood(), calm.suspected()), (None, Flood::Resets));
    }

    #[tokio::test(start_paused = true)]
    async fn time_and_honest_use_fill_the_budgets_and_nothing_is_banked() {
        let calm = Calm::new();
        for _ in 0..100_000 {
            calm.received(REQUEST);
            calm.received(PING);
            calm.sent(ANSWER);
            calm.received(RESET);
        }
        assert_eq!(calm.flood(), None, "a client that resets every other stream");
        for _ in 0..1_000 {
            (0..RESETS_PER_SECOND).for_each(|_| calm.received(RESET));
            (0..FRAMES_PER_SECOND).for_each(|_| calm.received(PING));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(calm.flood(), None, "a slow client");
        tokio::time::advance(Duration::from_secs(3600)).await;
        (0..=2 * RESETS).for_each(|_| calm.received(RESET));
        assert_eq!(calm.flood(), Some(Flood::Resets), "an hour of silence is no licence");
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_cost_nothing() {
        let calm = Calm::new();
        let data = Frame { length: 1, kind: kind::DATA, flags: 0 };
        (0..FRAMES * 2).for_each(|_| calm.received(data));
        assert_eq!(calm.flood(), None);
    }
}
