//! ID tokens: did this person sign in at the provider, now, for us (OpenID Connect Core section 3.1.3.7)?

use std::time::{Duration, SystemTime};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use thiserror::Error;

use crate::jws::algorithm::{Algorithm, AlgorithmSet};
use crate::jws::token::{Token, Verified};
use crate::key_set::KeySet;
use crate::refusal::{Excerpt, Fault, TokenRefused};
use crate::{Claims, IssuerRules, jws, validation};

/// The rules of one provider for its ID tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct IdTokenProfile {
    /// What `iss` may be.
    pub issuer: IssuerRules,
    /// Our `client_id`; must be in `aud`.
    pub client_id: String,
    /// Others that may stand beside us in `aud`. Default: nobody.
    pub trusted_audiences: Vec<String>,
    /// Accepted signature algorithms.
    pub algorithms: AlgorithmSet,
    /// Granted to both clocks.
    pub skew: Duration,
}

/// What the login that ends now asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoginExpected<'a> {
    /// The nonce of the authorization request. There is always one.
    pub nonce: &'a str,
    /// The access token that came along; `at_hash`, when present, must be of this one.
    pub access_token: Option<&'a str>,
    /// `max_age` of the authorization request: `auth_time` is then required.
    pub max_age: Option<Duration>,
    /// `acr` must be one of these; empty asks for nothing.
    pub acr_values: &'a [String],
}

/// The login that a refreshed ID token must continue (OpenID Connect Core section 12.2).
#[derive(Clone, Copy, Debug)]
pub struct LoginContinued<'a> {
    /// `sub` of the session.
    pub subject: &'a str,
    /// `auth_time` of the session, if it was told.
    pub auth_time: Option<SystemTime>,
    /// The access token that came along.
    pub access_token: Option<&'a str>,
}

/// What an accepted ID token says.
#[derive(Clone, Debug, PartialEq)]
pub struct IdToken {
    /// `sub`, unique only together with the issuer.
    pub subject: String,
    /// All claims as they are; [`crate::GroupRules`] gathers the groups.
    pub claims: Claims,
    /// `iat`.
    pub issued_at: SystemTime,
    /// `exp`; says how long the token may be accepted, not how long the login lasts.
    pub expires_at: SystemTime,
    /// `auth_time`.
    pub auth_time: Option<SystemTime>,
}

/// Why an ID token was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdTokenRefused {
    /// A rule that all tokens share.
    #[error(transparent)]
    Token(#[from] TokenRefused),
    /// `aud` names somebody whom nobody trusts, beside us.
    #[error("the audience has {found} beside us")]
    AudienceUntrusted {
        /// Who.
        found: Excerpt,
    },
    /// `azp` is not us, or is missing although `aud` has several entries.
    #[error("the authorized party is not us")]
    AuthorizedPartyDiffers,
    /// `nonce` is missing, or of another login.
    #[error("the nonce is not the one of this login")]
    NonceDiffers,
    /// `at_hash` is not of the access token that came along.
    #[error("the access token is not the one of the ID token")]
    AccessTokenDiffers,
    /// The authentication is older than was asked for.
    #[error("the authentication is older than was asked for")]
    AuthenticationTooOld,
    /// `acr` is not what was asked for.
    #[error("the authentication context is not what was asked for")]
    ContextDiffers,
    /// A refresh brought another person.
    #[error("the refreshed token is for another subject")]
    SubjectChanged,
    /// A refresh brought another authentication.
    #[error("the refreshed token is of another authentication")]
    AuthenticationChanged,
}

impl IdTokenRefused {
    /// The reason as metrics, logs and pages know it.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Token(refused) => refused.slug(),
            Self::AudienceUntrusted { .. } => "audience_untrusted",
            Self::AuthorizedPartyDiffers => "authorized_party_differs",
            Self::NonceDiffers => "nonce_differs",
            Self::AccessTokenDiffers => "access_token_differs",
            Self::AuthenticationTooOld => "authentication_too_old",
            Self::ContextDiffers => "authentication_context_differs",
            Self::SubjectChanged => "subject_changed",
            Self::AuthenticationChanged => "authentication_changed",
        }
    }

    /// Who has to change something. An ID token comes from the issuer itself, so nearly everything is the issuer's;
    /// a nonce of another login and an account of a foreign tenant are the caller's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NonceDiffers | Self::Token(TokenRefused::TenantNotAllowed { .. }) => Fault::Caller,
            _ => Fault::Issuer,
        }
    }
}

/// On which occasion an ID token came: each asks for rules of its own beside the shared ones.
#[derive(Clone, Copy, Debug)]
pub enum Occasion<'a> {
    /// A login ends (OpenID Connect Core section 3.1.3.7).
    Login(LoginExpected<'a>),
    /// A session is refreshed (section 12.2). A nonce is not asked for.
    Refresh(LoginContinued<'a>),
}

impl Occasion<'_> {
    fn access_token(&self) -> Option<&str> {
        match self {
            Self::Login(expected) => expected.access_token,
            Self::Refresh(continued) => continued.access_token,
        }
    }
}

/// Judges an ID token: type, signature, the rules that all share, then those of the occasion.
///
/// # Errors
/// The first rule that does not hold. A session whose refresh brought such a token must end.
pub fn accept_id_token(
    token: &Token<'_>,
    keys: &KeySet,
    profile: &IdTokenProfile,
    occasion: &Occasion<'_>,
    now: SystemTime,
) -> Result<IdToken, IdTokenRefused> {
    token.require_type(std::iter::once("JWT"))?;
    let verified = token.verify(keys, profile.algorithms)?;
    let accepted = check_shared(verified, profile, occasion.access_token(), now)?;
    match occasion {
        Occasion::Login(expected) => check_login(&accepted, profile, expected, now)?,
        Occasion::Refresh(continued) => check_refresh(&accepted, continued)?,
    }
    Ok(accepted)
}

fn check_login(
    accepted: &IdToken,
    profile: &IdTokenProfile,
    expected: &LoginExpected<'_>,
    now: SystemTime,
) -> Result<(), IdTokenRefused> {
    nonce(&accepted.claims, expected.nonce)?;
    if let Some(max_age) = expected.max_age {
        let auth_time = accepted.auth_time.ok_or(TokenRefused::ClaimMissing { claim: "auth_time" })?;
        if now > auth_time + max_age + profile.skew {
            return Err(IdTokenRefused::AuthenticationTooOld);
        }
    }
    let acr = validation::string(&accepted.claims, "acr")?;
    if !expected.acr_values.is_empty() && !expected.acr_values.iter().any(|asked| acr == Some(asked)) {
        return Err(IdTokenRefused::ContextDiffers);
    }
    Ok(())
}

fn check_refresh(accepted: &IdToken, continued: &LoginContinued<'_>) -> Result<(), IdTokenRefused> {
    if accepted.subject != continued.subject {
        return Err(IdTokenRefused::SubjectChanged);
    }
    // Whole seconds: a session may have kept no fraction.
    let seconds =
        |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).ok();
    match (continued.auth_time, accepted.auth_time) {
        (Some(first), Some(again)) if seconds(first) != seconds(again) => {
            Err(IdTokenRefused::AuthenticationChanged)
        }
        _ => Ok(()),
    }
}

fn check_shared(
    Verified { mut claims, algorithm, .. }: Verified,
    profile: &IdTokenProfile,
    access_token: Option<&str>,
    now: SystemTime,
) -> Result<IdToken, IdTokenRefused> {
    profile.issuer.check(&claims)?;
    if claims.get("events").is_some() {
        return Err(TokenRefused::OtherKind { evidence: "events" }.into());
    }
    audience(&claims, profile)?;
    let times = validation::times(&claims, now, profile.skew)?;
    let subject = validation::subject(&claims)?.to_owned();
    if !subject.is_ascii() {
        return Err(TokenRefused::malformed("sub").into());
    }
    let auth_time = validation::date(&claims, "auth_time")?;
    access_token_hash(&claims, algorithm, access_token)?;
    claims.straighten_flags();
    Ok(IdToken { subject, claims, issued_at: times.issued_at, expires_at: times.expires_at, auth_time })
}

/// We are in `aud`, nobody untrusted is, and `azp` is us (rules 3 to 5).
fn audience(claims: &Claims, profile: &IdTokenProfile) -> Result<(), IdTokenRefused> {
    validation::audience(claims, std::slice::from_ref(&profile.client_id))?;
    let mut audiences = validation::audiences(claims)?;
    let is_trusted = |one: &str| {
        one == profile.client_id || profile.trusted_audiences.iter().any(|trusted| trusted == one)
    };
    if let Some(other) = audiences.clone().find(|one| !is_trusted(one)) {
        return Err(IdTokenRefused::AudienceUntrusted { found: Excerpt::new(other) });
    }
    match validation::string(claims, "azp")? {
        Some(party) if party == profile.client_id => Ok(()),
        None if audiences.nth(1).is_none() => Ok(()),
        _ => Err(IdTokenRefused::AuthorizedPartyDiffers),
    }
}

fn nonce(claims: &Claims, expected: &str) -> Result<(), IdTokenRefused> {
    let found = validation::string(claims, "nonce")?.unwrap_or_default();
    if expected.is_empty() || verify_slices_are_equal(found.as_bytes(), expected.as_bytes()).is_err() {
        return Err(IdTokenRefused::NonceDiffers);
    }
    Ok(())
}

/// `at_hash` is the left half of the hash of the access token (OpenID Connect Core section 3.1.3.8).
fn access_token_hash(
    claims: &Claims,
    algorithm: Algorithm,
    access_token: Option<&str>,
) -> Result<(), IdTokenRefused> {
    let (Some(found), Some(access_token)) = (validation::string(claims, "at_hash")?, access_token) else {
        return Ok(());
    };
    let hash = digest::digest(algorithm.hash(), access_token.as_bytes());
    let (half, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    verify_slices_are_equal(jws::encode(half).as_bytes(), found.as_bytes())
        .map_err(|_| IdTokenRefused::AccessTokenDiffers)
}
