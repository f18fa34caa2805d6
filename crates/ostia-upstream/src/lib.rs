//! Groups of servers: selection, affinity, health.
//!
//! A [`Group`] is one compiled section of `upstreams`. [`Group::pick`] chooses a server for a request and counts the
//! request as in flight there until the [`Picked`] is dropped; [`Group::start_health`] checks the servers in the
//! background. What was learnt of a server (its health, its requests in flight) outlives a reload.
//!
//! selection: `schedule` (round robin) or `ring` (consistent hash); health: `health`, `check`, `checker`.
//!
//! When no server is healthy, [`Group::pick`] returns `None` and the request is answered with 503. A panic threshold
//! that ignores the health of a group which is mostly down does not exist yet.

mod check;
mod checker;
mod group;
mod health;
mod peer;
mod picked;
mod pool;
mod ring;
mod schedule;
mod server;
mod tunnel;

pub use checker::HealthTask;
pub use group::Group;
pub use health::Health;
pub use picked::{AffinityOutcome, Picked, Tried};
pub use server::ServerState;
