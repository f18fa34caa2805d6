//! Opaque tokens: the issuer is asked what they are worth (RFC 7662).
//!
//! One call per token is under way at a time, and whoever comes meanwhile waits for it. Answers are kept for as long
//! as the configuration says, "not active" for five seconds at most. When the issuer does not answer, nobody enters:
//! 503, and for a second no further call is made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{self, SHA256};
use base64_simd::STANDARD;
use http::{HeaderValue, Method, Request, header};
use ostia_config::provider::Introspection as Settings;
use ostia_identity::{AccessTokenProfile, Claims, JsonValue, VerifiedToken, accept_introspected};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::time::Instant;
use url::form_urlencoded::byte_serialize;

use super::bearer::BearerRefused;
use crate::provider::Provider;
use crate::provider::discovery::{get, ok_body};
use crate::provider::flight::{Ticket, is_flying, landed, take_off};
use crate::provider::http::HttpRefused;

/// Calls under way at a time; more tokens than this wait for nobody and are refused for the moment.
const MOST_CALLS: usize = 256;
/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Bytes that answers may take together.
const CAPACITY_BYTES: u64 = 16 * 1024 * 1024;
/// How long "not active" counts: an issuer that knows a new token a moment later is asked again.
const INACTIVE_HOLDS: Duration = Duration::from_secs(5);
/// After a call that failed nobody is asked for so long.
const PAUSE: Duration = Duration::from_secs(1);

/// The digest of a token; the token itself is kept nowhere.
type Digest = [u8; 32];

/// What the issuer said about a token, and when it was asked.
#[derive(Clone, Debug)]
struct Answer {
    claims: Arc<Claims>,
    bytes: usize,
    at: SystemTime,
}

impl Answer {
    fn is_active(&self) -> bool {
        self.claims.get("active").and_then(JsonValue::as_bool) == Some(true)
    }

    /// How long it still counts at `now`.
    fn holds(&self, cache: Duration, now: SystemTime) -> Duration {
        let whole = if self.is_active() { cache } else { cache.min(INACTIVE_HOLDS) };
        (self.at + whole).duration_since(now).unwrap_or_default()
    }
}

/// Why the issuer said nothing that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failed(&'static str);

/// The calls about opaque tokens of one provider.
#[derive(Debug)]
pub(crate) struct Introspections {
    flights: Mutex<HashMap<Digest, Ticket<Result<Answer, Failed>>>>,
    answers: Cache<Digest, Answer, ByBytes>,
    /// No call before this moment, and why the last one failed.
    paused: Mutex<Option<(Instant, Failed)>>,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Digest, Answer> for ByBytes {
    fn weight(&self, _: &Digest, answer: &Answer) -> u64 {
        // Parsed, a document takes about three times its text.
        256 + 3 * answer.bytes as u64
    }
}

impl Default for Introspections {
    fn default() -> Self {
        Self {
            flights: Mutex::default(),
            answers: Cache::with_weighter(4096, CAPACITY_BYTES, ByBytes),
            paused: Mutex::default(),
        }
    }
}

impl Provider {
    /// Judges an opaque token by what the issuer says about it.
    pub(crate) async fn judge_opaque(
        self: &Arc<Self>,
        text: &str,
        settings: &Settings,
        profile: &AccessTokenProfile,
        now: SystemTime,
    ) -> Result<VerifiedToken, BearerRefused> {
        if !is_token(text) {
            return Err(BearerRefused::NotAToken);
        }
        let answer = self.answer_about(text, settings, now).await.map_err(|Failed(reason)| {
            BearerRefused::IntrospectionUnavailable { reason, retry_after: PAUSE }
        })?;
        let holds = answer.holds(settings.cache, now);
        Ok(accept_introspected((*answer.claims).clone(), profile, holds, now)?)
    }

    /// What the issuer says about the access token of somebody who signs in, or why it says nothing, in a word.
    pub(crate) async fn introspect(
        self: &Arc<Self>,
        text: &str,
        settings: &Settings,
        now: SystemTime,
    ) -> Result<Arc<Claims>, &'static str> {
        let answer = self.answer_about(text, settings, now).await;
        answer.map(|answer| answer.claims).map_err(|Failed(reason)| reason)
    }

    async fn answer_about(
        self: &Arc<Self>,
        text: &str,
        settings: &Settings,
        now: SystemTime,
    ) -> Result<Answer, Failed> {
        match self.join_or_call(text, settings, now) {
            Whence::Known(answer) => Ok(answer),
            Whence::Refused(failed) => Err(failed),
            Whence::Flight(ticket) => landed(ticket).await.unwrap_or(Err(Failed("introspection_ended"))),
        }
    }

    /// An answer that still counts, else the call under way, else a new one.
    fn join_or_call(self: &Arc<Self>, text: &str, settings: &Settings, now: SystemTime) -> Whence {
        let key = digest_of(text);
        let mut flights = self.introspections.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticket) = flights.get(&key).filter(|ticket| is_flying(ticket)) {
            return Whence::Flight(ticket.clone());
        }
        if let Some(answer) = self.introspections.answers.get(&key) {
            if !answer.holds(settings.cache, now).is_zero() {
                return Whence::Known(answer);
            }
            self.introspections.answers.remove(&key);
        }
        if let Some(failed) = self.introspections.is_paused() {
            return Whence::Refused(failed);
        }
        if flights.len() >= MOST_CALLS {
            return Whence::Refused(Failed("introspection_too_many"));
        }
        let (provider, text, settings) = (Arc::clone(self), text.to_owned(), settings.clone());
        let ticket = take_off(async move { provider.call(key, &text, &settings, now).await });
        flights.insert(key, ticket.clone());
        Whence::Flight(ticket)
    }

    /// Asks, keeps the answer, and only then ends the flight: whoever comes finds the one or the other.
    async fn call(
        self: Arc<Self>,
        key: Digest,
        text: &str,
        settings: &Settings,
        now: SystemTime,
    ) -> Result<Answer, Failed> {
        let outcome = self.ask(text, settings, now).await;
        match &outcome {
            Ok(answer) => self.introspections.answers.insert(key, answer.clone()),
            Err(failed) => self.introspections.pause(*failed),
        }
        self.introspections.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        self.record.introspected(outcome.is_ok());
        outcome
    }

    async fn ask(
        self: &Arc<Self>,
        text: &str,
        settings: &Settings,
        now: SystemTime,
    ) -> Result<Answer, Failed> {
        let published = self.metadata_soon().await.ok_or(Failed("issuer_unreachable"))?;
        let endpoint = published.metadata.introspection_endpoint.as_ref();
        let endpoint = endpoint.ok_or(Failed("introspection_endpoint_missing"))?;
        let request = request(endpoint.as_str(), text, settings).ok_or(Failed("introspection_request"))?;
        let answer = self.http.send(request).await.map_err(|refused| Failed(refused.slug()))?;
        let body = ok_body(answer).map_err(|refused| match refused {
            HttpRefused::Status(400 | 401 | 403) => Failed("introspection_client_refused"),
            other => Failed(other.slug()),
        })?;
        if body.len() > MAX_ANSWER_BYTES {
            return Err(Failed("issuer_body_too_large"));
        }
        let bytes = body.len();
        let claims = Claims::parse(body).map_err(|_| Failed("introspection_malformed"))?;
        Ok(Answer { claims: Arc::new(claims), bytes, at: now })
    }
}

enum Whence {
    Known(Answer),
    Flight(Ticket<Result<Answer, Failed>>),
    Refused(Failed),
}

impl Introspections {
    fn pause(&self, failed: Failed) {
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now() + PAUSE, failed));
    }

    fn is_paused(&self) -> Option<Failed> {
        let paused = *self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        paused.filter(|(until, _)| Instant::now() < *until).map(|(_, failed)| failed)
    }
}

fn digest_of(text: &str) -> Digest {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(digest::digest(&SHA256, text.as_bytes()).as_ref()) {
        *to = *from;
    }
    key
}

/// `b64token` of RFC 6750 section 2.1, at most as long as any token.
fn is_token(text: &str) -> bool {
    let bare = text.trim_end_matches('=');
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !bare.is_empty() && text.len() <= ostia_identity::MAX_TOKEN_BYTES && bare.bytes().all(good)
}

/// The call (RFC 7662 section 2.1), by a client that proves itself with Basic: id and secret form-encoded first
/// (RFC 6749 section 2.3.1).
fn request(endpoint: &str, text: &str, settings: &Settings) -> Option<Request<Vec<u8>>> {
    let encoded = |part: &str| byte_serialize(part.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(&settings.client_id), encoded(settings.client_secret.reveal()));
    let mut credentials =
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode_to_string(pair.as_bytes()))).ok()?;
    credentials.set_sensitive(true);
    let mut request = get(endpoint);
    *request.method_mut() = Method::POST;
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(header::CONTENT_TYPE, form);
    request.headers_mut().insert(header::AUTHORIZATION, credentials);
    *request.body_mut() = format!("token={}&token_type_hint=access_token", encoded(text)).into_bytes();
    Some(request)
}
