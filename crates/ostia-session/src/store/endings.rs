//! Endings for all nodes: streams that each of them reads from their beginning.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use redis::streams::{StreamId, StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, RedisResult};
use tokio::time::timeout;

use super::connection::Connection;
use super::{CONNECT, LOOK, SharedStore, StoreFailed};
use crate::ended::{Ending, Mark};

/// Entries that a stream keeps at least.
const LENGTH: usize = 200_000;
/// The same of the stream that anybody can add to.
const FRONT_CHANNEL_LENGTH: usize = 20_000;
/// How long one read waits for something new; the connection is asked at least this often whether it lives.
const WAIT_MS: usize = 1000;
/// Longer than [`WAIT_MS`].
const PATIENCE: Duration = Duration::from_secs(4);

/// How an ending came about. Each has a stream of its own, so that none pushes out the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// By somebody who may: the person, the operator, the issuer with its signature.
    Vouched,
    /// By a request that anybody can send, in the name of the issuer.
    FrontChannel,
}

/// Where endings of other nodes go, and where those of this node come from.
pub struct OnEnding {
    /// Takes an ending of any node; more than once, perhaps.
    pub take: Box<dyn Fn(Ending, Channel) + Send + Sync>,
    /// Every ending that this node knows: told anew to a store that lost its memory.
    pub known: Box<dyn Fn(Channel) -> Vec<Ending> + Send + Sync>,
}

impl SharedStore {
    /// Tells all nodes of an ending.
    ///
    /// # Errors
    /// [`StoreFailed`]; it is told anew when the store is back.
    pub async fn publish(&self, ending: Ending, channel: Channel) -> Result<(), StoreFailed> {
        let mut connection = self.connected()?;
        self.within_budget(add(&mut connection, &self.stream(channel), ending)).await
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
        let on_ending = Arc::new(on_ending);
        for channel in [Channel::Vouched, Channel::FrontChannel] {
            self.listen_to(channel, Arc::clone(&on_ending));
        }
    }

    fn listen_to(self: &Arc<Self>, channel: Channel, on_ending: Arc<OnEnding>) {
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(store) = this.upgrade() {
                // A connection of its own: a read that waits holds up what comes after it.
                let connected = timeout(CONNECT, store.connector.connect(PATIENCE)).await;
                let stream = store.stream(channel);
                drop(store);
                if let Ok(Ok(mut connection)) = connected
                    && let Err(error) = stream.follow(&mut connection, &on_ending, &this).await
                {
                    tracing::debug!(error = %super::connection::told(&error), "the stream of endings broke off");
                }
                tokio::time::sleep(LOOK).await;
            }
        });
    }

    fn stream(&self, channel: Channel) -> Stream {
        let (name, length) = match channel {
            Channel::Vouched => ("ended", LENGTH),
            Channel::FrontChannel => ("ended:front-channel", FRONT_CHANNEL_LENGTH),
        };
        Stream { channel, key: format!("{}{name}", self.prefix), length }
    }
}

struct Stream {
    channel: Channel,
    key: String,
    length: usize,
}

impl Stream {
    /// Reads all there is, tells what is missing, then waits for more until the connection breaks or nobody uses the
    /// store any more.
    async fn follow(
        &self,
        connection: &mut Connection,
        on_ending: &OnEnding,
        store: &std::sync::Weak<SharedStore>,
    ) -> RedisResult<()> {
        let mut last = "0".to_owned();
        let mut seen = HashSet::new();
        loop {
            let entries = read(connection, &self.key, &last, None).await?;
            let Some(end) = entries.last() else { break };
            last.clone_from(&end.id);
            for ending in entries.iter().filter_map(ending) {
                seen.insert(ending.mark);
                (on_ending.take)(ending, self.channel);
            }
        }
        let known = (on_ending.known)(self.channel);
        for ending in known.into_iter().filter(|known| !seen.contains(&known.mark)) {
            add(connection, self, ending).await?;
        }
        drop(seen);
        while store.strong_count() > 0 {
            for entry in read(connection, &self.key, &last, Some(WAIT_MS)).await? {
                if let Some(ending) = ending(&entry) {
                    (on_ending.take)(ending, self.channel);
                }
                last = entry.id;
            }
        }
        Ok(())
    }
}

async fn add(connection: &mut Connection, stream: &Stream, ending: Ending) -> RedisResult<()> {
    let mut command = redis::cmd("XADD");
    command.arg(&stream.key).arg("MAXLEN").arg("~").arg(stream.length).arg("*");
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
