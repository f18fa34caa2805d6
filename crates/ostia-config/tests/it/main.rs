//! The loader from outside: golden cases, and what holds for every configuration.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod cases;
mod stage;
mod whole;
