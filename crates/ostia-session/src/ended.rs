//! Sessions that ended before their cookies did: the cookie still opens, and still is no session.
//!
//! A sealed cookie cannot be taken back from whoever copied it, so what was signed out is remembered until its cookie
//! would have ended anyway. An entry is a [`Mark`]: a digest of what it names, so that neither the file nor a shared
//! store tells who it was.

mod file;
mod mark;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use parking_lot::RwLock;

pub use self::file::{EndedFile, EndedFileRefused};
pub use self::mark::{Ended, Mark, Marks};

/// One entry: everything under this mark that began no later than `begun_by` is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What it names.
    pub mark: Mark,
    /// Sessions that began later live: whoever was signed out everywhere may sign in again. In seconds since 1970.
    pub begun_by: u64,
    /// From then on nothing under this mark can be alive, so the entry may be forgotten. In seconds since 1970.
    pub until: u64,
}

/// The entries of a node. Bounded; when it is full, those that would be forgotten first leave first.
///
/// Reading costs one atomic load while nobody was signed out, and a shared lock with a few look-ups else.
#[derive(Debug)]
pub struct EndedSessions {
    /// So that the common case takes no lock.
    count: AtomicUsize,
    entries: RwLock<HashMap<Mark, Span, BuildHasherDefault<Digested>>>,
    capacity: usize,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    begun_by: u64,
    until: u64,
}

impl EndedSessions {
    /// An empty list of at most `capacity` entries, 48 bytes each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { count: AtomicUsize::new(0), entries: RwLock::default(), capacity }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Whether nobody was signed out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the session of these marks is over.
    #[must_use]
    pub fn has(&self, session: &Marks) -> bool {
        if self.is_empty() {
            return false;
        }
        let entries = self.entries.read();
        session.all().any(|mark| entries.get(&mark).is_some_and(|span| session.begun_at() <= span.begun_by))
    }

    /// Whether this very mark is there.
    #[must_use]
    pub fn knows(&self, mark: &Mark) -> bool {
        !self.is_empty() && self.entries.read().contains_key(mark)
    }

    /// Adds an entry; false when it says nothing new.
    pub fn add(&self, ending: Ending, now: SystemTime) -> bool {
        let now = crate::record::seconds(now);
        if ending.until <= now {
            return false;
        }
        let mut entries = self.entries.write();
        if let Some(span) = entries.get_mut(&ending.mark) {
            let is_new = ending.begun_by > span.begun_by || ending.until > span.until;
            *span =
                Span { begun_by: span.begun_by.max(ending.begun_by), until: span.until.max(ending.until) };
            return is_new;
        }
        if entries.len() >= self.capacity {
            make_room(&mut entries, self.capacity, now);
        }
        entries.insert(ending.mark, Span { begun_by: ending.begun_by, until: ending.until });
        self.count.store(entries.len(), Ordering::Release);
        true
    }

    /// Forgets what is over, and returns all the rest.
    #[must_use]
    pub fn living(&self, now: SystemTime) -> Vec<Ending> {
        let now = crate::record::seconds(now);
        let mut entries = self.entries.write();
        entries.retain(|_, span| span.until > now);
        self.count.store(entries.len(), Ordering::Release);
        let ending =
            |(mark, span): (&Mark, &Span)| Ending { mark: *mark, begun_by: span.begun_by, until: span.until };
        entries.iter().map(ending).collect()
    }
}

/// Forgets what is over; when nothing is, the hundredth part that would be over first, so that a full list does not
/// look for room at each entry.
fn make_room(entries: &mut HashMap<Mark, Span, BuildHasherDefault<Digested>>, capacity: usize, now: u64) {
    entries.retain(|_, span| span.until > now);
    if entries.len() < capacity {
        return;
    }
    let mut untils: Vec<u64> = entries.values().map(|span| span.until).collect();
    let nth = (capacity / 100).min(untils.len().saturating_sub(1));
    let (_, last, _) = untils.select_nth_unstable(nth);
    let last = *last;
    let mut most = nth + 1;
    entries.retain(|_, span| {
        let leaves = span.until <= last && most > 0;
        most -= usize::from(leaves);
        !leaves
    });
}

/// A mark is a digest: its first bytes are as good as any hash of it.
#[derive(Default)]
struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
}

#[cfg(test)]
mod tests;
