//! Which route a request head belongs to, and why that one.
//!
//! A [`RouteTable`] is compiled once from the configuration and never changes. [`RouteTable::find`] answers for every
//! request: the most specific route wins, never the first in the file.
//!
//! 1. **Host**: exact, then wildcard (longest suffix first), then any; a host without a matching path gives way to the
//!    next less specific one.
//! 2. **Path**: the longest prefix.
//! 3. **Method**: at that path a route that names the method, then one that names none. When none takes it the answer
//!    is 405, and a shorter path is *not* tried: otherwise `POST /finance/` would slip past a route that guards
//!    `GET /finance/` into whatever `/` allows.
//!
//! The table also keeps the promise that policy sees what the upstream sees: all usual readings of the path
//! (`ostia-request`) must fall under the same policy as the literal one, else the request is refused.

mod class;
mod endpoint;
mod explain;
mod hosts;
mod prefixes;
mod refused;
mod table;

pub use explain::Explanation;
pub use refused::{RouteRefused, TableRefused};
pub use table::{RouteIndex, RouteTable};
