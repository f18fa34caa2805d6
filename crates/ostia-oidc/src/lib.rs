//! The protocol with the issuer: relying party and resource server, discovery, key sets.
//!
//! A [`Provider`] is one issuer as the configuration names it. As a **relying party** it starts logins
//! ([`Provider::begin_login`]), finishes them ([`Provider::finish_login`]), refreshes sessions ([`Provider::refresh`],
//! shared through [`RefreshFlights`]), says where a logout continues ([`Provider::end_session_url`]), judges logouts that
//! come from the issuer ([`Provider::accept_logout`]) and gives tokens back ([`Provider::revoke`]). As a **resource
//! server** it judges bearer tokens ([`Provider::verify_bearer`]) and words the challenge
//! ([`resource_server::challenge::Challenge`]). [`Provider::start`] keeps its metadata and keys fresh.
//!
//! # Who does what
//! | part | by | why |
//! |---|---|---|
//! | authorization URL, PKCE, `state`, `nonce`, code and refresh requests, client authentication | openidconnect | the cold path, where a library that others read is worth more than speed |
//! | HTTP | [`provider::http`], over reqwest | no redirects, total deadline, 512 KiB, own roots |
//! | metadata | [`provider::metadata`] | openidconnect insists on members that workload issuers do not publish, and fetches keys in the same call |
//! | keys, ID tokens, access tokens | `ostia-identity` | one verifier for all; openidconnect refuses header names of RFC 9864, has no leeway for clocks, leaves `azp`, `iat` and `at_hash` to the caller, freezes its keys, and verifies ten times slower |
//!
//! Keys, codes, tokens and secrets are in no error and no log line of this crate.

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod provider;
pub mod relying_party;
pub mod resource_server;

pub use provider::Provider;
pub use relying_party::flights::RefreshFlights;

/// The party that can mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The browser or program that sent the request.
    Caller,
    /// The issuer, or the network to it.
    Issuer,
    /// Who wrote the configuration, here or at the issuer.
    Operator,
}

impl From<ostia_identity::Fault> for Fault {
    fn from(fault: ostia_identity::Fault) -> Self {
        match fault {
            ostia_identity::Fault::Caller => Self::Caller,
            ostia_identity::Fault::Issuer => Self::Issuer,
        }
    }
}
