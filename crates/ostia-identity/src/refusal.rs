//! Why a token was refused, and who is at fault.

use std::fmt;

use thiserror::Error;

use crate::json::JsonRefused;

/// The party that has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Who sent the token: it is malformed, forged, too old, or meant for somebody else.
    Caller,
    /// Who issued it: correctly signed, but not what the standards or the configuration ask for. Often settled in the
    /// provider's section.
    Issuer,
}

/// A piece of a refused token that may be shown: at most 64 characters, control characters escaped. Never a
/// signature, never a whole token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().take(64).collect())
    }

    /// The text, unescaped; log it as a field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Which of the three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The JOSE header.
    Header,
    /// The claims.
    Claims,
    /// The signature.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Signature => "signature",
        })
    }
}

/// Why a JWT was refused. Messages hold names and excerpts, never a token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenRefused {
    /// Longer than [`crate::MAX_TOKEN_BYTES`].
    #[error("the token is longer than {limit} bytes")]
    TooLong {
        /// What is allowed.
        limit: usize,
    },
    /// Not three parts between two dots (RFC 7515 section 7.1).
    #[error("the token is not of the form header.claims.signature")]
    NotCompact,
    /// Five parts or an `enc` member: encrypted tokens are not read (an unsigned token inside a JWE fooled others).
    #[error("the token is encrypted")]
    Encrypted,
    /// Not canonical base64url without padding (RFC 7515 section 2).
    #[error("the {part} is not canonical base64url")]
    NotBase64 {
        /// Where.
        part: Part,
    },
    /// Not one strict JSON object.
    #[error("the {part} {why}")]
    NotJson {
        /// Where.
        part: Part,
        /// Why.
        why: JsonRefused,
    },
    /// A header member that changes the meaning of the token or names a key of the sender's choice: `crit`, `b64`,
    /// `zip`, `cty`, `jwk`, `jku`, `x5u`, `x5c`.
    #[error("the header has `{member}`")]
    HeaderMember {
        /// Which.
        member: &'static str,
    },
    /// A header member is missing or has the wrong type.
    #[error("the header's `{member}` is missing or malformed")]
    HeaderMalformed {
        /// Which.
        member: &'static str,
    },
    /// `none`, something symmetric, or something unknown.
    #[error("the algorithm {name} is not supported")]
    AlgorithmUnsupported {
        /// As the token says.
        name: Excerpt,
    },
    /// Supported, but not allowed by the configuration.
    #[error("the algorithm {name} is not allowed for this provider")]
    AlgorithmNotAllowed {
        /// Its JOSE name.
        name: &'static str,
    },
    /// `typ` is not one of the accepted ones: the token is for another purpose (RFC 8725 section 3.11).
    #[error("the token's type is {found}")]
    TypeDiffers {
        /// As the token says; `JWT` when absent.
        found: Excerpt,
    },
    /// The key set has no such key. The only refusal that a newer key set may cure.
    #[error("the issuer's key set has no key {kid}")]
    KeyUnknown {
        /// As the token says; empty when it names none.
        kid: Excerpt,
    },
    /// The key exists, for another algorithm.
    #[error("the key {kid} is not for the algorithm {name}")]
    KeyAlgorithmDiffers {
        /// As the token says.
        kid: Excerpt,
        /// The token's algorithm.
        name: &'static str,
    },
    /// The token names no key and too many would have to be tried.
    #[error("the token names no key and the issuer has many")]
    KeyAmbiguous,
    /// Forged, altered, or of another issuer with an equal `kid`.
    #[error("the signature is wrong")]
    SignatureInvalid,
    /// A claim that must be there is not.
    #[error("the claim `{claim}` is missing")]
    ClaimMissing {
        /// Which.
        claim: &'static str,
    },
    /// A claim has the wrong JSON type, is empty, too long or out of range.
    #[error("the claim `{claim}` is malformed")]
    ClaimMalformed {
        /// Its name, from the standard or the configuration.
        claim: Excerpt,
    },
    /// `iss` is not byte for byte the configured issuer, nor one that the configuration names beside it.
    #[error("the issuer is {found}")]
    IssuerDiffers {
        /// As the token says.
        found: Excerpt,
    },
    /// `sub` is not the person that the token has to be about.
    #[error("the subject is {found}")]
    SubjectDiffers {
        /// As the token says.
        found: Excerpt,
    },
    /// `tid` is none of the tenants that the configuration allows.
    #[error("the tenant is {found}")]
    TenantNotAllowed {
        /// As the token says.
        found: Excerpt,
    },
    /// `aud` names nobody of ours.
    #[error("the audience is {found}")]
    AudienceDiffers {
        /// The first audience of the token; empty when it has none.
        found: Excerpt,
    },
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is ahead: somebody's clock is wrong.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `exp` is further ahead than tokens of this kind may live.
    #[error("the token lives too long")]
    LivesTooLong,
    /// A token of one kind in the place of another: ID, access, logout, refresh, DPoP proof.
    #[error("the token is of another kind: it has `{evidence}`")]
    OtherKind {
        /// The claim that gives it away.
        evidence: &'static str,
    },
    /// The issuer was asked and says that the token is not active: expired, revoked, unknown, not for us (RFC 7662
    /// section 2.2).
    #[error("the issuer says that the token is not active")]
    Inactive,
    /// `cnf` binds the token to its holder in a way that is not supported, so nobody here can tell the holder.
    #[error("the token is bound to its holder in an unsupported way")]
    ConfirmationUnsupported,
}

impl TokenRefused {
    /// The reason as metrics, logs and pages know it.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "token_too_long",
            Self::NotCompact => "token_not_compact",
            Self::Encrypted => "token_encrypted",
            Self::NotBase64 { .. } => "token_not_base64",
            Self::NotJson { why: JsonRefused::DuplicateMember, .. } => "token_duplicate_member",
            Self::NotJson { why: JsonRefused::TooDeep, .. } => "token_too_deep",
            Self::NotJson { .. } => "token_not_json",
            Self::HeaderMember { .. } => "header_member_refused",
            Self::HeaderMalformed { .. } => "header_malformed",
            Self::AlgorithmUnsupported { .. } => "algorithm_unsupported",
            Self::AlgorithmNotAllowed { .. } => "algorithm_not_allowed",
            Self::TypeDiffers { .. } => "type_differs",
            Self::KeyUnknown { .. } => "key_unknown",
            Self::KeyAlgorithmDiffers { .. } => "key_algorithm_differs",
            Self::KeyAmbiguous => "key_ambiguous",
            Self::SignatureInvalid => "signature_invalid",
            Self::ClaimMissing { .. } => "token_claim_missing",
            Self::ClaimMalformed { .. } => "token_claim_malformed",
            Self::IssuerDiffers { .. } => "issuer_differs",
            Self::SubjectDiffers { .. } => "token_subject_differs",
            Self::TenantNotAllowed { .. } => "tenant_not_allowed",
            Self::AudienceDiffers { .. } => "audience_differs",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::IssuedInFuture => "token_issued_in_future",
            Self::LivesTooLong => "token_lives_too_long",
            Self::OtherKind { .. } => "token_of_other_kind",
            Self::Inactive => "token_inactive",
            Self::ConfirmationUnsupported => "token_confirmation_unsupported",
        }
    }

    /// Who has to change something. Until the signature is checked everything is the caller's; what a correctly
    /// signed token lacks is the issuer's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotJson { part: Part::Claims, .. }
            | Self::NotBase64 { part: Part::Claims }
            | Self::KeyAlgorithmDiffers { .. }
            | Self::KeyAmbiguous
            | Self::ClaimMissing { .. }
            | Self::ClaimMalformed { .. }
            | Self::IssuedInFuture
            | Self::LivesTooLong
            | Self::ConfirmationUnsupported => Fault::Issuer,
            _ => Fault::Caller,
        }
    }

    /// Whether a newer key set of the issuer may change the answer.
    #[must_use]
    pub fn wants_newer_keys(&self) -> bool {
        matches!(self, Self::KeyUnknown { .. })
    }

    pub(crate) fn malformed(claim: &str) -> Self {
        Self::ClaimMalformed { claim: Excerpt::new(claim) }
    }
}
