//! The issuer's keys: fetched with conditions, kept while the issuer is dark, put to use without a lock.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Request, StatusCode, header};
use ostia_identity::KeySet;
use url::Url;

use super::Provider;
use super::discovery::{Document, FetchFailed, field, get, ok_body};
use super::saved::Saved;
use super::schedule::fresh_for;

/// Keys in use.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) set: Arc<KeySet>,
    /// Grows whenever the set changes; what was said about a `kid` under an older set is void.
    pub(crate) generation: u64,
    /// When the issuer last sent or confirmed them.
    pub(crate) confirmed_at: SystemTime,
    pub(crate) from_disk: bool,
    document: Arc<[u8]>,
    etag: Option<String>,
    last_modified: Option<String>,
}

/// What a fetch of the key set brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeysFetched {
    /// How long the issuer says the answer stays fresh.
    pub(crate) max_age: Option<Duration>,
}

impl Provider {
    /// The keys that may be used at `now`: loaded, and confirmed within [`super::schedule::Pace::keys_usable`].
    pub(crate) fn keys_at(&self, now: SystemTime) -> Option<Arc<Keys>> {
        let keys = self.keys.load_full()?;
        let age = now.duration_since(keys.confirmed_at).unwrap_or_default();
        (age <= self.pace.keys_usable).then_some(keys)
    }

    /// Fetches the metadata when there is none, then the key set; puts both to use and saves what changed.
    pub(crate) async fn fetch_keys(&self) -> Result<KeysFetched, FetchFailed> {
        let outcome = self.fetch_keys_unrecorded().await;
        self.record.settled(outcome.as_ref().map(|_| ()));
        outcome
    }

    async fn fetch_keys_unrecorded(&self) -> Result<KeysFetched, FetchFailed> {
        let published = match self.metadata.load_full() {
            Some(published) => published,
            None => self.discover().await?,
        };
        let outcome = self.fetch_key_set(&published.metadata.jwks_uri).await;
        self.record.keys_fetched(outcome.is_ok());
        if outcome.is_err() {
            // The issuer may have moved its keys: the next round reads the metadata anew.
            self.metadata_due.store(true, Relaxed);
        }
        outcome
    }

    async fn fetch_key_set(&self, jwks_uri: &Url) -> Result<KeysFetched, FetchFailed> {
        let failed = |cause| FetchFailed::Http { what: Document::Keys, cause };
        let old = self.keys.load_full();
        let request = conditional(get(jwks_uri.as_str()), old.as_deref());
        let answer = self.http.send(request).await.map_err(failed)?;
        let fetched = KeysFetched { max_age: fresh_for(answer.headers()) };
        match old {
            Some(old) if answer.status() == StatusCode::NOT_MODIFIED => self.confirm(&old, answer.headers()),
            old => {
                let headers = answer.headers().clone();
                let body = ok_body(answer).map_err(failed)?;
                match old {
                    Some(old) if *old.document == *body => self.confirm(&old, &headers),
                    old => self.replace(old.as_deref(), &headers, body)?,
                }
            }
        }
        self.save().await;
        Ok(fetched)
    }

    /// The issuer stands by the keys we have.
    fn confirm(&self, old: &Keys, headers: &HeaderMap) {
        self.keys.store(Some(Arc::new(Keys {
            set: Arc::clone(&old.set),
            generation: old.generation,
            confirmed_at: SystemTime::now(),
            from_disk: false,
            document: Arc::clone(&old.document),
            etag: field(headers, header::ETAG).or_else(|| old.etag.clone()),
            last_modified: field(headers, header::LAST_MODIFIED).or_else(|| old.last_modified.clone()),
        })));
    }

    /// New keys. Those that are as before keep their identity, those that are gone are marked dead, and with them every
    /// verdict that rests on them.
    fn replace(&self, old: Option<&Keys>, headers: &HeaderMap, body: Vec<u8>) -> Result<(), FetchFailed> {
        let set = KeySet::from_jwks(&body)?;
        let set = match old {
            Some(old) => set.succeed(&old.set),
            None => set,
        };
        self.keys.store(Some(Arc::new(Keys {
            set: Arc::new(set),
            generation: old.map_or(0, |old| old.generation + 1),
            confirmed_at: SystemTime::now(),
            from_disk: false,
            document: body.into(),
            etag: field(headers, header::ETAG),
            last_modified: field(headers, header::LAST_MODIFIED),
        })));
        Ok(())
    }

    /// Keys from disk, at boot. Their validators are not kept: the first answer is a whole one.
    pub(crate) fn adopt_saved_keys(&self, saved: &Saved) -> Result<(), FetchFailed> {
        let set = Arc::new(KeySet::from_jwks(saved.keys())?);
        self.keys.store(Some(Arc::new(Keys {
            set,
            generation: 0,
            confirmed_at: saved.confirmed_at(),
            from_disk: true,
            document: saved.keys().into(),
            etag: None,
            last_modified: None,
        })));
        Ok(())
    }

    /// Writes the copy on disk. A failure is told and changes nothing else.
    async fn save(&self) {
        let (Some(path), Some(published), Some(keys)) =
            (self.saved_path.clone(), self.metadata.load_full(), self.keys.load_full())
        else {
            return;
        };
        let Some(saved) =
            Saved::new(&self.settings.issuer, &published.document, &keys.document, keys.confirmed_at)
        else {
            return;
        };
        let written = tokio::task::spawn_blocking(move || saved.write(&path)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(provider = %self.settings.name, %error, "the copy of the provider's keys was not saved");
        }
    }
}

/// Adds `If-None-Match` and `If-Modified-Since` (RFC 9110 section 13.1) from the last answer.
fn conditional(mut request: Request<Vec<u8>>, old: Option<&Keys>) -> Request<Vec<u8>> {
    let Some(old) = old else { return request };
    let validators = [(header::IF_NONE_MATCH, &old.etag), (header::IF_MODIFIED_SINCE, &old.last_modified)];
    for (name, value) in validators {
        if let Some(value) = value.as_deref().and_then(|value| header::HeaderValue::from_str(value).ok()) {
            request.headers_mut().insert(name, value);
        }
    }
    request
}
