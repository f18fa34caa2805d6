//! The request path.
//!
//! A request comes in through [`proxy::Front`], Pingora's view of one listener. It is received, routed, identified and
//! authorized ([`admit`]), then forwarded to a server that its group picked ([`stage::select`]); the answer goes back
//! through [`stage::reply`], and one line in the log says what happened ([`stage::record`]). What the configuration
//! means for all this is compiled once into a [`snapshot::Snapshot`]; each request keeps the one it began with.

pub mod admit;
pub mod answer;
pub mod assertion;
mod builtin;
pub mod ended;
pub mod exchange;
pub mod forged;
pub mod gateway;
pub mod page;
pub mod projection;
pub mod proxy;
pub mod readiness;
pub mod recognised;
pub mod request_id;
pub mod revoke;
pub mod snapshot;
pub mod stage;
pub mod status;

mod challenge;
mod chooser;
mod compile;
mod crossing;
mod endpoint;
pub mod extension;
mod fields;
mod fill;
pub mod handling;
mod happened;
pub mod kept_form;
pub mod key_file;
mod key_watch;
mod observe;
pub mod passed_token;
pub mod refresh;
mod refused;
pub mod rehearsal;
mod resource;
mod rewrite;
mod scripted_page;
mod session;
pub mod shared;
mod sign_in;
mod step_up;
pub mod streams;
pub mod tether;

pub use compile::{CompileRefused, redirect_uris};
pub use extension::Extensions;
pub use gateway::{DrainPlan, Gateway, Prepared};
pub use readiness::Readiness;
pub use status::Status;
