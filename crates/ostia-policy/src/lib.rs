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

mod asked;
pub mod choice;
pub mod compile;
mod condition;
pub mod decision;
pub mod explain;
pub mod expression;
pub mod facts;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod gate;
mod glob;
mod rule;
pub mod truth;

pub use choice::Choice;
pub use compile::{Policies, PolicyRefused};
pub use decision::{Decision, Reason, StepUp};
pub use explain::Explanation;
pub use expression::ExpressionRefused;
pub use facts::{ClientCertificate, Facts};
pub use gate::Gate;
pub use truth::Truth;
