//! Access tokens: may this bearer speak for its subject here (RFC 9068)?

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::group::GroupRules;
use crate::json::JsonValue;
use crate::jws::algorithm::AlgorithmSet;
use crate::jws::token::Token;
use crate::key_set::{Key, KeySet};
use crate::refusal::TokenRefused;
use crate::{Claims, Confirmation, Identity, IssuerRules, Proof, validation};

/// How long a token may live when nothing else is configured.
pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The rules of one provider for its access tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessTokenProfile {
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// What `iss` may be.
    pub issuer: IssuerRules,
    /// One of these must be in `aud`. Empty: no token is accepted.
    pub audiences: Vec<String>,
    /// Claims of which the first that is there holds the audience: `aud`, and `client_id` where an issuer (Cognito)
    /// puts no `aud` into access tokens.
    pub audience_claims: Vec<String>,
    /// Our own client at this issuer: what it gets are ID tokens.
    pub login_client: Option<String>,
    /// Accepted `typ` values; case and a leading `application/` do not count. RFC 9068 section 4: `at+jwt`. With
    /// `jwt`, tokens of that type or of none are accepted unless they look like another kind of token.
    pub types: Vec<String>,
    /// Accepted signature algorithms.
    pub algorithms: AlgorithmSet,
    /// Claims that list scopes, separated by spaces or as a list: `scope`, `scp`.
    pub scope_claims: Vec<String>,
    /// Claims of which the first that is present names the client: `client_id`, `azp`, `cid`.
    pub client_id_claims: Vec<String>,
    /// Where the groups are.
    pub groups: GroupRules,
    /// Granted to both clocks; 60 s at most is wise.
    pub skew: Duration,
    /// How far `exp` may lie ahead, and behind `iat`; [`DEFAULT_MAX_LIFETIME`].
    pub max_lifetime: Duration,
}

/// A caller with a token that is good here and now.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    /// Who it is.
    pub identity: Identity,
    /// The key that signed; a cached verdict asks [`Key::is_live`]. `None` when the issuer was asked instead.
    pub key: Option<Arc<Key>>,
    /// When it was issued; `None` when an issuer that was asked did not say.
    pub issued_at: Option<SystemTime>,
    /// A cached verdict ends here: `exp` and the granted skew, or when the issuer has to be asked again.
    pub not_after: SystemTime,
    /// The client that the token was issued to, if it says so.
    pub client_id: Option<String>,
    /// What else the caller must show, on every request.
    pub confirmation: Confirmation,
}

/// Judges an access token: type, signature, issuer, audience, times, subject, in this order.
///
/// # Errors
/// The first rule that does not hold.
pub fn accept_access_token(
    token: &Token<'_>,
    keys: &KeySet,
    profile: &AccessTokenProfile,
    now: SystemTime,
) -> Result<VerifiedToken, TokenRefused> {
    token.require_type(profile.types.iter().map(String::as_str))?;
    let verified = token.verify(keys, profile.algorithms)?;
    let accepted = judge(verified.claims, token.typ(), profile, now)?;
    Ok(VerifiedToken { key: Some(verified.key), ..accepted })
}

/// Judges the claims of a token whose signature is right.
pub(crate) fn judge(
    claims: Claims,
    typ: Option<&str>,
    profile: &AccessTokenProfile,
    now: SystemTime,
) -> Result<VerifiedToken, TokenRefused> {
    profile.issuer.check(&claims)?;
    refuse_other_kinds(&claims, typ, profile)?;
    audience(&claims, profile)?;
    let times = validation::times(&claims, now, profile.skew)?;
    // Also by its own dates, so that what is said of tokens issued until now may be forgotten some day.
    let latest = times.issued_at.min(now) + profile.max_lifetime + profile.skew;
    if times.expires_at > latest {
        return Err(TokenRefused::LivesTooLong);
    }
    let subject = validation::subject(&claims)?.into();
    let client_id = client_id(&claims, &profile.client_id_claims)?;
    let (issued_at, expires_at) = (Some(times.issued_at), times.expires_at);
    let bearer = Bearer { claims, subject, client_id, issued_at, expires_at };
    bearer.accepted(profile, times.expires_at + profile.skew)
}

/// Judges what an issuer answered about an opaque token (RFC 7662 section 2.2). Who asks is authenticated and the
/// issuer decides, so what it leaves out is not missed; what it says is held to the same rules. A token that names an
/// audience must name one of `profile.audiences`. A token without subject speaks for its client. The verdict holds
/// until `exp`, at most for `holds`.
///
/// # Errors
/// The token is not active, or the first rule that does not hold.
pub fn accept_introspected(
    claims: Claims,
    profile: &AccessTokenProfile,
    holds: Duration,
    now: SystemTime,
) -> Result<VerifiedToken, TokenRefused> {
    if claims.get("active").and_then(JsonValue::as_bool) != Some(true) {
        return Err(TokenRefused::Inactive);
    }
    if claims.get("iss").is_some() {
        profile.issuer.check(&claims)?;
    }
    if claims.get("aud").is_some() {
        validation::audience(&claims, &profile.audiences)?;
    }
    let expires_at = validation::date(&claims, "exp")?;
    if expires_at.is_some_and(|expires_at| now >= expires_at + profile.skew) {
        return Err(TokenRefused::Expired);
    }
    if validation::date(&claims, "nbf")?.is_some_and(|not_before| not_before > now + profile.skew) {
        return Err(TokenRefused::NotYetValid);
    }
    let issued_at = validation::date(&claims, "iat")?;
    let client_id = client_id(&claims, &profile.client_id_claims)?;
    let subject = match (claims.get("sub"), &client_id) {
        (None, Some(client)) if validation::is_name(client) => client.as_str().into(),
        _ => validation::subject(&claims)?.into(),
    };
    let until = now + holds;
    let bearer = Bearer { claims, subject, client_id, issued_at, expires_at: expires_at.unwrap_or(until) };
    bearer.accepted(profile, expires_at.map_or(until, |expires_at| until.min(expires_at + profile.skew)))
}

/// A token that is good by itself; what it grants is still to be read.
struct Bearer {
    claims: Claims,
    subject: Arc<str>,
    client_id: Option<String>,
    issued_at: Option<SystemTime>,
    expires_at: SystemTime,
}

impl Bearer {
    fn accepted(
        self,
        profile: &AccessTokenProfile,
        not_after: SystemTime,
    ) -> Result<VerifiedToken, TokenRefused> {
        let Self { mut claims, subject, client_id, issued_at, expires_at } = self;
        let confirmation = Confirmation::of(&claims)?;
        let scopes = scopes(&claims, &profile.scope_claims)?;
        claims.straighten_flags();
        profile.groups.apply(&mut claims);
        let identity = Identity {
            provider: Arc::clone(&profile.provider),
            issuer: Arc::clone(profile.issuer.own()),
            subject,
            claims,
            scopes,
            proof: Proof::Bearer,
            expires_at,
        };
        Ok(VerifiedToken { identity, key: None, issued_at, not_after, client_id, confirmation })
    }
}

/// One of our audiences is in one of the claims that may hold it.
fn audience(claims: &Claims, profile: &AccessTokenProfile) -> Result<(), TokenRefused> {
    let present = profile.audience_claims.iter().find(|name| claims.get(name).is_some());
    validation::audience_in(claims, present.map_or("aud", String::as_str), &profile.audiences)
}

/// What gives another kind of token away where `typ` says nothing (RFC 8725 section 3.12): `nonce`, `at_hash`,
/// `c_hash`, `s_hash` are of ID tokens; `htm`, `htu` of DPoP proofs; `events` of logout and security event tokens.
///
/// A token without the type `at+jwt` that is for our own client was made for signing in, unless the configuration names
/// that audience.
fn refuse_other_kinds(
    claims: &Claims,
    typ: Option<&str>,
    profile: &AccessTokenProfile,
) -> Result<(), TokenRefused> {
    const ALWAYS: [&str; 3] = ["events", "htm", "htu"];
    const UNTYPED: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];
    let is_typed = typ.is_some_and(|typ| crate::jws::same_type(typ, "at+jwt"));
    let suspects = ALWAYS.iter().chain(if is_typed { [].iter() } else { UNTYPED.iter() });
    for evidence in suspects {
        if claims.get(evidence).is_some() {
            return Err(TokenRefused::OtherKind { evidence });
        }
    }
    if let Some(client) = profile.login_client.as_ref().filter(|_| !is_typed)
        && !profile.audiences.contains(client)
        && claims.get("aud").is_some_and(|aud| aud.strings().any(|one| one == client))
    {
        return Err(TokenRefused::OtherKind { evidence: "aud" });
    }
    // Keycloak and Cognito name the kind in a claim.
    let says = |claim: &str, kinds: &[&str]| {
        claims.string(claim).is_some_and(|kind| kinds.iter().any(|one| one.eq_ignore_ascii_case(kind)))
    };
    if says("typ", &["id", "refresh", "offline", "logout"]) {
        return Err(TokenRefused::OtherKind { evidence: "typ" });
    }
    if says("token_use", &["id", "refresh"]) {
        return Err(TokenRefused::OtherKind { evidence: "token_use" });
    }
    Ok(())
}

fn client_id(claims: &Claims, names: &[String]) -> Result<Option<String>, TokenRefused> {
    for name in names {
        if let Some(client) = validation::string(claims, name)? {
            return Ok(Some(client.to_owned()));
        }
    }
    Ok(None)
}

/// The scopes of all these claims together, each once: a string is cut at spaces (RFC 6749 section 3.3), the elements
/// of a list are taken whole.
fn scopes(claims: &Claims, names: &[String]) -> Result<Vec<String>, TokenRefused> {
    let mut scopes: Vec<String> = Vec::with_capacity(8);
    let mut add = |scope: &str| {
        if !scope.is_empty() && !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    };
    for name in names {
        let Some(value) = claims.get(name) else { continue };
        match value.as_str() {
            Some(text) => text.split(' ').for_each(&mut add),
            None if value.is_textual() => value.strings().for_each(&mut add),
            None => return Err(TokenRefused::malformed(name)),
        }
    }
    Ok(scopes)
}
