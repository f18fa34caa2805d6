//! Tests.

mod refusals;
mod sealing;
mod stored;
