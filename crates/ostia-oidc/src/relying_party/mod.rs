//! Ostia as a relying party: people sign in at the issuer and come back with a code.

pub mod answer;
pub mod callback;
pub mod claims;
pub(crate) mod client_authentication;
pub(crate) mod client_key;
pub mod exchange;
pub mod flights;
pub mod id_token;
pub mod introspected;
pub mod login;
pub mod logout;
pub mod logout_token;
pub(crate) mod nonces;
pub mod proof_key;
pub mod push;
pub mod refresh;
pub mod revoke;
mod secret_statement;
mod signed;
pub(crate) mod token_answer;
mod token_call;
pub mod userinfo;
