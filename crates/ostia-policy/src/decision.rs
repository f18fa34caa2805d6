//! What a gate answers, and why.

use std::time::Duration;

use crate::condition::Condition;

/// May this request pass?
#[derive(Clone, Copy, Debug)]
pub struct Decision<'g> {
    /// Whether it may.
    pub allowed: bool,
    /// Who decided: the name of a policy, `authenticated`, or `anyone`. Where several policies were asked in vain, the
    /// one that came nearest, see [`Reason`].
    pub policy: &'g str,
    /// Why.
    pub reason: Reason,
    /// How the caller would have to sign in again to pass. Only where that is all that is missing.
    pub step_up: Option<StepUp<'g>>,
    pub(crate) deciding: Option<&'g Condition>,
}

/// What a sign-in must bring to meet a policy: the parameters of an authorization request (OpenID Connect Core section
/// 3.1.2.1), or of a challenge (RFC 9470 section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepUp<'g> {
    /// `acr_values`: one of these; empty when the class is good enough.
    pub acr: &'g [String],
    /// `max_age`; `None` when the last sign-in is recent enough.
    pub max_age: Option<Duration>,
}

impl<'g> Decision<'g> {
    /// The condition that decided: the path of a claim, a scope, the key of another condition, or the name of an
    /// excluding policy. Names come from the configuration, never from a token.
    #[must_use]
    pub fn condition(&self) -> Option<&'g str> {
        self.deciding.and_then(Condition::name)
    }
}

/// Why a request may or may not pass.
///
/// Denials are ordered from far to near. Of several policies that all deny, the nearest speaks: to somebody of the
/// right provider and the wrong group it says `claim_differs`, not that machines of another provider could enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Denied: there is no identity, and the route needs one. Nobody signed in, or no token came.
    NoIdentity,
    /// Denied: the identity is of another provider.
    ProviderOther,
    /// Denied: the request is for another host.
    HostOther,
    /// Denied: the request has another method.
    MethodOther,
    /// Denied: the path is none of the policy's, or may be read as another.
    PathOther,
    /// Denied: the client's address is in none of the networks.
    SourceOutside,
    /// Denied: it is none of the times.
    TimeOutside,
    /// Denied: the connection was made without a client certificate.
    CertificateMissing,
    /// Denied: the client's certificate says something else.
    CertificateDiffers,
    /// Denied: the claim is missing.
    ClaimMissing,
    /// Denied: not all scopes were granted.
    ScopeMissing,
    /// Denied: the claim has none of the values.
    ClaimDiffers,
    /// Denied: the expression could not be evaluated, mostly for a claim that is missing.
    ExpressionFailed,
    /// Denied: the expression is false.
    ExpressionFalse,
    /// Denied: a policy under `not` holds.
    Excluded,
    /// Denied: none of the methods took part in signing in.
    AmrNotMet,
    /// Denied: the caller signed in by another class, or none is known.
    AcrNotMet,
    /// Denied: the caller signed in too long ago, or it is not known when.
    MaxAgeExceeded,
    /// Allowed: a policy of the route holds.
    PolicyHeld,
    /// Allowed: there is an identity, and that suffices.
    Authenticated,
    /// Allowed: the route is open to the world.
    Anyone,
}

impl Reason {
    /// All of them, for tables of documentation and metrics.
    pub const ALL: [Self; 21] = [
        Self::NoIdentity,
        Self::ProviderOther,
        Self::HostOther,
        Self::MethodOther,
        Self::PathOther,
        Self::SourceOutside,
        Self::TimeOutside,
        Self::CertificateMissing,
        Self::CertificateDiffers,
        Self::ClaimMissing,
        Self::ScopeMissing,
        Self::ClaimDiffers,
        Self::ExpressionFailed,
        Self::ExpressionFalse,
        Self::Excluded,
        Self::AmrNotMet,
        Self::AcrNotMet,
        Self::MaxAgeExceeded,
        Self::PolicyHeld,
        Self::Authenticated,
        Self::Anyone,
    ];

    /// The reason as metrics, logs and pages know it.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::NoIdentity => "no_identity",
            Self::ProviderOther => "provider_other",
            Self::HostOther => "host_other",
            Self::MethodOther => "method_other",
            Self::PathOther => "path_other",
            Self::SourceOutside => "source_outside",
            Self::TimeOutside => "time_outside",
            Self::CertificateMissing => "certificate_missing",
            Self::CertificateDiffers => "certificate_differs",
            Self::ClaimMissing => "claim_missing",
            Self::ScopeMissing => "scope_missing",
            Self::ClaimDiffers => "claim_differs",
            Self::ExpressionFailed => "expression_failed",
            Self::ExpressionFalse => "expression_false",
            Self::Excluded => "excluded",
            Self::AmrNotMet => "amr_not_met",
            Self::AcrNotMet => "acr_not_met",
            Self::MaxAgeExceeded => "max_age_exceeded",
            Self::PolicyHeld => "policy_held",
            Self::Authenticated => "authenticated",
            Self::Anyone => "anyone",
        }
    }

    /// Whether this is a reason to let somebody pass.
    #[must_use]
    pub fn allows(self) -> bool {
        matches!(self, Self::PolicyHeld | Self::Authenticated | Self::Anyone)
    }
}
