//! The house in order: the pages say what the code says, every configuration that people copy works, names are names.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod alerts;
mod configurations;
mod copied;
mod crates;
mod fuzzing;
mod names;
mod page;
mod promises;
mod references;
