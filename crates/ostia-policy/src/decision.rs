//! What a gate answers, and why.

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
    pub(crate) deciding: Option<&'g Condition>,
}

impl<'g> Decision<'g> {
    /// The condition that decided: the path of a claim, a scope, or the name of an excluding policy. Names come from
    /// the configuration, never from a token.
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
    /// Denied: the client's address is in none of the networks.
    SourceOutside,
    /// Denied: the token does not have the claim.
    ClaimMissing,
    /// Denied: not all scopes were granted.
    ScopeMissing,
    /// Denied: the claim has none of the values.
    ClaimDiffers,
    /// Denied: a policy under `not` holds.
    Excluded,
    /// Allowed: a policy of the route holds.
    PolicyHeld,
    /// Allowed: there is an identity, and that suffices.
    Authenticated,
    /// Allowed: the route is open to the world.
    Anyone,
}

impl Reason {
    /// All of them, for tables of documentation and metrics.
    pub const ALL: [Self; 10] = [
        Self::NoIdentity,
        Self::ProviderOther,
        Self::SourceOutside,
        Self::ClaimMissing,
        Self::ScopeMissing,
        Self::ClaimDiffers,
        Self::Excluded,
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
            Self::SourceOutside => "source_outside",
            Self::ClaimMissing => "claim_missing",
            Self::ScopeMissing => "scope_missing",
            Self::ClaimDiffers => "claim_differs",
            Self::Excluded => "excluded",
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
