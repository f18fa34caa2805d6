//! The access token that came together with an ID token, read for what it says about the same person.
//!
//! By the standards it is nobody's to read but the resource server's. Some issuers (Keycloak) put roles into it and
//! nowhere else, so an operator may ask for it. It came from the token endpoint, and proves nothing by itself: it has to
//! be of the same issuer, about the same subject, and well signed.

use std::time::SystemTime;

use crate::id_token::IdTokenProfile;
use crate::jws::token::Token;
use crate::key_set::KeySet;
use crate::refusal::{Excerpt, TokenRefused};
use crate::{Claims, validation};

/// Reads the claims of an access token beside the ID token of `subject`. Neither audience nor type is asked for: it is
/// meant for somebody else, and decides nothing here.
///
/// # Errors
/// Signature, issuer, times, or another subject.
pub fn accept_companion(
    token: &Token<'_>,
    keys: &KeySet,
    profile: &IdTokenProfile,
    subject: &str,
    now: SystemTime,
) -> Result<Claims, TokenRefused> {
    let mut claims = token.verify(keys, profile.algorithms)?.claims;
    profile.issuer.check(&claims)?;
    validation::times(&claims, now, profile.skew)?;
    if validation::subject(&claims)? != subject {
        return Err(TokenRefused::SubjectDiffers { found: Excerpt::new(validation::subject(&claims)?) });
    }
    claims.straighten_flags();
    Ok(claims)
}
