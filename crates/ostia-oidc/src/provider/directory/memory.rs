//! The groups of a person for a while, and one question at a time about each.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::{DirectoryRefused, Groups};
use crate::provider::flight::{Ticket, is_flying, landed, take_off};

/// People who are remembered.
const MOST_PEOPLE: usize = 10_000;
/// Questions under way; more wait until the next sign-in.
const MOST_QUESTIONS: usize = 256;

type Answer = Result<Groups, DirectoryRefused>;

/// What is known of whom.
#[derive(Debug)]
pub(super) struct Memory {
    known: Cache<Box<str>, (Instant, Groups)>,
    flights: Mutex<HashMap<Box<str>, Ticket<Answer>>>,
    holds: Duration,
    deadline: Duration,
}

impl Memory {
    /// `holds`: how long an answer counts; `deadline`: of one question with all its pages.
    pub(super) fn new(holds: Duration, deadline: Duration) -> Self {
        Self { known: Cache::new(MOST_PEOPLE), flights: Mutex::default(), holds, deadline }
    }

    /// The groups of `subject`: remembered, of the question under way, or of the one that `ask` is.
    pub(super) async fn recall<F>(self: &Arc<Self>, subject: &str, ask: impl FnOnce() -> F) -> Answer
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        if let Some((until, groups)) = self.known.get(subject)
            && Instant::now() < until
        {
            return Ok(groups);
        }
        let ticket = self.join_or_ask(subject, ask).ok_or(DirectoryRefused::TooSlow)?;
        landed(ticket).await.unwrap_or(Err(DirectoryRefused::TooSlow))
    }

    fn join_or_ask<F>(self: &Arc<Self>, subject: &str, ask: impl FnOnce() -> F) -> Option<Ticket<Answer>>
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticket) = flights.get(subject).filter(|ticket| is_flying(ticket)) {
            return Some(ticket.clone());
        }
        if flights.len() >= MOST_QUESTIONS {
            return None;
        }
        let (memory, name, question) = (Arc::clone(self), Box::<str>::from(subject), ask());
        let ticket = take_off(async move {
            let asked = tokio::time::timeout(memory.deadline, question).await;
            let answer = asked.unwrap_or(Err(DirectoryRefused::TooSlow));
            memory.remember(&name, &answer);
            answer
        });
        flights.insert(subject.into(), ticket.clone());
        Some(ticket)
    }

    /// Whoever comes finds the answer or the question: the one is kept before the other is forgotten.
    fn remember(&self, subject: &str, answer: &Answer) {
        if let Ok(groups) = answer
            && !self.holds.is_zero()
        {
            self.known.insert(subject.into(), (Instant::now() + self.holds, Arc::clone(groups)));
        }
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(subject);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn groups(names: &[&str]) -> Groups {
        Arc::new(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn one_question_answers_all_who_wait_and_counts_for_a_while() {
        let memory = Arc::new(Memory::new(Duration::from_secs(300), Duration::from_secs(15)));
        let asked = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let asked = Arc::clone(&asked);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let count = asked.fetch_add(1, Ordering::Relaxed) + 1;
                Ok(groups(&[&format!("g{count}")]))
            }
        };
        let both = tokio::join!(memory.recall("ana", ask), memory.recall("ana", ask));
        assert_eq!(both.0.unwrap(), groups(&["g1"]));
        assert_eq!(both.1.unwrap(), groups(&["g1"]));
        assert_eq!(memory.recall("bo", ask).await.unwrap(), groups(&["g2"]), "another person is asked about");
        tokio::time::advance(Duration::from_secs(299)).await;
        assert_eq!(memory.recall("bo", ask).await.unwrap(), groups(&["g2"]));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(memory.recall("bo", ask).await.unwrap(), groups(&["g3"]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_and_a_question_that_takes_too_long_are_not_remembered() {
        let memory = Arc::new(Memory::new(Duration::from_secs(300), Duration::from_secs(15)));
        let failed = memory.recall("ana", || async { Err(DirectoryRefused::Forbidden(403)) }).await;
        assert_eq!(failed.unwrap_err().slug(), "directory_forbidden");
        let slow = memory.recall("ana", std::future::pending).await;
        assert_eq!(slow.unwrap_err().slug(), "directory_too_slow");
        let good = memory.recall("ana", || async { Ok(groups(&["staff"])) }).await;
        assert_eq!(good.unwrap(), groups(&["staff"]));
    }
}
