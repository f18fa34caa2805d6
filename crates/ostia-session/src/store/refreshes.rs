//! The entries of [`crate::RefreshEntry`] in the store: one hash a session, one script for all that can happen to it.

use std::time::{Duration, SystemTime};

use super::{SharedStore, StoreFailed};
use crate::ended::{Ended, Mark};
use crate::refresh_entry::{Holder, Taken};
use crate::session::SessionId;

/// Entries and the beginning of the store's memory are spread over this many hash tags.
const PARTS: u8 = 64;

/// An attempt of one node to refresh one generation of one session.
#[derive(Clone, Copy, Debug)]
pub struct RefreshAttempt {
    /// The session.
    pub session: SessionId,
    /// The generation of the cookie that was presented.
    pub generation: u32,
    /// Who tries.
    pub holder: Holder,
    /// How long the entry is kept: until the session ends.
    pub keep: Duration,
}

/// The store's answer to a wish to refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreTaken {
    /// What it says; what was landed is still sealed.
    pub taken: Taken<Vec<u8>>,
    /// Since when the store remembers.
    pub memory_since: SystemTime,
}

impl SharedStore {
    /// [`crate::RefreshEntry::take`].
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn take(&self, attempt: RefreshAttempt, lease: Duration) -> Result<StoreTaken, StoreFailed> {
        let answer: (String, Vec<u8>, u64) = self.run("take", attempt, &millis(lease).to_string()).await?;
        let (word, value, since) = answer;
        let taken = match word.as_str() {
            "lease" => Taken::Lease { is_doubtful: false },
            "doubtful" => Taken::Lease { is_doubtful: true },
            "landed" => Taken::Landed(value),
            "ended" => Taken::Ended,
            "busy" => Taken::Busy,
            "lost" => Taken::Lost,
            "paused" => Taken::Paused,
            _ => return Err(StoreFailed::Broken),
        };
        Ok(StoreTaken { taken, memory_since: SystemTime::UNIX_EPOCH + Duration::from_millis(since) })
    }

    /// [`crate::RefreshEntry::renew`].
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn renew(&self, attempt: RefreshAttempt, lease: Duration) -> Result<bool, StoreFailed> {
        self.run("renew", attempt, &millis(lease).to_string()).await
    }

    /// [`crate::RefreshEntry::spend`].
    ///
    /// # Errors
    /// [`StoreFailed`]; then the token must not be presented.
    pub async fn spend(&self, attempt: RefreshAttempt) -> Result<bool, StoreFailed> {
        self.run("spend", attempt, "").await
    }

    /// [`crate::RefreshEntry::land`].
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn land(&self, attempt: RefreshAttempt, sealed: &[u8]) -> Result<bool, StoreFailed> {
        self.run("land", attempt, sealed).await
    }

    /// [`crate::RefreshEntry::give_back`].
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn give_back(
        &self,
        attempt: RefreshAttempt,
        was_sent: bool,
        pause: Duration,
    ) -> Result<bool, StoreFailed> {
        let pause = millis(pause).max(1);
        let operand = if was_sent { format!("-{pause}") } else { pause.to_string() };
        self.run("give_back", attempt, &operand).await
    }

    /// [`crate::RefreshEntry::end`].
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn end(&self, attempt: RefreshAttempt) -> Result<bool, StoreFailed> {
        self.run("end", attempt, "").await
    }

    pub(super) async fn run<T, O>(
        &self,
        operation: &str,
        attempt: RefreshAttempt,
        operand: O,
    ) -> Result<T, StoreFailed>
    where
        T: redis::FromRedisValue,
        O: redis::ToRedisArgs,
    {
        self.run_at(operation, attempt, operand, 0).await
    }

    /// `now` in ms; 0 is the store's own clock, which all nodes share.
    pub(super) async fn run_at<T, O>(
        &self,
        operation: &str,
        attempt: RefreshAttempt,
        operand: O,
        now: u64,
    ) -> Result<T, StoreFailed>
    where
        T: redis::FromRedisValue,
        O: redis::ToRedisArgs,
    {
        let mark = Mark::of(Ended::Session(attempt.session));
        let part = mark.as_bytes().first().copied().unwrap_or(0) % PARTS;
        let mut connection = self.connected()?;
        let mut call = self.script.key(format!("{}session:{{{part}}}:{mark}", self.prefix));
        call.key(format!("{}memory:{{{part}}}", self.prefix))
            .arg(operation)
            .arg(now)
            .arg(attempt.generation)
            .arg(format!("{:032x}", attempt.holder))
            .arg(operand)
            .arg(millis(attempt.keep).max(1000));
        self.within_budget(call.invoke_async(&mut connection)).await
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
