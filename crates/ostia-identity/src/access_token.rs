//! Access tokens: may this bearer speak for its subject here (RFC 9068)?

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::group::GroupRules;
use crate::jws::algorithm::AlgorithmSet;
use crate::jws::token::Token;
use crate::key_set::{Key, KeySet};
use crate::refusal::TokenRefused;
use crate::{Claims, Identity, Proof, validation};

/// How far ahead `exp` may lie when nothing else is configured.
pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The rules of one provider for its access tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessTokenProfile {
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// `iss`, byte for byte.
    pub issuer: Arc<str>,
    /// One of these must be in `aud`. Empty: no token is accepted.
    pub audiences: Vec<String>,
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
    /// How far ahead `exp` may lie; [`DEFAULT_MAX_LIFETIME`].
    pub max_lifetime: Duration,
}

/// A caller with a token that is good here and now.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    /// Who it is.
    pub identity: Identity,
    /// The key that signed; a cached verdict asks [`Key::is_live`].
    pub key: Arc<Key>,
    /// A cached verdict ends here: `exp` and the granted skew.
    pub not_after: SystemTime,
    /// The client that the token was issued to, if it says so.
    pub client_id: Option<String>,
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
    let mut claims = verified.claims;
    validation::issuer(&claims, &profile.issuer)?;
    refuse_other_kinds(&claims, token.typ())?;
    validation::audience(&claims, &profile.audiences)?;
    let times = validation::times(&claims, now, profile.skew)?;
    if times.expires_at > now + profile.max_lifetime + profile.skew {
        return Err(TokenRefused::LivesTooLong);
    }
    let subject = validation::subject(&claims)?.into();
    let client_id = client_id(&claims, &profile.client_id_claims)?;
    let scopes = scopes(&claims, &profile.scope_claims)?;
    profile.groups.apply(&mut claims);
    let identity = Identity {
        provider: Arc::clone(&profile.provider),
        issuer: Arc::clone(&profile.issuer),
        subject,
        claims,
        scopes,
        proof: Proof::Bearer,
        expires_at: times.expires_at,
    };
    Ok(VerifiedToken { identity, key: verified.key, not_after: times.expires_at + profile.skew, client_id })
}

/// What gives another kind of token away where `typ` says nothing (RFC 8725 section 3.12): `nonce`, `at_hash`,
/// `c_hash`, `s_hash` are of ID tokens; `htm`, `htu` of DPoP proofs; `events` of logout and security event tokens.
fn refuse_other_kinds(claims: &Claims, typ: Option<&str>) -> Result<(), TokenRefused> {
    const ALWAYS: [&str; 3] = ["events", "htm", "htu"];
    const UNTYPED: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];
    let is_typed = typ.is_some_and(|typ| crate::jws::same_type(typ, "at+jwt"));
    let suspects = ALWAYS.iter().chain(if is_typed { [].iter() } else { UNTYPED.iter() });
    for evidence in suspects {
        if claims.get(evidence).is_some() {
            return Err(TokenRefused::OtherKind { evidence });
        }
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
    let mut scopes: Vec<String> = Vec::new();
    let mut add = |scope: &str| {
        if !scope.is_empty() && !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    };
    for name in names {
        match claims.as_map().get(name) {
            None => {}
            Some(Value::String(text)) => text.split(' ').for_each(&mut add),
            Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
                list.iter().filter_map(Value::as_str).for_each(&mut add);
            }
            Some(_) => return Err(TokenRefused::malformed(name)),
        }
    }
    Ok(scopes)
}
