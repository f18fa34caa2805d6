//! The task that keeps metadata and keys fresh.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::Provider;
use super::flight::landed;
use super::key_set::KeysFetched;
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
        let mut metadata_at = Instant::now();
        loop {
            let mut failed = false;
            // Without metadata the key round below fetches it first, in the flight that requests can join.
            let due = Instant::now() >= metadata_at || self.metadata_due.load(Relaxed);
            if due && self.metadata.load().is_some() {
                failed = self.renew_metadata().await;
                if !failed {
                    self.metadata_due.store(false, Relaxed);
                    metadata_at = Instant::now() + self.pace.next_metadata(chance());
                }
            }
            let had_metadata = self.metadata.load().is_some();
            let fetched = self.keys_round().await;
            if !had_metadata && self.metadata.load().is_some() {
                metadata_at = Instant::now() + self.pace.next_metadata(chance());
            }
            sleep_until(self.next_round(fetched, failed, metadata_at)).await;
        }
    }

    /// True when it failed; the old metadata stays in use.
    async fn renew_metadata(&self) -> bool {
        let outcome = self.discover().await;
        if let Err(failed) = &outcome {
            self.record.settled(Err(failed));
            tracing::warn!(provider = %self.settings.name, reason = failed.slug(), "metadata was not renewed");
        }
        outcome.is_err()
    }

    /// Fetches keys in the flight that requests may join, or joins one of theirs.
    async fn keys_round(self: &Arc<Self>) -> Option<KeysFetched> {
        let provider = Arc::clone(self);
        let ticket =
            self.demand.flight.join_or(move || Some(async move { provider.fetch_keys().await.ok() }))?;
        let fetched = landed(ticket).await.flatten();
        if fetched.is_none() {
            let reason = self.record.last_error().map_or("unknown", |error| error.slug);
            tracing::warn!(provider = %self.settings.name, reason, "keys were not renewed");
        }
        fetched
    }

    /// When the next round begins. A failed metadata round counts as a failure even when the keys came.
    fn next_round(&self, fetched: Option<KeysFetched>, failed: bool, metadata_at: Instant) -> Instant {
        let now = Instant::now();
        let pause: Duration = match fetched {
            Some(fetched) if !failed => {
                let keys_at = now + self.pace.next_keys(fetched.max_age, chance());
                return keys_at.min(metadata_at.max(now));
            }
            _ => self.pace.backoff(self.record.failures().max(1), chance()),
        };
        now + pause
    }
}
