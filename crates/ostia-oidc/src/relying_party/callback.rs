//! The end of a login: the browser comes back with a code, or with an error (OpenID Connect Core section 3.1.2.5 on).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use openidconnect::{AuthorizationCode, PkceCodeVerifier, RedirectUrl};
use ostia_config::Secret;
use ostia_identity::{Claims, IdTokenRefused, LoginExpected, TokenRefused};

use super::answer::{AuthorizationAnswer, AuthorizationError};
use super::claims::{About, ClaimsRefused};
use super::exchange::{self, ExchangeRefused, Tokens};
use super::login::{LoginAttempt, max_age_of};
use super::proof_key::{KeptKey, ProofKey};
use crate::Fault;
use crate::provider::Provider;
use crate::provider::demand::KeyedRefused;
use crate::provider::login_side::LoginSide;

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// `iss`.
    pub issuer: Arc<str>,
    /// `sub`.
    pub subject: String,
    /// The claims of the ID token, with those of the sources that `claims_from` names, and `groups` gathered.
    pub claims: Claims,
    /// What was granted: `scope` of the token answer, or what was asked for when it says nothing (RFC 6749 section
    /// 5.1).
    pub scopes: Vec<String>,
    /// When the person authenticated at the issuer, if it says so.
    pub auth_time: Option<SystemTime>,
    /// The access token.
    pub access_token: Secret<String>,
    /// When the access token ends, if the issuer says so.
    pub access_expires_at: Option<SystemTime>,
    /// The refresh token, if there is one.
    pub refresh_token: Option<Secret<String>>,
    /// The ID token as it came, for `id_token_hint` at logout.
    pub id_token: Secret<String>,
    /// The key that the tokens are bound to; every later use of them needs it.
    pub proof_key: Option<KeptKey>,
}

/// Why a callback did not sign anybody in.
#[derive(Debug, thiserror::Error)]
pub enum CallbackRefused {
    /// Longer than 16 KiB.
    #[error("the callback's parameters are too long")]
    TooLong,
    /// A parameter of the protocol occurs twice (RFC 6749 section 3.1).
    #[error("the parameter {name} occurs twice")]
    Duplicate {
        /// Which.
        name: &'static str,
    },
    /// `state` is missing or not the one of this attempt: somebody else's login (RFC 6749 section 10.12).
    #[error("the state is not the one of this login")]
    StateDiffers,
    /// `iss` is missing although the issuer announces it, or names another issuer (RFC 9207 section 2.4).
    #[error("the answer is of another issuer")]
    IssuerDiffers,
    /// The issuer answered with an error.
    #[error("the issuer answered {error:?}")]
    Refused {
        /// Which.
        error: AuthorizationError,
        /// `error_description`, printable, at most 200 characters. It comes through the browser: escape it, believe
        /// nothing.
        description: Option<String>,
    },
    /// Neither `code` nor `error`.
    #[error("the answer has no code")]
    NoCode,
    /// Metadata or keys are not there. The code was not spent: answer 503 with `Retry-After`.
    #[error("the provider is not reachable")]
    Unavailable {
        /// What `Retry-After` says.
        retry_after: Duration,
    },
    /// The token endpoint.
    #[error("the code was not exchanged")]
    Exchange(#[from] ExchangeRefused),
    /// The token answer has no `id_token` (OpenID Connect Core section 3.1.3.3).
    #[error("the token answer has no ID token")]
    NoIdToken,
    /// The ID token.
    #[error("the ID token is refused")]
    IdToken(#[from] IdTokenRefused),
    /// What `claims_from` names.
    #[error("the claims could not be completed")]
    Claims(#[from] ClaimsRefused),
    /// The system gave no random bytes for the key that the tokens are bound to. The code was not spent.
    #[error("no key could be made")]
    NoKey,
}

impl CallbackRefused {
    /// The reason as a word for logs, metrics and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::TooLong => "callback_too_long",
            Self::Duplicate { .. } => "callback_parameter_twice",
            Self::StateDiffers => "state_differs",
            Self::IssuerDiffers => "callback_issuer_differs",
            Self::Refused { error, .. } => error.slug(),
            Self::NoCode => "code_missing",
            Self::Unavailable { .. } => "provider_unavailable",
            Self::Exchange(refused) => refused.slug(),
            Self::NoIdToken => "id_token_missing",
            Self::IdToken(refused) => refused.slug(),
            Self::Claims(refused) => refused.slug(),
            Self::NoKey => "no_randomness",
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::TooLong
            | Self::Duplicate { .. }
            | Self::StateDiffers
            | Self::IssuerDiffers
            | Self::NoCode => Fault::Caller,
            Self::Refused { error, .. } => error.fault(),
            Self::Unavailable { .. } | Self::NoIdToken => Fault::Issuer,
            Self::NoKey => Fault::Operator,
            Self::Exchange(refused) => refused.fault(),
            Self::IdToken(refused) => refused.fault().into(),
            Self::Claims(refused) => refused.fault(),
        }
    }

    /// The status of the page that tells it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused { error, .. } => error.status(),
            Self::IdToken(IdTokenRefused::Token(TokenRefused::TenantNotAllowed { .. })) => {
                StatusCode::FORBIDDEN
            }
            _ => match self.fault() {
                Fault::Caller => StatusCode::BAD_REQUEST,
                Fault::Operator => StatusCode::INTERNAL_SERVER_ERROR,
                Fault::Issuer => StatusCode::BAD_GATEWAY,
            },
        }
    }
}

impl Provider {
    /// Finishes a login: `query` is the query of the callback (or the body of a `form_post`) as it came, `attempt` what
    /// [`Provider::begin_login`] gave and the caller unsealed from the flow cookie.
    ///
    /// The code is spent only when everything needed to judge the answer is at hand. Not cancel safe in that a code
    /// that was sent is spent.
    ///
    /// # Errors
    /// See [`CallbackRefused`]; whatever it is, nobody is signed in.
    pub async fn finish_login(
        self: &Arc<Self>,
        query: &str,
        attempt: &LoginAttempt,
        now: SystemTime,
    ) -> Result<SignedIn, CallbackRefused> {
        let outcome = self.finish(query, attempt, now).await;
        self.record.login(outcome.is_ok());
        outcome
    }

    async fn finish(
        self: &Arc<Self>,
        query: &str,
        attempt: &LoginAttempt,
        now: SystemTime,
    ) -> Result<SignedIn, CallbackRefused> {
        let answer = AuthorizationAnswer::read(query)?;
        answer.check_state(&attempt.state)?;
        let unavailable = || CallbackRefused::Unavailable { retry_after: self.retry_after() };
        let published = self.metadata_soon().await.ok_or_else(unavailable)?;
        let metadata = &published.metadata;
        let login = metadata.login.as_ref().ok_or_else(unavailable)?;
        answer.check_issuer(&self.issuers, metadata.iss_parameter_required)?;
        let code = answer.code()?;
        self.keys_soon(now).await.ok_or_else(unavailable)?;

        let (key, proof_key) = self.key_to_bind_to()?;
        let tokens = self.exchange_code(login, code, attempt, key.as_ref(), now).await?;
        let text = tokens.id_token.clone().ok_or(CallbackRefused::NoIdToken)?;
        let access_token = Some(tokens.access_token.reveal().as_str());
        let max_age = self.settings.client.as_ref().and_then(max_age_of);
        let expected =
            LoginExpected { nonce: &attempt.nonce, access_token, max_age, ..LoginExpected::default() };
        let accepted = self.accept_login(text.reveal(), &login.id_tokens, &expected, now).await;
        let accepted = accepted.map_err(|refused| match refused {
            KeyedRefused::Unavailable => unavailable(),
            KeyedRefused::Token(refused) => refused.into(),
        })?;
        let mut claims = accepted.claims;
        let about = About {
            published: &published,
            access_token: &tokens.access_token,
            key: key.as_ref(),
            subject: &accepted.subject,
            before: None,
        };
        self.complete(about, &mut claims, now).await?;
        Ok(SignedIn {
            issuer: Arc::clone(&self.issuer),
            subject: accepted.subject,
            claims,
            scopes: tokens.scopes.unwrap_or_else(|| self.asked_scopes()),
            auth_time: accepted.auth_time,
            access_token: tokens.access_token,
            access_expires_at: tokens.access_expires_at,
            refresh_token: tokens.refresh_token,
            id_token: text,
            proof_key,
        })
    }

    /// A new key, and as what it is kept, where tokens are to be bound to one.
    fn key_to_bind_to(&self) -> Result<(Option<ProofKey>, Option<KeptKey>), CallbackRefused> {
        if !self.settings.client.as_ref().is_some_and(|client| client.ways.dpop) {
            return Ok((None, None));
        }
        let key = ProofKey::new().ok_or(CallbackRefused::NoKey)?;
        let kept = key.kept().ok_or(CallbackRefused::NoKey)?;
        Ok((Some(key), Some(kept)))
    }

    async fn exchange_code(
        &self,
        login: &LoginSide,
        code: &str,
        attempt: &LoginAttempt,
        key: Option<&ProofKey>,
        now: SystemTime,
    ) -> Result<Tokens, ExchangeRefused> {
        let redirect =
            RedirectUrl::new(attempt.redirect_uri.clone()).map_err(|_| ExchangeRefused::Malformed)?;
        let mut answers = exchange::Answers::new(&login.clients);
        for (place, client) in login.clients.in_order() {
            let Some(call) = self.token_call(place, key, now) else { continue };
            let asked = client
                .exchange_code(AuthorizationCode::new(code.to_owned()))
                .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.reveal().clone()))
                .set_redirect_uri(Cow::Borrowed(&redirect))
                .request_async(&call)
                .await;
            if answers.take(place, exchange::tokens(asked, key.is_some(), now)) {
                break;
            }
        }
        answers.last()
    }

    fn asked_scopes(&self) -> Vec<String> {
        self.settings.client.as_ref().map(|client| client.scopes.clone()).unwrap_or_default()
    }
}
