//! Bounds on requests in flight, and the short wait for a place.
//!
//! A request beyond `limits` is answered at once, or waits among at most `pending` others for `pending_timeout`. Whoever
//! comes at the right moment gets the place: there is no promise of an order. A request that was tried elsewhere before
//! does not wait, so that retries never queue.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::group::Group;
use crate::picked::{Ask, Picked};

/// Why a request has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// No server serves, or all were tried.
    #[error("no server is left")]
    NoServer,
    /// Every server that serves is full, and as many wait as may.
    #[error("every server is full")]
    Full,
    /// It waited for `pending_timeout`.
    #[error("no server had a place in time")]
    TimedOut,
}

impl NoPlace {
    /// The reason in logs, metrics and pages.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::NoServer => "no_server",
            Self::Full => "upstream_full",
            Self::TimedOut => "upstream_pending_timeout",
        }
    }
}

/// Those who wait for a place. One for a process and upstream.
#[derive(Debug, Default)]
pub(crate) struct Room {
    waiting: AtomicU32,
    freed: Notify,
}

/// A seat in the room, free again when it is dropped.
struct Seat<'a>(&'a Room);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl Room {
    /// Says that a request ended.
    pub(crate) fn free(&self) {
        if self.waiting.load(Relaxed) > 0 {
            self.freed.notify_one();
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Relaxed)
    }

    fn enter(&self, most: u32) -> Option<Seat<'_>> {
        let before = self.waiting.fetch_add(1, Relaxed);
        let seat = Seat(self);
        (before < most).then_some(seat)
    }
}

impl Group {
    /// Chooses a server and takes a place there, waiting for one where `limits` let it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn place(&self, ask: &Ask<'_>) -> Result<Picked, NoPlace> {
        match self.place_now(ask) {
            Err(NoPlace::Full) if ask.tried.is_empty() => self.wait(ask).await,
            place => place,
        }
    }

    async fn wait(&self, ask: &Ask<'_>) -> Result<Picked, NoPlace> {
        let limits = &self.config().limits;
        let room = self.room();
        let _seat = room.enter(limits.pending).ok_or(NoPlace::Full)?;
        let deadline = Instant::now() + limits.pending_timeout;
        loop {
            let mut freed = std::pin::pin!(room.freed.notified());
            freed.as_mut().enable();
            match self.place_now(ask) {
                Err(NoPlace::Full) => {}
                place => return place,
            }
            if timeout_at(deadline, freed).await.is_err() {
                return Err(NoPlace::TimedOut);
            }
        }
    }

    /// [`Group::place`] without waiting.
    ///
    /// # Errors
    /// When there is none.
    pub fn place_now(&self, ask: &Ask<'_>) -> Result<Picked, NoPlace> {
        match self.pick(ask) {
            Some(picked) if picked.is_within(&self.config().limits) => Ok(picked),
            Some(_) => Err(NoPlace::Full),
            None if self.is_full_for(ask) => Err(NoPlace::Full),
            None => Err(NoPlace::NoServer),
        }
    }
}
