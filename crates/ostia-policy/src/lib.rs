//! Whether this identity may do this here: the decision with its reason.
//!
//! [`Policies`] are the named rules of the configuration, compiled once; a [`Gate`] is the `allow` of one route. Asked
//! with an identity and the [`Facts`] of the request it gives a [`Decision`], without allocating; asked to explain, it
//! prints the tree.
//!
//! Three rules hold whatever a policy says:
//! - Without an identity nobody enters, unless the route says `allow: anyone`. A policy of nothing but `source` is no
//!   exception: it says from where, not that nobody needs to sign in.
//! - An identity of a provider that the route does not name enters nowhere.
//! - What a token does not say is neither true nor false. A missing claim therefore satisfies neither a policy nor the
//!   `not` of a policy: somebody whose group list is missing (some issuers leave it out when it grows too long) is not
//!   thereby *outside* of a group. See [`truth`].

pub mod compile;
mod condition;
pub mod decision;
pub mod explain;
pub mod facts;
pub mod gate;
mod rule;
pub mod truth;

pub use compile::{Policies, PolicyRefused};
pub use decision::{Decision, Reason};
pub use explain::Explanation;
pub use facts::Facts;
pub use gate::Gate;
