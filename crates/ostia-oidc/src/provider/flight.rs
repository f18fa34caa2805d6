//! Shared work: whoever comes while it is under way waits for the same result.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// A ticket for one piece of shared work.
pub(crate) type Ticket<T> = watch::Receiver<Option<T>>;

/// At most one piece of work at a time. The work runs in a task of its own: a caller that goes away does not end it.
#[derive(Debug)]
pub(crate) struct Flight<T> {
    current: Mutex<Option<Ticket<T>>>,
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self { current: Mutex::new(None) }
    }
}

impl<T: Clone + Send + Sync + 'static> Flight<T> {
    /// Joins the work that is under way, or starts it, unless `start` has a reason not to. `start` is called while a
    /// lock is held: it only decides and makes the future.
    pub(crate) fn join_or<F>(&self, start: impl FnOnce() -> Option<F>) -> Option<Ticket<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticket) = current.as_ref().filter(|ticket| is_flying(ticket)) {
            return Some(ticket.clone());
        }
        let ticket = take_off(start()?);
        *current = Some(ticket.clone());
        Some(ticket)
    }
}

/// Starts a task whose result the tickets will show.
pub(crate) fn take_off<T, F>(work: F) -> Ticket<T>
where
    T: Send + Sync + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (sender, ticket) = watch::channel(None);
    tokio::spawn(async move {
        let result = work.await;
        sender.send_replace(Some(result));
    });
    ticket
}

/// No result yet, and the task lives (its sender is dropped when it ends, by panic too).
pub(crate) fn is_flying<T>(ticket: &Ticket<T>) -> bool {
    ticket.borrow().is_none() && ticket.has_changed().is_ok()
}

/// The result; `None` when the task ended without one.
pub(crate) async fn landed<T: Clone>(mut ticket: Ticket<T>) -> Option<T> {
    let result = ticket.wait_for(Option::is_some).await.ok()?;
    result.clone()
}
