//! A caller whose proof was accepted.

use std::sync::Arc;
use std::time::SystemTime;

use crate::Claims;

/// Somebody, as an issuer knows them. Immutable; shared by `Arc` between the caches and the requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// `iss`.
    pub issuer: Arc<str>,
    /// `sub`, unique only together with the issuer (OpenID Connect Core section 5.7).
    pub subject: Arc<str>,
    /// Verified claims, with `groups` gathered as the provider's section says.
    pub claims: Claims,
    /// Granted scopes, as listed by the token (RFC 9068 section 2.2.3) or the token answer.
    pub scopes: Vec<String>,
    /// How it was proved.
    pub proof: Proof,
    /// When the proof ends: `exp` of the token, the end of the session.
    pub expires_at: SystemTime,
}

/// How a caller proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A sealed session cookie.
    Session,
    /// A bearer token in `Authorization`.
    Bearer,
}
