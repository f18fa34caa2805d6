//! What was done, what came of it, and what went wrong.

use std::fmt;
use std::time::{Duration, Instant};

use super::visit::{Reason, Visit};

/// One step that went as promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is promised.
    pub name: &'static str,
    /// What was seen.
    pub outcome: String,
    /// How long it took.
    pub took: Duration,
}

/// All steps, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// In their order.
    pub steps: Vec<Step>,
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, number) in self.steps.iter().zip(1..) {
            let Step { name, outcome, took } = step;
            writeln!(f, "ok {number:>4}  {name:<36} {outcome} ({} ms)", took.as_millis())?;
        }
        Ok(())
    }
}

/// A step that did not go as promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFailed {
    /// The steps before it.
    pub transcript: Transcript,
    /// What is promised.
    pub name: &'static str,
    /// What was seen instead.
    pub reason: String,
}

impl CheckFailed {
    pub(super) fn before_the_first(reason: Reason) -> Self {
        Self { transcript: Transcript::default(), name: "the check begins", reason: reason.to_string() }
    }
}

impl fmt::Display for CheckFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.transcript.steps.len() + 1;
        write!(f, "{}FAILED {number}  {}: {}", self.transcript, self.name, self.reason)
    }
}

impl std::error::Error for CheckFailed {}

/// The steps so far.
pub(super) struct Steps<'a> {
    visit: Visit<'a>,
    done: Transcript,
}

impl<'a> Steps<'a> {
    pub(super) fn new(visit: Visit<'a>) -> Self {
        Self { visit, done: Transcript::default() }
    }

    pub(super) async fn take(
        &mut self,
        name: &'static str,
        step: impl AsyncFnOnce(&mut Visit<'a>) -> Result<String, Reason>,
    ) -> Result<(), CheckFailed> {
        let started = Instant::now();
        match step(&mut self.visit).await {
            Ok(outcome) => {
                self.done.steps.push(Step { name, outcome, took: started.elapsed() });
                Ok(())
            }
            Err(reason) => {
                let reason = reason.to_string();
                Err(CheckFailed { transcript: std::mem::take(&mut self.done), name, reason })
            }
        }
    }

    pub(super) fn finish(self) -> Transcript {
        self.done
    }
}
