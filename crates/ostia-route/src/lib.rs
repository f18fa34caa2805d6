//! Which route a request head belongs to, and why that one.
//!
//! A [`RouteTable`] is compiled once from the configuration and never changes. [`RouteTable::find`] answers for every
//! request: the most specific route wins (exact host before wildcard before any; then the longest path; then the
//! method), never the first in the file. It also keeps the promise that policy sees what the upstream sees: all usual
//! readings of the path must fall under the same policy.

mod explain;
mod refused;
mod table;

pub use explain::Explanation;
pub use refused::{RouteRefused, TableRefused};
pub use table::{RouteIndex, RouteTable};
