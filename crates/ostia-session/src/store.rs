//! What several nodes share, in a Redis or Valkey: who refreshes which session, and which sessions have ended.
//!
//! No request waits for a connection, and none waits longer than the budget for an answer: a task keeps the connection,
//! and while there is none every call fails at once. Nothing that is kept there opens a session: values are sealed with
//! a key that only the session's cookie has, names are digests.

mod connection;
mod endings;
mod refreshes;
mod settings;
mod whole;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::time::timeout;

pub use self::connection::StoreRefused;
pub use self::endings::{Channel, OnEnding};
pub use self::refreshes::{RefreshAttempt, StoreTaken};
pub use self::settings::{StoreKind, StoreSettings};

use self::connection::{Connection, Connector};

/// How often the connection is looked after.
const LOOK: Duration = Duration::from_millis(500);
/// How long connecting may take; no request waits for it.
const CONNECT: Duration = Duration::from_secs(2);

/// The store. Shared by `Arc`; tasks end with it.
pub struct SharedStore {
    connector: Connector,
    budget: Duration,
    prefix: String,
    connection: Mutex<Option<Connection>>,
    is_down: AtomicBool,
    /// When its memory began, in milliseconds since 1970; 0 while it is not known.
    memory_began: AtomicU64,
    script: redis::Script,
}

/// The store gave no answer in time. Never a reason to end a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFailed {
    /// There is no connection.
    #[error("the session store is not reachable")]
    Down,
    /// The budget is used up.
    #[error("the session store did not answer in time")]
    Slow,
    /// It answered with an error, or with something else than was asked for.
    #[error("the session store answered with an error")]
    Broken,
}

impl StoreFailed {
    /// The reason as a word for metrics and logs.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Down => "store_down",
            Self::Slow => "store_slow",
            Self::Broken => "store_broken",
        }
    }
}

impl SharedStore {
    /// For these settings. Connects to nobody; [`SharedStore::keep`] does.
    ///
    /// # Errors
    /// The settings make no client.
    pub fn new(settings: &StoreSettings) -> Result<Arc<Self>, StoreRefused> {
        Ok(Arc::new(Self {
            connector: Connector::new(settings)?,
            budget: settings.budget,
            prefix: settings.prefix.clone(),
            connection: Mutex::new(None),
            is_down: AtomicBool::new(false),
            memory_began: AtomicU64::new(0),
            script: redis::Script::new(include_str!("store/refresh.lua")),
        }))
    }

    /// Whether the store answers.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.connection.lock().is_some()
    }

    /// When the memory of the store began, as far as it is known: another moment than before means that it has lost all
    /// that it held.
    #[must_use]
    pub fn memory_began(&self) -> Option<SystemTime> {
        let began = self.memory_began.load(Ordering::Acquire);
        (began > 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_millis(began))
    }

    /// Keeps the connection and listens for endings, which are told to `on_ending`. Must be called inside a tokio
    /// runtime.
    pub fn keep(self: &Arc<Self>, on_ending: OnEnding) {
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(store) = this.upgrade() {
                store.look_after().await;
                drop(store);
                tokio::time::sleep(LOOK).await;
            }
        });
        self.listen(on_ending);
    }

    /// Connects where there is no connection, and asks the one there is whether it lives.
    async fn look_after(&self) {
        let connection = self.connection.lock().clone();
        let alive = match connection {
            Some(mut connection) => self.asks(&mut connection).await,
            None => match timeout(CONNECT, self.connector.connect(CONNECT)).await {
                Ok(Ok(mut connection)) => {
                    let is_alive = self.asks(&mut connection).await;
                    *self.connection.lock() = Some(connection).filter(|_| is_alive);
                    is_alive
                }
                Ok(Err(error)) => {
                    tracing::debug!(error = %connection::told(&error), "the session store cannot be connected");
                    false
                }
                Err(_) => false,
            },
        };
        self.tell(alive);
    }

    /// Asks since when it remembers; whether it answered.
    async fn asks(&self, connection: &mut Connection) -> bool {
        let key = format!("{}began", self.prefix);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut ask = redis::pipe();
        ask.cmd("SET").arg(&key).arg(now.as_millis().to_string()).arg("NX").ignore().cmd("GET").arg(&key);
        match timeout(CONNECT, ask.query_async::<(u64,)>(connection)).await {
            Ok(Ok((began,))) => {
                self.memory_began.store(began, Ordering::Release);
                true
            }
            _ => false,
        }
    }

    fn tell(&self, alive: bool) {
        if !alive {
            *self.connection.lock() = None;
        }
        match (alive, self.is_down.swap(!alive, Ordering::AcqRel)) {
            (false, false) => {
                tracing::warn!("the session store is not reachable; sessions go on, refreshes wait");
            }
            (true, true) => tracing::info!("the session store is reachable again"),
            _ => {}
        }
    }

    /// The connection; fails at once when there is none.
    fn connected(&self) -> Result<Connection, StoreFailed> {
        self.connection.lock().clone().ok_or(StoreFailed::Down)
    }

    /// Waits for an answer within the budget. Who gives none is not asked again before it has shown that it lives.
    async fn within_budget<T>(
        &self,
        call: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, StoreFailed> {
        match timeout(self.budget, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if is_about_the_connection(&error) => {
                self.tell(false);
                Err(StoreFailed::Down)
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %connection::told(&error), "the session store refused a command");
                Err(StoreFailed::Broken)
            }
            Err(_) => {
                self.tell(false);
                Err(StoreFailed::Slow)
            }
        }
    }
}

impl std::fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedStore").field("is_reachable", &self.is_reachable()).finish_non_exhaustive()
    }
}

fn is_about_the_connection(error: &redis::RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_timeout()
        || error.is_connection_refusal()
}

#[cfg(test)]
mod tests;
