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
//! - how they are reached: `peer` (for Pingora), `wire` (our own connections of HTTP/1.1), `tls`, `proxy_header`
//! - what protects them: `limit` (requests in flight), `retry` (the budget)
//! - how they are found: `discovery` (DNS, SRV, a file)

mod chance;
mod check;
mod checker;
mod clock;
mod discovery;
mod group;
mod health;
mod limit;
mod mirror;
mod outlier;
mod peer;
mod picked;
mod proxy_header;
mod registry;
mod retry;
mod ring;
mod schedule;
mod selection;
mod server;
mod shortage;
mod state;
mod status;
mod tier;
mod tls;
mod upkeep;
mod wire;

pub use chance::is_hit;
pub use discovery::DiscoveryLog;
pub use group::{Group, OrderRefused};
pub use health::{Health, LastCheck};
pub use limit::NoPlace;
pub use mirror::CopyFailed;
pub use peer::{Way, Wish};
pub use picked::{AffinityOutcome, Ask, Picked, ServerTag, Tried};
pub use proxy_header::Ends;
pub use registry::Registry;
pub use shortage::is_own_shortage;
pub use status::{ServerStatus, Standing};
pub use tls::{TlsFault, TlsRefused, UpstreamTls};
pub use upkeep::GroupTasks;
pub use wire::{LineCounters, Patience, Trip, Waited};
