//! Ostia as a resource server: programs come with a bearer token.

pub mod bearer;
pub mod challenge;
pub mod dpop;
pub(crate) mod introspection;
