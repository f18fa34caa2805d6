//! The task that keeps metadata and keys fresh.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::Provider;
use super::flight::landed;
use super::schedule::chance;

/// Stops the provider's background task when it is dropped.
#[derive(Debug)]
#[must_use = "the task ends when this is dropped"]
pub struct Keeper {
    task: JoinHandle<()>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    /// Starts to fetch metadata and keys, now and whenever they are due, until the guard is dropped. Never fails: while
    /// the issuer is dark, what is there stays in use and the issuer is asked again at growing intervals.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(self: &Arc<Self>) -> Keeper {
        let provider = Arc::clone(self);
        Keeper { task: tokio::spawn(async move { provider.keep().await }) }
    }

    async fn keep(self: Arc<Self>) {
        let mut metadata = Due { at: Instant::now(), failures: 0 };
        let mut keys_at = Instant::now();
        loop {
            // Without metadata the key round below fetches it first, in the flight that requests can join.
            let moved = self.metadata_due.swap(false, Relaxed);
            if self.metadata.load().is_some() && (moved || Instant::now() >= metadata.at) {
                self.renew_metadata(&mut metadata).await;
            }
            if Instant::now() >= keys_at {
                let had_metadata = self.metadata.load().is_some();
                let pause = self.renew_keys().await;
                keys_at = Instant::now() + pause;
                if !had_metadata {
                    metadata.at = Instant::now() + self.pace.next_metadata(chance());
                }
            }
            let next = if self.metadata.load().is_some() { keys_at.min(metadata.at) } else { keys_at };
            sleep_until(next).await;
        }
    }

    /// The old metadata stays in use when this fails.
    async fn renew_metadata(&self, due: &mut Due) {
        let pause = match self.discover().await {
            Ok(_) => {
                due.failures = 0;
                self.pace.next_metadata(chance())
            }
            Err(failed) => {
                due.failures = due.failures.saturating_add(1);
                self.record.told(&failed);
                tracing::warn!(provider = %self.settings.name, reason = failed.slug(), "metadata was not renewed");
                self.pace.backoff(due.failures, chance())
            }
        };
        due.at = Instant::now() + pause;
    }

    /// Fetches keys in the flight that requests may join, or joins one of theirs. The pause until the next round.
    async fn renew_keys(self: &Arc<Self>) -> Duration {
        let provider = Arc::clone(self);
        let ticket =
            self.demand.flight.join_or(move || Some(async move { provider.fetch_keys().await.ok() }));
        let fetched = match ticket {
            Some(ticket) => landed(ticket).await.flatten(),
            None => None,
        };
        match fetched {
            Some(fetched) => self.pace.next_keys(fetched.max_age, chance()),
            None => {
                let reason = self.record.last_error().map_or("unknown", |error| error.slug);
                tracing::warn!(provider = %self.settings.name, reason, "keys were not renewed");
                self.pace.backoff(self.record.failures().max(1), chance())
            }
        }
    }
}

/// When the metadata is to be renewed.
struct Due {
    at: Instant,
    /// In a row.
    failures: u32,
}
