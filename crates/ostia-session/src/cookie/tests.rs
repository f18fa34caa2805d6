//! Tests.

mod refusals;
mod sealing;
