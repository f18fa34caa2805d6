//! `identity`: what the upstream is told about the caller.

use http::HeaderName;

use crate::policy::ClaimPath;

/// Claims as request fields. Every field named here is removed from what clients send, in every spelling, on every
/// route.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityHeaders {
    /// `headers`, default `X-Forwarded-User: sub`, `X-Forwarded-Email: email`, `X-Forwarded-Groups: groups`.
    pub headers: Vec<ClaimHeader>,
}

/// One field and the claim it carries.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimHeader {
    /// The field.
    pub header: HeaderName,
    /// The claim: `sub`, `iss`, `email`, `groups` (after `providers.*.groups`), or any other.
    pub claim: ClaimPath,
}
