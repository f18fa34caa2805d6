//! Who the caller is.
//!
//! An [`Identity`] is always an issuer with a subject. It is made from claims that somebody verified: [`Token::verify`]
//! checks a token against *given* keys, [`accept_access_token`] and [`accept_id_token`] judge it by the rules of its
//! kind at a *given* time. Neither network nor clock is known here.
//!
//! The verifier is our own and small because no general one refuses all that RFC 8725 asks to refuse, and because a
//! key parsed once costs less: text → [`Token`] (header only) → [`Verified`] (signature, then strict JSON) →
//! [`VerifiedToken`], [`IdToken`], [`LogoutToken`] or [`DpopProof`]. None is ever accepted in the place of another:
//! they are different types with different rules.

pub mod access_token;
pub mod claim_path;
pub mod claims;
mod companion;
pub mod confirmation;
pub mod dpop;
mod flag;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod group;
pub mod id_token;
pub mod identity;
pub mod issuer;
pub mod json;
mod jws;
pub mod key_set;
pub mod logout_token;
pub mod refusal;
mod validation;

pub use access_token::{
    AccessTokenProfile, DEFAULT_MAX_LIFETIME, VerifiedToken, accept_access_token, accept_introspected,
};
pub use claim_path::ClaimPath;
pub use claims::Claims;
pub use companion::accept_companion;
pub use confirmation::Confirmation;
pub use dpop::{DpopExpected, DpopProof, DpopRefused, accept_dpop_proof};
pub use group::GroupRules;
pub use id_token::{
    IdToken, IdTokenProfile, IdTokenRefused, LoginContinued, LoginExpected, Occasion, accept_id_token,
};
pub use identity::{Identity, Proof};
pub use issuer::{IssuerRules, TENANT_PLACE};
pub use json::{Json, JsonValue};
pub use jws::algorithm::{Algorithm, AlgorithmSet, UnknownAlgorithm};
pub use jws::token::{MAX_TOKEN_BYTES, Token, Verified, peek_issuer};
pub use key_set::{Key, KeySet, KeySetRefused};
pub use logout_token::{LogoutToken, LogoutTokenRefused, accept_logout_token};
pub use refusal::{Fault, TokenRefused};
