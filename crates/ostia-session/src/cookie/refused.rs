//! Why cookies are no session, or a session does not become cookies.

use crate::names::SESSION_CHUNKS;
use crate::seal::OpenRefused;

/// Why cookies are no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefused {
    /// Two cookies of one name.
    #[error("there are two session cookies of one name")]
    Ambiguous,
    /// A chunk is missing, left over, or not of the length that it must have.
    #[error("the chunks of the session cookie do not fit together")]
    Incomplete,
    /// The sealed value was not opened.
    #[error(transparent)]
    Sealed(OpenRefused),
    /// The content is not of the form of this version.
    #[error("the content of the session cookie is not a session")]
    Malformed,
    /// Its provider, issuer and client are not in the configuration any more.
    #[error("the provider of the session is not configured, or has another issuer or client now")]
    NoRealm,
    /// Not used for too long.
    #[error("the session was not used for too long")]
    IdleEnded,
    /// Its time is over.
    #[error("the session's time is over")]
    Ended,
}

impl SessionRefused {
    /// The reason as a word for metrics and logs.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Ambiguous => "cookie_ambiguous",
            Self::Incomplete => "cookie_incomplete",
            Self::Sealed(refused) => refused.slug(),
            Self::Malformed => "session_malformed",
            Self::NoRealm => "session_provider_unknown",
            Self::IdleEnded => "session_idle",
            Self::Ended => "session_expired",
        }
    }
}

/// Why a session was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealRefused {
    /// Larger than all chunks together, without everything that can be left out.
    #[error(
        "the session takes {chars} characters, more than {SESSION_CHUNKS} cookies hold; map fewer claims"
    )]
    SessionTooLarge {
        /// What it would take.
        chars: usize,
    },
    /// The session's provider is not one of the configuration, or its issuer is another.
    #[error("the provider of the session is not in the configuration, or has another issuer")]
    NoRealm,
    /// No random bytes, or the crypto library failed.
    #[error("the session could not be sealed")]
    NotSealed,
}

impl SealRefused {
    /// The reason as a word for metrics and logs.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::SessionTooLarge { .. } => "session_too_large",
            Self::NoRealm => "session_provider_unknown",
            Self::NotSealed => "session_not_sealed",
        }
    }
}
