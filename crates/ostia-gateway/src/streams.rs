//! Answers that are still open, by the session they were let in by: what ends a session ends them, too.
//!
//! Whoever was let in holds a WebSocket, an event stream or a gRPC call for hours. Each is entered here under the names
//! that its session may be ended by, with the handle that ends it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use ostia_session::{Ended, Ending, Mark, Marks};
use parking_lot::Mutex;
use smallvec::SmallVec;

/// The open answers of a node.
#[derive(Debug, Default)]
pub struct OpenStreams {
    count: AtomicUsize,
    next: AtomicU64,
    board: Mutex<Board>,
}

#[derive(Debug, Default)]
struct Board {
    streams: HashMap<u64, (Marks, Arc<Cut>)>,
    /// By session, issuer's session and subject.
    narrow: HashMap<Mark, SmallVec<[u64; 2]>>,
    /// How many streams each issuer has.
    issuers: HashMap<Mark, usize>,
}

/// The handle that ends one open answer.
#[derive(Debug)]
pub struct Cut {
    /// 0: open; else why it was cut.
    reason: AtomicU8,
    /// When the session was last used, as far as this node has seen; seconds since 1970.
    seen: AtomicU64,
    /// When the session ends at the latest; seconds since 1970.
    ends_at: u64,
    idle: Duration,
    waker: Mutex<Option<Waker>>,
}

/// Why an open answer was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutReason {
    /// The session was signed out or revoked.
    Ended,
    /// The session reached the end of its lifetime.
    Expired,
    /// Nobody used the session for too long.
    Idle,
}

impl CutReason {
    /// The word in metrics and logs.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Ended => "session_signed_out",
            Self::Expired => "session_ended",
            Self::Idle => "session_idle",
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Ended, Self::Expired, Self::Idle].into_iter().find(|reason| *reason as u8 + 1 == code)
    }
}

impl Cut {
    /// For a session that ends at `ends_at`, or `idle` after it was last used.
    #[must_use]
    pub fn new(ends_at: SystemTime, idle: Duration, now: SystemTime) -> Arc<Self> {
        Arc::new(Self {
            reason: AtomicU8::new(0),
            seen: AtomicU64::new(seconds(now)),
            ends_at: seconds(ends_at),
            idle,
            waker: Mutex::new(None),
        })
    }

    /// The session was used now.
    pub fn used(&self, now: SystemTime) {
        self.seen.fetch_max(seconds(now), Ordering::Relaxed);
    }

    /// Ends the answer. The first reason counts.
    pub fn cut(&self, reason: CutReason) {
        let code = reason as u8 + 1;
        if self.reason.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_ok()
            && let Some(waker) = self.waker.lock().take()
        {
            waker.wake();
        }
    }

    /// Why it was cut; `None` while it is open.
    #[must_use]
    pub fn reason(&self) -> Option<CutReason> {
        CutReason::from_code(self.reason.load(Ordering::Acquire))
    }

    /// Ready when it was cut.
    pub fn poll_cut(&self, context: &Context<'_>) -> Poll<()> {
        if self.reason().is_some() {
            return Poll::Ready(());
        }
        let mut waker = self.waker.lock();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        drop(waker);
        match self.reason() {
            Some(_) => Poll::Ready(()),
            None => Poll::Pending,
        }
    }

    /// How long it may stay open as things are; `Err` with the reason when that time is over.
    ///
    /// # Errors
    /// Why it is over.
    pub fn time_left(&self, now: SystemTime) -> Result<Duration, CutReason> {
        let left_until = |at: u64| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
            at.duration_since(now).ok().filter(|left| !left.is_zero())
        };
        let unused_until = self.seen.load(Ordering::Relaxed).saturating_add(self.idle.as_secs());
        let of_life = left_until(self.ends_at).ok_or(CutReason::Expired)?;
        let of_use = left_until(unused_until).ok_or(CutReason::Idle)?;
        Ok(of_life.min(of_use))
    }
}

/// An entry; it leaves when this is dropped.
#[derive(Debug)]
pub struct Entered {
    streams: Arc<OpenStreams>,
    number: u64,
}

impl OpenStreams {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Enters an open answer.
    #[must_use]
    pub fn enter(self: &Arc<Self>, marks: Marks, cut: &Arc<Cut>) -> Entered {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut board = self.board.lock();
        for mark in marks.narrow() {
            board.narrow.entry(mark).or_default().push(number);
        }
        *board.issuers.entry(marks.issuer()).or_default() += 1;
        board.streams.insert(number, (marks, Arc::clone(cut)));
        self.count.store(board.streams.len(), Ordering::Relaxed);
        Entered { streams: Arc::clone(self), number }
    }

    /// A request of this session was served.
    pub fn used(&self, session: Mark, now: SystemTime) {
        if self.is_empty() {
            return;
        }
        let board = self.board.lock();
        let numbers = board.narrow.get(&session).into_iter().flatten();
        numbers.filter_map(|number| board.streams.get(number)).for_each(|(_, cut)| cut.used(now));
    }

    /// Cuts what an ending names; returns how many.
    pub fn cut(&self, ending: &Ending) -> usize {
        if self.is_empty() {
            return 0;
        }
        let board = self.board.lock();
        let is_meant = |marks: &Marks| marks.begun_at() <= ending.begun_by;
        let mut found: SmallVec<[Arc<Cut>; 4]> = SmallVec::new();
        if ending.mark == Mark::of(Ended::Everybody) || board.issuers.contains_key(&ending.mark) {
            let streams = board.streams.values();
            let of_all = streams.filter(|(marks, _)| marks.all().any(|mark| mark == ending.mark));
            found.extend(of_all.filter(|(marks, _)| is_meant(marks)).map(|(_, cut)| Arc::clone(cut)));
        } else {
            let numbers = board.narrow.get(&ending.mark).into_iter().flatten();
            let streams = numbers.filter_map(|number| board.streams.get(number));
            found.extend(streams.filter(|(marks, _)| is_meant(marks)).map(|(_, cut)| Arc::clone(cut)));
        }
        drop(board);
        found.iter().for_each(|cut| cut.cut(CutReason::Ended));
        found.len()
    }

    fn leave(&self, number: u64) {
        let mut board = self.board.lock();
        let Some((marks, _)) = board.streams.remove(&number) else { return };
        for mark in marks.narrow() {
            if let Some(numbers) = board.narrow.get_mut(&mark) {
                numbers.retain(|other| *other != number);
                if numbers.is_empty() {
                    board.narrow.remove(&mark);
                }
            }
        }
        if let Some(count) = board.issuers.get_mut(&marks.issuer()) {
            *count -= 1;
            if *count == 0 {
                board.issuers.remove(&marks.issuer());
            }
        }
        self.count.store(board.streams.len(), Ordering::Relaxed);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.streams.leave(self.number);
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
