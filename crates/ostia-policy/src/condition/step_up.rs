//! How and when the caller signed in: what signing in again may change.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ostia_identity::Identity;

use crate::asked::Asked;
use crate::truth::Truth;

/// The clock of an issuer may be this far ahead; a later sign-in has not happened.
const AHEAD: Duration = Duration::from_secs(60);

/// `acr`: one of these classes, as a whole string (OpenID Connect Core section 2).
pub(crate) fn acr(classes: &[String], asked: Asked<'_>) -> Truth {
    if asked.stepped_up {
        return Truth::Yes;
    }
    match asked.identity.claims.string("acr") {
        Some(acr) => classes.iter().any(|class| class == acr).into(),
        None => Truth::Unknown,
    }
}

/// `amr`: one of these methods is in the list (RFC 8176 section 1).
pub(crate) fn amr(methods: &[Box<str>], identity: &Identity) -> Truth {
    let Some(value) = identity.claims.get("amr") else { return Truth::Unknown };
    if value.strings().any(|one| methods.iter().any(|method| **method == *one)) {
        return Truth::Yes;
    }
    if value.is_textual() { Truth::No } else { Truth::Unknown }
}

/// `auth_time` (OpenID Connect Core section 2; RFC 9470 section 6.2 for access tokens) is no older than this.
pub(crate) fn max_age(most: Duration, asked: Asked<'_>) -> Truth {
    if asked.stepped_up {
        return Truth::Yes;
    }
    let Some(at) = signed_in_at(asked.identity) else { return Truth::Unknown };
    match asked.facts.now.duration_since(at) {
        Ok(age) => (age <= most).into(),
        Err(ahead) if ahead.duration() <= AHEAD => Truth::Yes,
        Err(_) => Truth::Unknown,
    }
}

/// When the caller signed in at the issuer, if the claims tell.
pub(crate) fn signed_in_at(identity: &Identity) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(identity.claims.get("auth_time")?.as_u64()?))
}
