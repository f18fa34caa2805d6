//! Bearer tokens: may this token speak for its subject here (RFC 6750, RFC 9068)?

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use ostia_config::Provider as Settings;
use ostia_identity::{
    AccessTokenProfile, AlgorithmSet, DEFAULT_MAX_LIFETIME, Token, TokenRefused, UnknownAlgorithm,
    VerifiedToken, accept_access_token,
};

use crate::Fault;
use crate::provider::Provider;
use crate::provider::demand::KeyedRefused;
use crate::provider::metadata::group_rules;
use crate::resource_server::challenge::{Challenge, Complaint};

/// Why a bearer token does not open anything.
#[derive(Debug, thiserror::Error)]
pub enum BearerRefused {
    /// The provider has no `audience`: none of its tokens is accepted.
    #[error("bearer tokens of this provider are not accepted")]
    NotAccepted,
    /// The token itself.
    #[error("the token is refused")]
    Token(#[from] TokenRefused),
    /// Not even the characters of a token (RFC 6750 section 2.1).
    #[error("this is no token")]
    NotAToken,
    /// The issuer was to be asked about an opaque token and did not answer: 503 with `Retry-After`.
    #[error("the issuer does not say what the token is worth")]
    IntrospectionUnavailable {
        /// The reason as a word.
        reason: &'static str,
        /// What `Retry-After` says.
        retry_after: Duration,
    },
    /// The issuer's keys were never loaded, so nobody can tell: 503 with `Retry-After`, never 401, on which clients
    /// throw their tokens away.
    #[error("the keys of the issuer are not available")]
    KeysUnavailable {
        /// What `Retry-After` says.
        retry_after: Duration,
    },
}

impl BearerRefused {
    /// The reason as a word for logs, metrics and answers.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NotAccepted => "bearer_not_accepted",
            Self::Token(refused) => refused.slug(),
            Self::NotAToken => "token_malformed",
            Self::IntrospectionUnavailable { reason, .. } => reason,
            Self::KeysUnavailable { .. } => "keys_unavailable",
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotAccepted | Self::NotAToken => Fault::Caller,
            Self::Token(refused) => refused.fault().into(),
            Self::IntrospectionUnavailable {
                reason: "introspection_client_refused" | "introspection_endpoint_missing",
                ..
            } => Fault::Operator,
            Self::KeysUnavailable { .. } | Self::IntrospectionUnavailable { .. } => Fault::Issuer,
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotAccepted | Self::NotAToken | Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::KeysUnavailable { .. } | Self::IntrospectionUnavailable { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// What the answer says in `WWW-Authenticate`; `None` with a 503.
    #[must_use]
    pub fn challenge(&self, realm: &str) -> Option<Challenge> {
        match self {
            Self::NotAccepted => Some(
                Challenge::new(realm)
                    .because(Complaint::InvalidToken, "tokens of this issuer are not accepted"),
            ),
            Self::Token(refused) => {
                Some(Challenge::new(realm).because(Complaint::InvalidToken, &refused.to_string()))
            }
            Self::NotAToken => {
                Some(Challenge::new(realm).because(Complaint::InvalidToken, "this is no token"))
            }
            Self::KeysUnavailable { .. } | Self::IntrospectionUnavailable { .. } => None,
        }
    }
}

impl Provider {
    /// Whether this provider accepts bearer tokens at all.
    #[must_use]
    pub fn accepts_bearers(&self) -> bool {
        self.access_tokens.is_some()
    }

    /// Judges a bearer token. No verdict is kept here: the caller caches the result under a digest of the whole token,
    /// until `not_after` and as long as `key.is_live()`.
    ///
    /// Without lock and without waiting, unless the token names a key that is not known: then a fetch of the key set
    /// under way is joined, or started if none was in the last 10 s, and waited for at most 1.5 s.
    ///
    /// # Errors
    /// See [`BearerRefused`].
    pub async fn verify_bearer(
        self: &Arc<Self>,
        text: &str,
        now: SystemTime,
    ) -> Result<VerifiedToken, BearerRefused> {
        let verdict = self.judge(text, now).await;
        self.record.bearer(verdict.is_ok());
        verdict
    }

    async fn judge(self: &Arc<Self>, text: &str, now: SystemTime) -> Result<VerifiedToken, BearerRefused> {
        let profile = self.access_tokens.as_ref().ok_or(BearerRefused::NotAccepted)?;
        if let Some(introspection) = &self.settings.introspection
            && (self.settings.audiences.is_empty() || !is_jwt(text))
        {
            return self.judge_opaque(text, introspection, profile, now).await;
        }
        let token = Token::parse(text)?;
        let verdict =
            self.with_keys(token.kid(), now, |keys| accept_access_token(&token, keys, profile, now)).await;
        verdict.map_err(|refused| match refused {
            KeyedRefused::Unavailable => BearerRefused::KeysUnavailable { retry_after: self.retry_after() },
            KeyedRefused::Token(refused) => BearerRefused::Token(refused),
        })
    }
}

/// Whether a text has the form of a JWT. Its first part is the text of a JSON object, which begins with `{"` in
/// base64url; the dots of another kind of token are not enough.
#[must_use]
pub fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() >= 2
}

/// The rules for access tokens of a section; `None` when it names neither audience nor introspection. An opaque token
/// that names an audience must name one of these; without any, it must be the client that asks.
pub(crate) fn profile(settings: &Settings) -> Result<Option<AccessTokenProfile>, UnknownAlgorithm> {
    let asking = settings.introspection.as_ref().map(|introspection| introspection.client_id.clone());
    let audiences = match asking {
        _ if !settings.audiences.is_empty() => settings.audiences.clone(),
        Some(client_id) => vec![client_id],
        None => return Ok(None),
    };
    Ok(Some(AccessTokenProfile {
        provider: settings.name.as_str().into(),
        issuer: crate::provider::issuer_rules(settings),
        audiences,
        audience_claims: settings.audience_claims.clone(),
        login_client: settings.client.as_ref().map(|client| client.client_id.clone()),
        types: settings.access_token_types.clone(),
        algorithms: AlgorithmSet::from_names(settings.signing_algorithms.iter().map(String::as_str))?,
        scope_claims: settings.scope_claims.clone(),
        client_id_claims: settings.client_id_claims.clone(),
        groups: group_rules(settings),
        skew: settings.clock_skew,
        max_lifetime: DEFAULT_MAX_LIFETIME,
    }))
}
