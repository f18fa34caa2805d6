//! Ostia as a relying party: people sign in at the issuer and come back with a code.

pub mod answer;
pub mod callback;
pub mod claims;
mod client_authentication;
pub mod exchange;
pub mod flights;
pub mod id_token;
pub mod login;
pub mod logout;
pub mod logout_token;
pub mod refresh;
pub mod revoke;
pub(crate) mod token_answer;
pub mod userinfo;
