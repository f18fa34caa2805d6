//! Who may enter: tables of decisions, their explanations, and agreement with a naive evaluator.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "an error here is a failure of the test")]

mod agreement;
mod choosing;
mod compiling;
mod decisions;
mod explaining;
mod expressions;
mod native;
mod setting;
