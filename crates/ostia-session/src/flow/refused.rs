//! Why a sign-in in progress is not found, or does not begin.

/// Why there is no sign-in in progress, or none can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowRefused {
    /// No cookie of this browser belongs to this `state`: it was used before, was pushed out, or is another browser's.
    #[error("no sign-in of this browser belongs to this state")]
    NotHere,
    /// It began more than ten minutes ago.
    #[error("the sign-in took more than ten minutes")]
    Expired,
    /// Its provider is not configured any more, or has another issuer or client.
    #[error("the provider of the sign-in is not configured, or has another issuer or client now")]
    NoRealm,
    /// The return path could lead elsewhere.
    #[error("the return path is not a path of this host")]
    ReturnPath,
    /// `state` was not made here.
    #[error("the state was not made here")]
    StateUnknown,
    /// Return path and redirect URI are too long together.
    #[error("the sign-in does not fit into its cookies")]
    TooLarge,
    /// No random bytes, or the crypto library failed.
    #[error("the sign-in could not be sealed")]
    NotSealed,
}

impl FlowRefused {
    /// The reason as a word for metrics, logs and pages.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::NotHere => "flow_unknown",
            Self::Expired => "flow_expired",
            Self::NoRealm => "flow_provider_unknown",
            Self::ReturnPath => "return_path_refused",
            Self::StateUnknown => "state_unknown",
            Self::TooLarge => "flow_too_large",
            Self::NotSealed => "flow_not_sealed",
        }
    }
}
