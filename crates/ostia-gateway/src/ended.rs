//! Sessions that were signed out on this node: their cookies still open, and still are no session.
//!
//! Bounded; the entry that would have ended first leaves first. A restart forgets them (a store that several nodes
//! share is later work), which is why lifetimes are hours and not weeks.

use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use ostia_session::SessionId;

/// Entries that are kept at most: about 6 MB.
const CAPACITY: usize = 100_000;

/// The sessions.
#[derive(Debug, Default)]
pub struct EndedSessions {
    /// So that the common case, nobody signed out lately, takes no lock.
    count: AtomicUsize,
    ends: RwLock<HashMap<SessionId, SystemTime>>,
}

impl EndedSessions {
    /// Whether a session was signed out here.
    #[must_use]
    pub fn contains(&self, session: &SessionId) -> bool {
        self.count.load(Ordering::Acquire) != 0
            && self.ends.read().is_ok_and(|ends| ends.contains_key(session))
    }

    /// Ends a session that would have lived until `ends_at`.
    pub fn insert(&self, session: SessionId, ends_at: SystemTime, now: SystemTime) {
        let Ok(mut ends) = self.ends.write() else { return };
        if ends.len() >= CAPACITY {
            ends.retain(|_, at| *at > now);
        }
        if ends.len() >= CAPACITY
            && let Some(first) = ends.iter().min_by_key(|(_, at)| **at).map(|(session, _)| *session)
        {
            ends.remove(&first);
        }
        ends.insert(session, ends_at);
        self.count.store(ends.len(), Ordering::Release);
    }
}
