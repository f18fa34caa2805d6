//! New tokens for a session that goes on (RFC 6749 section 6, OpenID Connect Core section 12).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openidconnect::RefreshToken;
use ostia_config::Secret;
use ostia_identity::{Claims, IdTokenRefused, LoginContinued};

use super::claims::{About, ClaimsRefused};
use super::exchange::{self, ExchangeRefused, TokenError, Tokens};
use super::proof_key::{KeptKey, ProofKey};
use crate::Fault;
use crate::provider::Provider;
use crate::provider::demand::KeyedRefused;
use crate::provider::http::HttpRefused;
use crate::provider::login_side::LoginSide;
use crate::provider::record::RefreshEnd;

/// The session that is refreshed.
#[derive(Clone, Copy, Debug)]
pub struct RefreshRequest<'a> {
    /// The refresh token; it may be spent by the call.
    pub refresh_token: &'a Secret<String>,
    /// `sub` of the session; a refreshed ID token must be about the same.
    pub subject: &'a str,
    /// `auth_time` of the session, if known; it must not change.
    pub auth_time: Option<SystemTime>,
    /// The claims of the session: what the sources of `claims_from` say anew is put over them when no ID token comes.
    pub claims: &'a Claims,
    /// The key that the session's tokens are bound to, if they are.
    pub proof_key: Option<&'a KeptKey>,
}

/// New tokens for the same session.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// The new access token.
    pub access_token: Secret<String>,
    /// When it ends, if the issuer says so.
    pub access_expires_at: Option<SystemTime>,
    /// The refresh token from now on: the new one, or the old one when none came (RFC 6749 section 6).
    pub refresh_token: Secret<String>,
    /// The new ID token, if one came; many issuers send none.
    pub id_token: Option<Secret<String>>,
    /// The claims from now on, when they could be learned; else those of the session stay.
    pub claims: Option<Claims>,
    /// `scope` of the answer; `None`: as before.
    pub scopes: Option<Vec<String>>,
    /// `auth_time` of the new ID token.
    pub auth_time: Option<SystemTime>,
}

/// Why there are no new tokens. Cheap to clone: one result is shared by all who wait for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RefreshRefused {
    /// The session is over.
    #[error("the session ended at the provider")]
    Ended(#[source] RefreshEnded),
    /// Nothing is known about the session; keep it until its own end, and try again later.
    #[error("the session could not be refreshed")]
    Transient(#[source] RefreshPostponed),
}

/// What ends a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshEnded {
    /// `invalid_grant`: the refresh token is expired, revoked or spent, or the session at the provider is over.
    #[error("the refresh token is not valid any more")]
    InvalidGrant,
    /// The refreshed ID token is not what it must be: another person, another issuer, a wrong signature.
    #[error("the refreshed ID token is refused")]
    IdToken(#[from] IdTokenRefused),
    /// A source of claims speaks of another person; its reason.
    #[error("a source of claims is about another subject")]
    ClaimsOfAnother(&'static str),
}

/// What postpones a refresh.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RefreshPostponed {
    /// Metadata or keys are not there; the refresh token was not spent.
    #[error("the provider is not reachable")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The token endpoint gave no tokens for a reason that says nothing about the session: unreachable, 5xx,
    /// `invalid_client` after a mistake with the secret, an answer that cannot be read.
    #[error("the token endpoint gave no tokens")]
    Exchange(#[source] Arc<ExchangeRefused>),
}

impl RefreshRefused {
    /// The reason as a word for logs and metrics.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Ended(RefreshEnded::InvalidGrant) => "invalid_grant",
            Self::Ended(RefreshEnded::IdToken(refused)) => refused.slug(),
            Self::Ended(RefreshEnded::ClaimsOfAnother(reason)) => reason,
            Self::Transient(RefreshPostponed::Unavailable { .. }) => "provider_unavailable",
            Self::Transient(RefreshPostponed::Exchange(refused)) => refused.slug(),
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Ended(RefreshEnded::InvalidGrant) => Fault::Caller,
            Self::Ended(_) | Self::Transient(RefreshPostponed::Unavailable { .. }) => Fault::Issuer,
            Self::Transient(RefreshPostponed::Exchange(refused)) => refused.fault(),
        }
    }

    /// Whether the request went out and no answer came that says what became of it: perhaps the token is spent.
    #[must_use]
    pub fn may_have_spent_the_token(&self) -> bool {
        match self {
            Self::Ended(_) => true,
            Self::Transient(RefreshPostponed::Unavailable { .. }) => false,
            Self::Transient(RefreshPostponed::Exchange(refused)) => match &**refused {
                ExchangeRefused::Http(cause) => {
                    matches!(cause, HttpRefused::Timeout | HttpRefused::Broken(_) | HttpRefused::BodyTooLarge)
                }
                ExchangeRefused::Refused(_) => false,
                ExchangeRefused::Malformed | ExchangeRefused::TokenType | ExchangeRefused::NotBound => true,
            },
        }
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Ended(_))
    }

    fn ended(why: impl Into<RefreshEnded>) -> Self {
        Self::Ended(why.into())
    }
}

impl From<ExchangeRefused> for RefreshRefused {
    fn from(refused: ExchangeRefused) -> Self {
        match refused {
            ExchangeRefused::Refused(TokenError::InvalidGrant) => Self::Ended(RefreshEnded::InvalidGrant),
            other => Self::Transient(RefreshPostponed::Exchange(Arc::new(other))),
        }
    }
}

impl Provider {
    /// Spends a refresh token. Call it through [`crate::RefreshFlights`], so that one session never does so twice.
    ///
    /// Not cancel safe: a call that is dropped may have spent the token.
    ///
    /// # Errors
    /// See [`RefreshRefused`]: only what the issuer says about this very session ends it.
    pub async fn refresh(
        self: &Arc<Self>,
        request: RefreshRequest<'_>,
        now: SystemTime,
    ) -> Result<Refreshed, RefreshRefused> {
        let outcome = self.refresh_unrecorded(request, now).await;
        self.record.refresh(match &outcome {
            Ok(_) => RefreshEnd::Done,
            Err(refused) if refused.is_end() => RefreshEnd::Ended,
            Err(_) => RefreshEnd::Transient,
        });
        outcome
    }

    async fn refresh_unrecorded(
        self: &Arc<Self>,
        request: RefreshRequest<'_>,
        now: SystemTime,
    ) -> Result<Refreshed, RefreshRefused> {
        let unavailable =
            || RefreshRefused::Transient(RefreshPostponed::Unavailable { retry_after: self.retry_after() });
        // The token is not spent before there are keys to judge the answer with.
        let published = self.metadata_soon().await.ok_or_else(unavailable)?;
        let login = published.metadata.login.as_ref().ok_or_else(unavailable)?;
        self.keys_soon(now).await.ok_or_else(unavailable)?;

        let old = RefreshToken::new(request.refresh_token.reveal().clone());
        let key = request.proof_key.and_then(ProofKey::from_kept);
        let mut answers = exchange::Answers::new(&login.clients);
        for (place, client) in login.clients.in_order() {
            let Some(call) = self.token_call(place, key.as_ref(), now) else { continue };
            let asked = client.exchange_refresh_token(&old).request_async(&call).await;
            if answers.take(place, exchange::tokens(asked, key.is_some(), now)) {
                break;
            }
        }
        let tokens = answers.last()?;
        let about = About {
            published: &published,
            access_token: &tokens.access_token,
            key: key.as_ref(),
            subject: request.subject,
            before: None,
        };
        let (claims, auth_time) = self.refreshed_claims(about, login, &tokens, request, now).await?;
        Ok(Refreshed {
            access_token: tokens.access_token,
            access_expires_at: tokens.access_expires_at,
            refresh_token: tokens.refresh_token.unwrap_or_else(|| request.refresh_token.clone()),
            id_token: tokens.id_token,
            claims,
            scopes: tokens.scopes,
            auth_time,
        })
    }

    /// What the new ID token says, with what `claims_from` adds. The refresh token may be spent by now, so what is
    /// merely missing (an ID token, an answer of a source) leaves the claims as they are; what is wrong ends the
    /// session.
    async fn refreshed_claims(
        self: &Arc<Self>,
        about: About<'_>,
        login: &LoginSide,
        tokens: &Tokens,
        request: RefreshRequest<'_>,
        now: SystemTime,
    ) -> Result<(Option<Claims>, Option<SystemTime>), RefreshRefused> {
        let Some(text) = &tokens.id_token else {
            let renewed = self.renew(about, request.claims, now).await;
            return Ok((self.or_as_before(renewed)?.flatten(), None));
        };
        let access_token = Some(tokens.access_token.reveal().as_str());
        let continued =
            LoginContinued { subject: request.subject, auth_time: request.auth_time, access_token };
        let accepted = self.accept_refreshed(text.reveal(), &login.id_tokens, &continued, now).await;
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(KeyedRefused::Token(refused)) => return Err(RefreshRefused::ended(refused)),
            // The keys grew too old within this call.
            Err(KeyedRefused::Unavailable) => return Ok((None, None)),
        };
        let mut claims = accepted.claims;
        let completed = self.complete(about, &mut claims, now).await;
        Ok((self.or_as_before(completed)?.map(|()| claims), accepted.auth_time))
    }

    /// What a source that failed leaves open stays as it was; one that speaks of another person ends the session.
    fn or_as_before<T>(&self, completed: Result<T, ClaimsRefused>) -> Result<Option<T>, RefreshRefused> {
        match completed {
            Ok(done) => Ok(Some(done)),
            Err(refused) if refused.is_about_another() => {
                Err(RefreshRefused::Ended(RefreshEnded::ClaimsOfAnother(refused.slug())))
            }
            Err(refused) => {
                let (provider, reason) = (&self.settings.name, refused.slug());
                tracing::warn!(%provider, reason, "the claims of a session could not be refreshed and stay as they were");
                Ok(None)
            }
        }
    }
}
