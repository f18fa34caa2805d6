//! Logout tokens: the issuer tells that a session, or everything of a person, is over (OpenID Connect Back-Channel
//! Logout 1.0 section 2.6).

use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::id_token::IdTokenProfile;
use crate::json::JsonValue;
use crate::jws::token::Token;
use crate::key_set::KeySet;
use crate::refusal::{Fault, TokenRefused};
use crate::{Claims, validation};

/// The member of `events` that makes a logout token (section 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How old a logout token may be, beside the skew. The standard recommends an `exp` of two minutes.
const MAX_AGE: Duration = Duration::from_secs(120);
/// The longest `jti`, `sid` or `sub` that is looked at, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// What an accepted logout token says. At least one of `subject` and `session` is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// `sub`: without a `sid` everything of this person ends.
    pub subject: Option<String>,
    /// `sid`: this one session at the issuer ends.
    pub session: Option<String>,
    /// `jti`: the same token is accepted once.
    pub id: String,
    /// `iat`.
    pub issued_at: SystemTime,
    /// From then on the token is refused anyway, so that its `jti` may be forgotten.
    pub worthless_at: SystemTime,
}

/// Why a logout token was refused. Nobody is signed out by it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LogoutTokenRefused {
    /// A rule that all tokens share.
    #[error(transparent)]
    Token(#[from] TokenRefused),
    /// `events` is missing, or is not about a logout.
    #[error("the token tells of no logout")]
    NoLogoutEvent,
    /// `nonce` is there: an ID token in the place of a logout token.
    #[error("the token has a nonce, so it is an ID token")]
    NoncePresent,
    /// Neither `sub` nor `sid`.
    #[error("the token names neither a subject nor a session")]
    NobodyNamed,
    /// Older than two minutes.
    #[error("the token is older than two minutes")]
    TooOld,
}

impl LogoutTokenRefused {
    /// The reason as metrics and logs know it.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Token(refused) => refused.slug(),
            Self::NoLogoutEvent => "logout_event_missing",
            Self::NoncePresent => "logout_token_with_nonce",
            Self::NobodyNamed => "logout_of_nobody",
            Self::TooOld => "logout_token_too_old",
        }
    }

    /// Who has to change something.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Token(refused) => refused.fault(),
            Self::NoncePresent | Self::TooOld => Fault::Caller,
            Self::NoLogoutEvent | Self::NobodyNamed => Fault::Issuer,
        }
    }
}

/// Judges a logout token: type, signature, then the rules of section 2.6. Whether it came before is for the caller to
/// say, by [`LogoutToken::id`].
///
/// `exp` may be absent, which providers of before 2022 do; the token's age is bounded all the same.
///
/// # Errors
/// The first rule that does not hold.
pub fn accept_logout_token(
    token: &Token<'_>,
    keys: &KeySet,
    profile: &IdTokenProfile,
    now: SystemTime,
) -> Result<LogoutToken, LogoutTokenRefused> {
    token.require_type(["logout+jwt", "application/logout+jwt", "JWT"].into_iter())?;
    judge(&token.verify(keys, profile.algorithms)?.claims, profile, now)
}

/// The rules for claims whose signature was right.
pub(crate) fn judge(
    claims: &Claims,
    profile: &IdTokenProfile,
    now: SystemTime,
) -> Result<LogoutToken, LogoutTokenRefused> {
    profile.issuer.check(claims)?;
    validation::audience(claims, std::slice::from_ref(&profile.client_id))?;
    let issued_at = issued_at(claims, profile.skew, now)?;
    let event = claims.get("events").and_then(|events| events.member(LOGOUT_EVENT));
    if event.and_then(JsonValue::members).is_none() {
        return Err(LogoutTokenRefused::NoLogoutEvent);
    }
    if claims.get("nonce").is_some() {
        return Err(LogoutTokenRefused::NoncePresent);
    }
    let subject = claims.get("sub").map(|_| validation::subject(claims)).transpose()?.map(str::to_owned);
    let session = name(claims, "sid")?;
    if subject.is_none() && session.is_none() {
        return Err(LogoutTokenRefused::NobodyNamed);
    }
    let id = name(claims, "jti")?.ok_or(TokenRefused::ClaimMissing { claim: "jti" })?;
    Ok(LogoutToken { subject, session, id, issued_at, worthless_at: issued_at + MAX_AGE + profile.skew })
}

/// `iat` is there and not too long ago; `exp`, where it is there, is not over.
fn issued_at(claims: &Claims, skew: Duration, now: SystemTime) -> Result<SystemTime, LogoutTokenRefused> {
    let issued_at = match validation::date(claims, "exp")? {
        Some(_) => validation::times(claims, now, skew)?.issued_at,
        None => validation::required_date(claims, "iat")?,
    };
    if issued_at > now + skew {
        return Err(TokenRefused::IssuedInFuture.into());
    }
    if now > issued_at + MAX_AGE + skew {
        return Err(LogoutTokenRefused::TooOld);
    }
    Ok(issued_at)
}

fn name(claims: &Claims, claim: &'static str) -> Result<Option<String>, TokenRefused> {
    match validation::string(claims, claim)? {
        Some(text) if text.is_empty() || text.len() > MAX_NAME_BYTES => Err(TokenRefused::malformed(claim)),
        text => Ok(text.map(str::to_owned)),
    }
}
