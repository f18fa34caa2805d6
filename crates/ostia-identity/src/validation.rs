//! The claims that every kind of token is judged by: issuer, audience, subject, times (RFC 7519 section 4.1).

use std::time::{Duration, SystemTime};

use crate::Claims;
use crate::refusal::{Excerpt, TokenRefused};

/// The end of the year 9999; a date behind it is an error or an attack on somebody's arithmetic.
const LAST_DATE: u64 = 253_402_300_799;

/// When a token begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) issued_at: SystemTime,
    pub(crate) expires_at: SystemTime,
}

/// `aud`: a string, or a list of strings that is not empty.
pub(crate) fn audiences(claims: &Claims) -> Result<impl Iterator<Item = &str> + Clone, TokenRefused> {
    audiences_in(claims, "aud")
}

fn audiences_in<'c>(
    claims: &'c Claims,
    claim: &str,
) -> Result<impl Iterator<Item = &'c str> + Clone + use<'c>, TokenRefused> {
    let value = claims.get(claim).ok_or(TokenRefused::ClaimMissing { claim: "aud" })?;
    let names = value.strings();
    if !value.is_textual() || names.clone().next().is_none() {
        return Err(TokenRefused::malformed(claim));
    }
    Ok(names)
}

/// One of the token's audiences is one of ours.
pub(crate) fn audience(claims: &Claims, ours: &[String]) -> Result<(), TokenRefused> {
    audience_in(claims, "aud", ours)
}

/// The same where another claim holds the audience.
pub(crate) fn audience_in(claims: &Claims, claim: &str, ours: &[String]) -> Result<(), TokenRefused> {
    let mut theirs = audiences_in(claims, claim)?;
    let first = theirs.clone().next().unwrap_or_default();
    if theirs.any(|one| ours.iter().any(|our| our == one)) {
        return Ok(());
    }
    Err(TokenRefused::AudienceDiffers { found: Excerpt::new(first) })
}

/// `sub`: 1 to 255 bytes without control characters. ASCII is asked of ID tokens alone (OpenID Connect Core section 2).
pub(crate) fn subject(claims: &Claims) -> Result<&str, TokenRefused> {
    let subject = required_string(claims, "sub")?;
    if is_name(subject) { Ok(subject) } else { Err(TokenRefused::malformed("sub")) }
}

/// What may name somebody: 1 to 255 bytes without control characters.
pub(crate) fn is_name(text: &str) -> bool {
    let has_control = || match text.is_ascii() {
        // All of it is looked at, whatever comes: that is several bytes in a step.
        true => text.bytes().fold(false, |found, byte| found | byte.is_ascii_control()),
        false => text.chars().any(char::is_control),
    };
    !text.is_empty() && text.len() <= 255 && !has_control()
}

/// `exp` and `iat` are there, `nbf` may be; `skew` is granted on every side.
pub(crate) fn times(claims: &Claims, now: SystemTime, skew: Duration) -> Result<Times, TokenRefused> {
    let expires_at = required_date(claims, "exp")?;
    let issued_at = required_date(claims, "iat")?;
    let not_before = date(claims, "nbf")?;
    let latest = now + skew;
    if now >= expires_at + skew {
        return Err(TokenRefused::Expired);
    }
    if not_before.is_some_and(|not_before| not_before > latest) {
        return Err(TokenRefused::NotYetValid);
    }
    if issued_at > latest {
        return Err(TokenRefused::IssuedInFuture);
    }
    Ok(Times { issued_at, expires_at })
}

/// A NumericDate (RFC 7519 section 2): a number of seconds since 1970, fractions allowed, from 0 to the year 9999. A
/// value of another type is malformed, never absent.
pub(crate) fn date(claims: &Claims, claim: &'static str) -> Result<Option<SystemTime>, TokenRefused> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let since_1970 = match value.as_u64() {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    };
    since_1970
        .filter(|since| since.as_secs() <= LAST_DATE)
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
        .map(Some)
        .ok_or_else(|| TokenRefused::malformed(claim))
}

pub(crate) fn required_date(claims: &Claims, claim: &'static str) -> Result<SystemTime, TokenRefused> {
    date(claims, claim)?.ok_or(TokenRefused::ClaimMissing { claim })
}

pub(crate) fn required_string<'c>(claims: &'c Claims, claim: &'static str) -> Result<&'c str, TokenRefused> {
    string(claims, claim)?.ok_or(TokenRefused::ClaimMissing { claim })
}

/// A string, or nothing; any other type is malformed.
pub(crate) fn string<'c>(claims: &'c Claims, claim: &str) -> Result<Option<&'c str>, TokenRefused> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| TokenRefused::malformed(claim)),
    }
}
