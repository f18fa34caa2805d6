//! Whole sessions in the store, sealed with a key that only their cookies have.

use std::time::Duration;

use super::{RefreshAttempt, SharedStore, StoreFailed};
use crate::refresh_entry::Current;
use crate::session::SessionId;

impl SharedStore {
    /// [`crate::RefreshEntry::begin`]. Kept for `keep` if nothing else happens to it.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn begin(
        &self,
        session: SessionId,
        generation: u32,
        sealed: &[u8],
        keep: Duration,
    ) -> Result<bool, StoreFailed> {
        self.run("begin", RefreshAttempt { session, generation, holder: 0, keep }, sealed).await
    }

    /// [`crate::RefreshEntry::current`]; the session is still sealed.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn current(&self, session: SessionId) -> Result<Current<Vec<u8>>, StoreFailed> {
        let answer: (String, Vec<u8>) = self.run("current", of(session, Duration::ZERO), "").await?;
        match answer {
            (word, value) if word == "session" => Ok(Current::Session(value)),
            (word, _) if word == "ended" => Ok(Current::Ended),
            (word, _) if word == "nothing" => Ok(Current::Nothing),
            _ => Err(StoreFailed::Broken),
        }
    }

    /// [`crate::RefreshEntry::close`]; that it is over is known for `keep`.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn close(&self, session: SessionId, keep: Duration) -> Result<(), StoreFailed> {
        self.run::<bool, _>("close", of(session, keep), "").await.map(drop)
    }

    /// The session is used: it is kept for `keep` from now. False: the store does not know it.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn touch(&self, session: SessionId, keep: Duration) -> Result<bool, StoreFailed> {
        self.run("touch", of(session, keep), "").await
    }
}

fn of(session: SessionId, keep: Duration) -> RefreshAttempt {
    RefreshAttempt { session, generation: 0, holder: 0, keep }
}
