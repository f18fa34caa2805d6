//! Sessions of the store that this node served a while ago: what it goes on with while the store does not answer, and
//! what it gives back to a store that lost its memory.

use std::sync::Arc;

use ostia_session::{Session, SessionId};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Bytes that copies may take together.
const CAPACITY_BYTES: u64 = 64 * 1024 * 1024;
/// What a copy takes beside its claims and tokens: an estimate.
const COPY_BYTES: usize = 1024;

#[derive(Clone)]
struct ByBytes;

impl Weighter<SessionId, Arc<Session>> for ByBytes {
    fn weight(&self, _: &SessionId, session: &Arc<Session>) -> u64 {
        let claims = session.identity.claims.bytes();
        let tokens = if session.id_token.is_some() { 2 * COPY_BYTES } else { COPY_BYTES };
        u64::try_from(tokens + claims).unwrap_or(u64::MAX)
    }
}

/// The copies of a node.
pub(crate) struct SessionCopies(Cache<SessionId, Arc<Session>, ByBytes>);

impl Default for SessionCopies {
    fn default() -> Self {
        Self(Cache::with_weighter(16 * 1024, CAPACITY_BYTES, ByBytes))
    }
}

impl SessionCopies {
    /// The copy of a session.
    pub(crate) fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.0.get(&id)
    }

    /// Copies a session. A later generation is never replaced by an earlier one.
    pub(crate) fn put(&self, session: &Session) {
        let is_older = |copy: &Arc<Session>| copy.generation > session.generation;
        if !self.0.peek(&session.id).as_ref().is_some_and(is_older) {
            self.0.insert(session.id, Arc::new(session.clone()));
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.0.iter().map(|(_, session)| session).collect()
    }

    /// Forgets a session.
    pub(crate) fn forget(&self, id: SessionId) {
        self.0.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::SessionCopies;
    use crate::ended::testing::a_session_of;

    #[test]
    fn a_copy_is_never_replaced_by_an_earlier_generation() {
        let copies = SessionCopies::default();
        let old = a_session_of("ana", "s-1", 1000);
        let mut new = old.clone();
        new.generation = 1;
        copies.put(&new);
        copies.put(&old);
        assert_eq!(copies.get(old.id).unwrap().generation, 1);
        copies.forget(old.id);
        assert!(copies.get(old.id).is_none());
    }
}
