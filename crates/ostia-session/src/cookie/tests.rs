//! Tests.

mod refusals;
mod sealing;
mod slots;
mod stored;
