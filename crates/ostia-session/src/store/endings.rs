//! Endings for all nodes: a stream that each of them reads from its beginning.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use redis::streams::{StreamId, StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, RedisResult};
use tokio::time::timeout;

use super::connection::Connection;
use super::{CONNECT, LOOK, SharedStore, StoreFailed};
use crate::ended::{Ending, Mark};

/// Entries that the stream keeps at least.
const LENGTH: usize = 200_000;
/// How long one read waits for something new; the connection is asked at least this often whether it lives.
const WAIT_MS: usize = 1000;
/// Longer than [`WAIT_MS`].
const PATIENCE: Duration = Duration::from_secs(4);

/// Where endings of other nodes go, and where those of this node come from.
pub struct OnEnding {
    /// Takes an ending of any node; more than once, perhaps.
    pub take: Box<dyn Fn(Ending) + Send + Sync>,
    /// Every ending that this node knows: told anew to a store that lost its memory.
    pub known: Box<dyn Fn() -> Vec<Ending> + Send + Sync>,
}

impl SharedStore {
    /// Tells all nodes of an ending.
    ///
    /// # Errors
    /// [`StoreFailed`]; it is told anew when the store is back.
    pub async fn publish(&self, ending: Ending) -> Result<(), StoreFailed> {
        let mut connection = self.connected()?;
        self.within_budget(add(&mut connection, &self.endings_key(), ending)).await
    }

    /// Notes that something was used; false when it was used before, on whichever node.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub async fn use_once(
        &self,
        mark: Mark,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<bool, StoreFailed> {
        let keep = until.duration_since(now).unwrap_or_default().max(Duration::from_secs(1));
        let mut connection = self.connected()?;
        let mut command = redis::cmd("SET");
        command
            .arg(format!("{}used:{mark}", self.prefix))
            .arg(1)
            .arg("NX")
            .arg("PX")
            .arg(keep.as_millis() as u64);
        let set: Option<String> = self.within_budget(command.query_async(&mut connection)).await?;
        Ok(set.is_some())
    }

    pub(super) fn listen(self: &Arc<Self>, on_ending: OnEnding) {
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(store) = this.upgrade() {
                // A connection of its own: a read that waits holds up what comes after it.
                if let Ok(Ok(mut connection)) = timeout(CONNECT, store.connector.connect(PATIENCE)).await
                    && let Err(error) = store.follow(&mut connection, &on_ending, &this).await
                {
                    tracing::debug!(error = %super::connection::told(&error), "the stream of endings broke off");
                }
                drop(store);
                tokio::time::sleep(LOOK).await;
            }
        });
    }

    /// Reads all there is, tells what is missing, then waits for more until the connection breaks.
    async fn follow(
        &self,
        connection: &mut Connection,
        on_ending: &OnEnding,
        this: &std::sync::Weak<Self>,
    ) -> RedisResult<()> {
        let key = self.endings_key();
        let mut last = "0".to_owned();
        let mut seen = HashSet::new();
        loop {
            let entries = read(connection, &key, &last, None).await?;
            let Some(end) = entries.last() else { break };
            last.clone_from(&end.id);
            for ending in entries.iter().filter_map(ending) {
                seen.insert(ending.mark);
                (on_ending.take)(ending);
            }
        }
        for ending in (on_ending.known)().into_iter().filter(|known| !seen.contains(&known.mark)) {
            add(connection, &key, ending).await?;
        }
        drop(seen);
        // One reference is the caller's own: when no other is left, the store is not used any more.
        while this.strong_count() > 1 {
            for entry in read(connection, &key, &last, Some(WAIT_MS)).await? {
                if let Some(ending) = ending(&entry) {
                    (on_ending.take)(ending);
                }
                last = entry.id;
            }
        }
        Ok(())
    }

    fn endings_key(&self) -> String {
        format!("{}ended", self.prefix)
    }
}

async fn add(connection: &mut Connection, key: &str, ending: Ending) -> RedisResult<()> {
    let mut command = redis::cmd("XADD");
    command.arg(key).arg("MAXLEN").arg("~").arg(LENGTH).arg("*");
    command.arg("mark").arg(ending.mark.to_string());
    command.arg("begun_by").arg(ending.begun_by).arg("until").arg(ending.until);
    command.query_async(connection).await
}

async fn read(
    connection: &mut Connection,
    key: &str,
    after: &str,
    wait_ms: Option<usize>,
) -> RedisResult<Vec<StreamId>> {
    let mut options = StreamReadOptions::default().count(1000);
    if let Some(wait_ms) = wait_ms {
        options = options.block(wait_ms);
    }
    let reply: Option<StreamReadReply> = connection.xread_options(&[key], &[after], &options).await?;
    Ok(reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect())
}

fn ending(entry: &StreamId) -> Option<Ending> {
    let mark: String = entry.get("mark")?;
    Some(Ending {
        mark: Mark::from_hex(&mark)?,
        begun_by: entry.get("begun_by")?,
        until: entry.get("until")?,
    })
}
