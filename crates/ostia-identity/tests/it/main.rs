//! Tokens and key sets as an issuer, a careless issuer and an attacker make them. Every key is made for the run.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "an error here is a failure of the test")]

mod access_token;
mod attacks;
mod companion;
mod dpop;
mod forgery;
mod id_token;
mod introspected;
mod json;
mod key_set;
mod kinds;
mod logout_token;
mod oracle;
mod properties;
mod setting;
mod signer;
mod vectors;
mod wycheproof;
