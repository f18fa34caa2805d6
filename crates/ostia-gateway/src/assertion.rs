//! Signed statements about the caller, which an upstream can check by itself (ES256, RFC 7515).
//!
//! A statement is made once for a caller, a route and half a lifetime; every request in between gets the same one. It
//! never outlives what proved the caller.

mod form;
mod keys;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};
use ostia_config::Config;
use ostia_config::identity::{Assertion, AssertionForm};
use ostia_config::route::HostPattern;
use ostia_identity::Identity;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

pub use self::keys::{AssertionKeys, AssertionKeysRefused};
use crate::recognised::Recognised;
use crate::snapshot::RouteState;

#[cfg(test)]
mod tests;

/// Bytes that statements may take together.
const CAPACITY_BYTES: u64 = 32 * 1024 * 1024;
/// A statement longer than this is not sent: an upstream would refuse the whole request for it.
const MOST_BYTES: usize = 16 * 1024;
/// What an entry takes beside its text.
const ENTRY_BYTES: usize = 256;

/// What `identity` says about signed statements, ready to make them.
pub struct Assertions(Option<Maker>);

struct Maker {
    keys: AssertionKeys,
    fields: Box<[Field]>,
    issuer: String,
    /// Claims that `identity.headers` names, which go into statements of our own form.
    claims: Box<[ostia_config::policy::ClaimPath]>,
    cache: Cache<Place, Arc<Signed>, ByBytes>,
    hasher: RandomState,
}

struct Field {
    name: HeaderName,
    form: AssertionForm,
    lifetime: Duration,
}

/// Whom and where a statement is for. The entry holds what the address belongs to, so it means nothing else meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    identity: usize,
    route: usize,
    host: u64,
}

/// The signed fields of one caller on one route.
pub struct Signed {
    /// Held, so that its address stays its own.
    _identity: Arc<Identity>,
    fresh_until: SystemTime,
    /// Names and values.
    pub fields: Box<[(HeaderName, HeaderValue)]>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Place, Arc<Signed>> for ByBytes {
    fn weight(&self, _: &Place, entry: &Arc<Signed>) -> u64 {
        let fields: usize = entry.fields.iter().map(|(_, value)| value.len()).sum();
        u64::try_from(ENTRY_BYTES + fields).unwrap_or(u64::MAX)
    }
}

impl Assertions {
    /// Reads or makes the keys, where anything is to be signed.
    ///
    /// # Errors
    /// When the key file cannot be used.
    pub fn new(config: &Config) -> Result<Self, AssertionKeysRefused> {
        let identity = &config.identity;
        if identity.assertions.is_empty() {
            return Ok(Self(None));
        }
        let keys = match &identity.assertion_keys_file {
            Some(path) => AssertionKeys::read(path)?,
            None => AssertionKeys::read_or_make(&config.runtime.state_dir.join("assertion.keys"))?,
        };
        let field = |assertion: &Assertion| Field {
            name: assertion.header.clone(),
            form: assertion.form,
            lifetime: assertion.lifetime,
        };
        Ok(Self(Some(Maker {
            keys,
            fields: identity.assertions.iter().map(field).collect(),
            issuer: identity.assertion_issuer.clone(),
            claims: identity.headers.iter().map(|field| field.claim.clone()).collect(),
            cache: Cache::with_weighter(16 * 1024, CAPACITY_BYTES, ByBytes),
            hasher: RandomState::new(),
        })))
    }

    /// The keys that are published.
    #[must_use]
    pub fn keys(&self) -> Option<&AssertionKeys> {
        self.0.as_ref().map(|maker| &maker.keys)
    }

    /// The signed fields for a caller; `None` when nothing is to be signed. `host` as the client asked for it.
    #[must_use]
    pub fn of(
        &self,
        caller: &Recognised,
        route: &Arc<RouteState>,
        host: &str,
        now: SystemTime,
    ) -> Option<Arc<Signed>> {
        let maker = self.0.as_ref()?;
        let host = match &route.host {
            HostPattern::Exact(host) => host.as_str(),
            _ => host,
        };
        let place = Place {
            identity: Arc::as_ptr(&caller.identity).addr(),
            route: Arc::as_ptr(route).addr(),
            host: if matches!(route.host, HostPattern::Exact(_)) { 0 } else { maker.hasher.hash_one(host) },
        };
        if let Some(known) = maker.cache.get(&place).filter(|known| now < known.fresh_until) {
            return Some(known);
        }
        let signed = Arc::new(maker.sign(caller, &route.name, host, now));
        maker.cache.insert(place, Arc::clone(&signed));
        Some(signed)
    }
}

impl Maker {
    fn sign(&self, caller: &Recognised, route: &str, host: &str, now: SystemTime) -> Signed {
        let identity = &caller.identity;
        let mut fresh_until = identity.expires_at.max(now);
        let mut fields = Vec::with_capacity(self.fields.len());
        for Field { name, form, lifetime } in &self.fields {
            // A proof that is just over, within the clock's tolerance, still lets in: say so for this once.
            let ends =
                if identity.expires_at > now { identity.expires_at } else { now + Duration::from_secs(1) };
            let expires_at = (now + *lifetime).min(ends);
            fresh_until = fresh_until.min(now + *lifetime / 2);
            let about = form::About {
                identity,
                issuer: &self.issuer,
                route,
                host,
                claims: &self.claims,
                now,
                expires_at,
            };
            let token = form::token(*form, &about, &self.keys);
            match token
                .filter(|token| token.len() <= MOST_BYTES)
                .and_then(|token| HeaderValue::from_str(&token).ok())
            {
                Some(mut value) => {
                    value.set_sensitive(true);
                    fields.push((name.clone(), value));
                }
                None => {
                    tracing::warn!(route, "a statement about the caller could not be signed or is too long")
                }
            }
        }
        Signed { _identity: Arc::clone(identity), fresh_until, fields: fields.into() }
    }
}
