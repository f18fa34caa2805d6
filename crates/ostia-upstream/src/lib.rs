//! Groups of servers: selection, affinity, health.
//!
//! A [`Group`] is one compiled section of `upstreams`. [`Group::pick`] chooses a server for a request and counts the
//! request as in flight there until the [`Picked`] is dropped; what became of it is reported to the [`Picked`].
//! [`Group::start`] begins the checks. What is learnt of a server lives in the [`Registry`] and outlives reloads.
//!
//! - who is there: `group` (the set, exchanged at run time), `selection` (one set, immutable), `server` (a member)
//! - who is chosen: `tier`, by `schedule` (turns and chance) or `ring` (consistent hash)
//! - who may be: `state` (orders, ejections, load), `health` by `check` and `checker`, `outlier` (failures), `upkeep`
//!   (what ends by itself)

mod check;
mod checker;
mod clock;
mod group;
mod health;
mod outlier;
mod peer;
mod picked;
mod registry;
mod ring;
mod schedule;
mod selection;
mod server;
mod state;
mod status;
mod tier;
mod tunnel;
mod upkeep;

pub use group::{Group, OrderRefused};
pub use health::{Health, LastCheck};
pub use picked::{AffinityOutcome, Ask, Picked, ServerTag, Tried};
pub use registry::Registry;
pub use status::{ServerStatus, Standing};
pub use upkeep::GroupTasks;
