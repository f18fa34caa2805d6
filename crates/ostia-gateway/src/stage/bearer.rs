//! The caller by a token in `Authorization`: known from before, checked here, or vouched for by the issuer.

use std::sync::Arc;

use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use ostia_identity::TokenRefused;
use ostia_oidc::resource_server::bearer::{BearerRefused, is_jwt};
use ostia_oidc::resource_server::challenge::Complaint;

use crate::answer::{Answer, Refusal};
use crate::challenge;
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::recognised::{CacheKey, Look, Recognised};
use crate::snapshot::RunningProvider;
use crate::stage::possession::Showing;
use crate::stage::receive::Arrived;
use crate::stage::route::Routed;

/// A token as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented<'a> {
    /// The token.
    pub token: &'a str,
    /// With the scheme `DPoP`, so with a proof beside it.
    pub by_dpop: bool,
}

/// More than one `Authorization` field: nobody knows which of them a reader behind us would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeveralTokens;

/// The token of `Authorization: Bearer` (RFC 6750 section 2.1) or `DPoP` (RFC 9449 section 7.1); other schemes are not
/// ours.
///
/// # Errors
/// More than one field.
pub fn presented(headers: &HeaderMap) -> Result<Option<Presented<'_>>, SeveralTokens> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(SeveralTokens);
    }
    let Some((scheme, rest)) = field.to_str().ok().and_then(|text| text.split_once(' ')) else {
        return Ok(None);
    };
    let by_dpop = scheme.eq_ignore_ascii_case("dpop");
    let is_ours = by_dpop || scheme.eq_ignore_ascii_case("bearer");
    Ok(is_ours.then(|| Presented { token: rest.trim_matches(' '), by_dpop }))
}

/// Whose token it is, and that the caller may use it.
///
/// # Errors
/// The answer to a token that does not count here, or that nobody can judge at the moment.
pub async fn by_token(
    front: &Front,
    routed: &Routed,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    presented: Presented<'_>,
) -> Result<Arc<Recognised>, Answer> {
    let cache = &exchange.snapshot.recognised;
    let key = cache.token_key(&routed.route.token_judges, presented.token);
    let metrics = front.gateway.metrics();
    let known = match cache.look(&key, exchange.now) {
        Look::Holds(known) => {
            metrics.token_cache_hit();
            known
        }
        look => {
            metrics.token_cache_miss();
            let was_good = matches!(look, Look::Held);
            judged(front, routed, arrived, exchange, Unjudged { token: presented.token, key, was_good })
                .await?
        }
    };
    let Some(running) = routed.route.provider(&known.identity.provider) else {
        return Err(challenge::refuse_token(arrived, exchange, Complaint::InvalidToken, "issuer_other"));
    };
    if known.ties.is_some_and(|ties| front.gateway.endings().has_token(&ties.marks)) {
        metrics.token_refused(&running.section.name, "token_revoked");
        return Err(challenge::refuse_token(arrived, exchange, Complaint::InvalidToken, "token_revoked"));
    }
    if known.bound.is_some() || presented.by_dpop {
        Showing { front, running, arrived, exchange, presented }.confirm(known.bound.as_deref())?;
    }
    Ok(known)
}

/// A token that no verdict holds for.
struct Unjudged<'a> {
    token: &'a str,
    key: CacheKey,
    /// It had a verdict that ended: whoever sends it waits for nothing that others of the same address did.
    was_good: bool,
}

async fn judged(
    front: &Front,
    routed: &Routed,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    Unjudged { token, key, was_good }: Unjudged<'_>,
) -> Result<Arc<Recognised>, Answer> {
    let refuse = |reason| challenge::refuse_token(arrived, exchange, Complaint::InvalidToken, reason);
    let (forged, metrics) = (front.gateway.forged(), front.gateway.metrics());
    let Some(running) = provider_of(routed, token) else { return Err(refuse("issuer_unknown")) };
    let provider = &running.section.name;
    if forged.knows(&key, exchange.now) {
        metrics.token_refused(provider, "signature_invalid");
        return Err(refuse("signature_invalid"));
    }
    if !was_good && let Some(wait) = forged.must_wait(arrived.client, exchange.now) {
        metrics.token_refused(provider, "signature_budget_spent");
        let refusal = Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "signature_budget_spent",
            "Too many tokens with a wrong signature came from your address",
        );
        return Err(unavailable(&refusal, wait, arrived, exchange));
    }
    match running.provider.verify_bearer(token, exchange.now).await {
        Ok(verified) => {
            metrics.token_accepted(provider);
            forged.vouch(arrived.client);
            let projection = &exchange.snapshot.projection;
            let recognised = Arc::new(Recognised::by_token(token, verified, projection, exchange.now));
            exchange.snapshot.recognised.put(key, &recognised);
            Ok(recognised)
        }
        Err(refused) => {
            metrics.token_refused(provider, refused.slug());
            exchange.snapshot.recognised.forget(&key);
            if matches!(refused, BearerRefused::Token(TokenRefused::SignatureInvalid)) {
                forged.remember(key, arrived.client, exchange.now);
            }
            Err(answer_to(&refused, arrived, exchange))
        }
    }
}

fn answer_to(refused: &BearerRefused, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    match refused {
        BearerRefused::KeysUnavailable { retry_after }
        | BearerRefused::IntrospectionUnavailable { retry_after, .. } => {
            let refusal = Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                refused.slug(),
                "Tokens cannot be checked right now: the issuer does not answer",
            );
            unavailable(&refusal, *retry_after, arrived, exchange)
        }
        _ => challenge::refuse_token(arrived, exchange, Complaint::InvalidToken, refused.slug()),
    }
}

fn unavailable(
    refusal: &Refusal<'_>,
    wait: std::time::Duration,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
) -> Answer {
    Answer::refuse(refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
        .with(RETRY_AFTER, challenge::retry_after(wait))
}

/// The provider that judges a token: the one whose issuer a JWT names; for every other token the one that is asked
/// about opaque ones. The only provider of a route needs no look.
fn provider_of<'a>(routed: &'a Routed, token: &str) -> Option<&'a Arc<RunningProvider>> {
    let takers = || routed.route.providers.iter().filter(|running| running.section.accepts_bearers());
    let mut candidates = takers();
    let first = candidates.next()?;
    if candidates.next().is_none() {
        return Some(first);
    }
    if is_jwt(token) {
        let issuer = ostia_identity::peek_issuer(token)?;
        return takers().find(|running| running.provider.is_named(&issuer));
    }
    takers().find(|running| running.section.introspection.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_one_token_is_taken() {
        let bearer = |token| Ok(Some(Presented { token, by_dpop: false }));
        assert_eq!(presented(&headers(&[])), Ok(None));
        assert_eq!(presented(&headers(&["Bearer abc"])), bearer("abc"));
        assert_eq!(presented(&headers(&["bEARER  abc "])), bearer("abc"));
        assert_eq!(presented(&headers(&["DPoP abc"])), Ok(Some(Presented { token: "abc", by_dpop: true })));
        assert_eq!(presented(&headers(&["Basic abc"])), Ok(None));
        assert_eq!(presented(&headers(&["Bearer"])), Ok(None));
        assert_eq!(presented(&headers(&["Bearer a", "Bearer b"])), Err(SeveralTokens));
        assert_eq!(presented(&headers(&["Bearer a", "DPoP a"])), Err(SeveralTokens));
    }
}
