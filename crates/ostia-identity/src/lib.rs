//! Who the caller is.
//!
//! An [`Identity`] is always an issuer with a subject. It is made from claims that somebody verified: [`verify`] checks
//! a token against *given* keys at a *given* time and knows neither network nor clock.

pub mod claims;
pub mod identity;

pub use claims::{ClaimValue, Claims};
pub use identity::{Identity, Proof};
