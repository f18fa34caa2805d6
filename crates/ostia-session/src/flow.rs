//! Sign-ins in progress: what the callback must know again, sealed in the browser.
//!
//! A browser has four slots, `…-s0` to `…-s3`, however many tabs it opens and however many requests race: more cookies
//! than that never exist. A start takes a free slot, else that of the oldest sign-in; a tab that lost its cookie so
//! still finds its own page, because its `state` remembers it ([`FlowCookies::lost`]).

mod refused;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderValue;
use ostia_config::session::SameSite;
use ostia_config::{Name, Provider};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::chunk::{self, Gathered, NotWritten, Place, Presented};
use crate::key_ring::KeyRing;
use crate::names::{CookieNameRefused, CookieNames, FLOW_CHUNKS, FLOW_SLOTS};
use crate::realm::{Realm, RealmId, Realms};
use crate::record;
use crate::return_path::is_return_path;
use crate::rounds::Rounds;
use crate::seal::{self, Binding, Purpose};
use crate::set_cookie::{self, Attributes, EVERYWHERE};
use crate::state::{self, Destination, FLOW_LIFETIME, is_live};
use crate::token::Token;

pub use self::refused::FlowRefused;

/// A sign-in in progress.
#[derive(Clone, PartialEq, Eq)]
pub struct Flow {
    /// `state` of the authorization request, made by [`FlowCookies::state`].
    pub state: String,
    /// `nonce` of the authorization request.
    pub nonce: String,
    /// The PKCE verifier (RFC 7636).
    pub pkce_verifier: String,
    /// The provider's name.
    pub provider: String,
    /// `redirect_uri` as it was sent; the code exchange repeats it.
    pub redirect_uri: String,
    /// Path and query to go back to, byte for byte; see [`crate::is_return_path`].
    pub return_to: String,
    /// When it began, in whole seconds.
    pub created_at: SystemTime,
}

/// State, nonce and verifier are secrets of the browser.
impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, redirect_uri, created_at, .. } = self;
        f.debug_struct("Flow")
            .field("provider", provider)
            .field("redirect_uri", redirect_uri)
            .field("created_at", created_at)
            .finish_non_exhaustive()
    }
}

/// The answer to a sign-in that wants to begin.
#[derive(Debug)]
pub enum Started {
    /// Send the browser to the provider.
    Flow {
        /// One `Set-Cookie` field each.
        set_cookies: Vec<HeaderValue>,
    },
    /// Three sign-ins at this provider came back within a minute and left no session: show a page that says so.
    TooManyRounds,
}

/// What a callback finds.
#[derive(Debug)]
pub enum OpenedFlow {
    /// The sign-in that this answer belongs to.
    Flow {
        /// The sign-in.
        flow: Flow,
        /// `Set-Cookie` fields that take it back, because it is good for one answer, and that count the round.
        clear: Vec<HeaderValue>,
    },
    /// None. It may be a tab that lost its cookie: [`FlowCookies::lost`].
    Refused(FlowRefused),
}

/// Opens and seals sign-ins in progress for a configuration.
#[derive(Debug)]
pub struct FlowCookies {
    ring: Arc<KeyRing>,
    names: CookieNames,
    realms: Realms,
}

/// What is sealed.
#[derive(Deserialize, Serialize)]
struct Record<'a> {
    /// Of the whole `state`: an answer with another one is not the answer to this.
    state_digest: [u8; 16],
    realm: [u8; 16],
    created_at: u64,
    /// As [`Token`]s keep text: 16 bytes instead of 22 characters.
    nonce: &'a [u8],
    pkce_verifier: &'a [u8],
    redirect_uri: &'a str,
    /// Empty where the `state` remembers it: the cookies stay small.
    return_to: &'a str,
}

/// A record that was opened, and where it was.
struct Here {
    slot: usize,
    text: Zeroizing<Vec<u8>>,
}

/// The cookies of a request that matter here.
struct Presence<'a> {
    slots: [Gathered<'a, FLOW_CHUNKS>; FLOW_SLOTS],
    rounds: Option<&'a [u8]>,
}

impl FlowCookies {
    /// For a configuration and the keys of its file.
    ///
    /// # Errors
    /// [`CookieNameRefused`]; a checked configuration has no such name.
    pub fn new(
        ring: Arc<KeyRing>,
        config: &ostia_config::Sessions,
        providers: &BTreeMap<Name, Arc<Provider>>,
    ) -> Result<Self, CookieNameRefused> {
        Ok(Self { ring, names: CookieNames::new(&config.cookie_name)?, realms: Realms::new(providers) })
    }

    /// Makes the `state` of a new authorization request: opaque, different every time, below 2 KB. It remembers the
    /// destination (up to 1 KB of path) for a tab that loses its cookie.
    ///
    /// # Errors
    /// The return path is refused, the provider is unknown, or nothing can be sealed.
    pub fn state(&self, to: &Destination, host: &str, now: SystemTime) -> Result<String, FlowRefused> {
        if !is_return_path(&to.return_to) {
            return Err(FlowRefused::ReturnPath);
        }
        let realm = self.realms.by_provider(&to.provider).ok_or(FlowRefused::NoRealm)?;
        state::write(&self.ring, realm.id, to, host, now).ok_or(FlowRefused::NotSealed)
    }

    /// Begins a sign-in. `cookies` are all of the request's cookies; `host` is the checked name of the host.
    ///
    /// # Errors
    /// [`FlowRefused`]: nothing was begun.
    pub fn start<'a>(
        &self,
        flow: &Flow,
        cookies: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        host: &str,
        now: SystemTime,
    ) -> Result<Started, FlowRefused> {
        if !is_return_path(&flow.return_to) {
            return Err(FlowRefused::ReturnPath);
        }
        let presence = self.presence(cookies);
        let realm = self.realms.by_provider(&flow.provider).ok_or(FlowRefused::NoRealm)?;
        if self.rounds(&presence, host, now).are_a_loop(realm.id) {
            return Ok(Started::TooManyRounds);
        }
        let slot = self.slot_for(&flow.state, &presence, host, now);
        let set_cookies = self.written(flow, realm, slot, &presence, host)?;
        Ok(Started::Flow { set_cookies })
    }

    /// Finds the sign-in that an answer with this `state` belongs to.
    pub fn open<'a>(
        &self,
        cookies: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        state: &str,
        host: &str,
        now: SystemTime,
    ) -> OpenedFlow {
        let presence = self.presence(cookies);
        let wanted = digest_of(state);
        let mut reason = FlowRefused::NotHere;
        for here in self.all_here(&presence, host) {
            let Some(record) = here.record().filter(|record| record.state_digest == wanted) else { continue };
            match self.flow(&record, state, host, now) {
                Ok(flow) => {
                    let realm = RealmId(record.realm);
                    let clear = self.taken_back(here.slot, realm, &presence, host, now);
                    return OpenedFlow::Flow { flow, clear };
                }
                Err(refused) => reason = refused,
            }
        }
        OpenedFlow::Refused(reason)
    }

    /// Where a tab wanted to go whose sign-in is not in its cookies any more. Only a `state` that a node with these keys
    /// made for this host within ten minutes tells. It never proves that the answer belongs to this browser: the caller
    /// may send people to the page if they have a session, or begin anew, not sign them in. A path that was too long
    /// for the state is `/`.
    ///
    /// # Errors
    /// Not ours, too old, or of a provider that is not configured any more.
    pub fn lost(&self, state: &str, host: &str, now: SystemTime) -> Result<Destination, FlowRefused> {
        let noted = self.noted(state, host, now)?;
        let return_to = noted.return_to.unwrap_or_else(|| "/".to_owned());
        Ok(Destination { provider: noted.provider, return_to, rounds: noted.rounds })
    }

    /// Takes back the count of rounds: somebody signed out, so the next sign-in is no loop.
    #[must_use]
    pub fn forget_rounds(&self) -> HeaderValue {
        set_cookie::expire(&self.names.rounds, 0, EVERYWHERE, SameSite::Lax)
    }

    fn noted(&self, state: &str, host: &str, now: SystemTime) -> Result<state::Noted, FlowRefused> {
        state::read(&self.ring, &self.realms, state, host, now)
    }

    fn presence<'a>(&self, cookies: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Presence<'a> {
        let mut presence = Presence { slots: [Gathered::NONE; FLOW_SLOTS], rounds: None };
        for (name, value) in cookies {
            if name == self.names.rounds.as_bytes() {
                presence.rounds = Some(value);
            }
            for (slot, own) in presence.slots.iter_mut().zip(&self.names.flow) {
                slot.offer(own, name, value);
            }
        }
        presence
    }

    fn rounds(&self, presence: &Presence<'_>, host: &str, now: SystemTime) -> Rounds {
        presence
            .rounds
            .map(|value| Rounds::read(&self.ring, &self.names.rounds, host, value, now))
            .unwrap_or_default()
    }

    /// The slots that hold something of ours.
    fn all_here<'p>(&'p self, presence: &'p Presence<'_>, host: &'p str) -> impl Iterator<Item = Here> + 'p {
        presence.slots.iter().zip(&self.names.flow).enumerate().filter_map(move |(slot, (gathered, name))| {
            let mut sealed = gathered.sealed().ok()?;
            let binding = Binding { purpose: Purpose::Flow, name, host };
            let text = seal::open(&self.ring, binding, &mut sealed).ok()?.text.to_vec();
            Some(Here { slot, text: Zeroizing::new(text) })
        })
    }

    /// A slot that is free, else that of the oldest sign-in. Tabs that race see the same free slots, so each begins to
    /// look at another one.
    fn slot_for(&self, state: &str, presence: &Presence<'_>, host: &str, now: SystemTime) -> usize {
        let mut begun: [Option<u64>; FLOW_SLOTS] = [None; FLOW_SLOTS];
        for here in self.all_here(presence, host) {
            let created_at = here.record().map(|record| record.created_at).filter(|at| is_live(*at, now));
            if let Some(place) = begun.get_mut(here.slot) {
                *place = created_at;
            }
        }
        let first = usize::from(digest_of(state).first().copied().unwrap_or_default());
        let slots = (first..first + FLOW_SLOTS).map(|slot| slot % FLOW_SLOTS);
        slots.min_by_key(|slot| begun.get(*slot).copied().flatten()).unwrap_or_default()
    }

    fn written(
        &self,
        flow: &Flow,
        realm: &Realm,
        slot: usize,
        presence: &Presence<'_>,
        host: &str,
    ) -> Result<Vec<HeaderValue>, FlowRefused> {
        let noted = self.noted(&flow.state, host, flow.created_at).ok();
        let is_in_state = noted.is_some_and(|noted| noted.return_to.as_ref() == Some(&flow.return_to));
        let nonce = Token::new(&flow.nonce);
        let pkce_verifier = Token::new(&flow.pkce_verifier);
        let record = Record {
            state_digest: digest_of(&flow.state),
            realm: realm.id.0,
            created_at: record::seconds(flow.created_at),
            nonce: nonce.kept(),
            pkce_verifier: pkce_verifier.kept(),
            redirect_uri: &flow.redirect_uri,
            return_to: if is_in_state { "" } else { &flow.return_to },
        };
        let text = postcard::to_allocvec(&record).map(Zeroizing::new).map_err(|_| FlowRefused::NotSealed)?;
        let name = self.names.flow.get(slot).ok_or(FlowRefused::NotSealed)?;
        let place = Place {
            binding: Binding { purpose: Purpose::Flow, name, host },
            limit: FLOW_CHUNKS,
            attributes: Attributes {
                path: EVERYWHERE,
                max_age_s: FLOW_LIFETIME.as_secs(),
                // The provider's answer is a navigation from another site: Strict would lose the cookie.
                same_site: SameSite::Lax,
            },
        };
        let mut set_cookies = Vec::with_capacity(FLOW_CHUNKS);
        chunk::write(&self.ring, place, &text, presence.of_slot(slot), &mut set_cookies).map_err(
            |refused| match refused {
                NotWritten::TooLarge(_) => FlowRefused::TooLarge,
                NotWritten::NotSealed => FlowRefused::NotSealed,
            },
        )?;
        Ok(set_cookies)
    }

    fn flow(
        &self,
        record: &Record<'_>,
        state: &str,
        host: &str,
        now: SystemTime,
    ) -> Result<Flow, FlowRefused> {
        if !is_live(record.created_at, now) {
            return Err(FlowRefused::Expired);
        }
        let realm = self.realms.by_id(RealmId(record.realm)).ok_or(FlowRefused::NoRealm)?;
        let return_to = match record.return_to {
            "" => self.noted(state, host, now)?.return_to.ok_or(FlowRefused::ReturnPath)?,
            path if is_return_path(path) => path.to_owned(),
            _ => return Err(FlowRefused::ReturnPath),
        };
        let text = |kept| Token::from_kept(kept).map(|token| token.text().reveal().clone());
        Ok(Flow {
            state: state.to_owned(),
            nonce: text(record.nonce).ok_or(FlowRefused::NotHere)?,
            pkce_verifier: text(record.pkce_verifier).ok_or(FlowRefused::NotHere)?,
            provider: realm.provider.to_string(),
            redirect_uri: record.redirect_uri.to_owned(),
            return_to,
            created_at: record::time(record.created_at).ok_or(FlowRefused::Expired)?,
        })
    }

    fn taken_back(
        &self,
        slot: usize,
        realm: RealmId,
        presence: &Presence<'_>,
        host: &str,
        now: SystemTime,
    ) -> Vec<HeaderValue> {
        let mut fields = Vec::with_capacity(FLOW_CHUNKS + 1);
        if let Some(name) = self.names.flow.get(slot) {
            let presented = presence.of_slot(slot);
            chunk::take_back(name, FLOW_CHUNKS, presented, EVERYWHERE, SameSite::Lax, &mut fields);
        }
        let rounds = self.rounds(presence, host, now).and_one(realm, now);
        fields.extend(rounds.written(&self.ring, &self.names.rounds, host));
        fields
    }
}

impl Here {
    fn record(&self) -> Option<Record<'_>> {
        postcard::from_bytes(&self.text).ok()
    }
}

impl Presence<'_> {
    fn of_slot(&self, slot: usize) -> Presented {
        self.slots.get(slot).map(Gathered::presented).unwrap_or_default()
    }
}

/// The content of a sign-in cookie, for the corpus of the fuzz targets.
#[cfg(test)]
pub(crate) fn seed(realms: &Realms, provider: &str, return_to: &str) -> Vec<u8> {
    let (nonce, verifier) = (Token::new("nonce-nonce-nonce-nonce"), Token::new("verifier-verifier"));
    let record = Record {
        state_digest: digest_of("state"),
        realm: realms.by_provider(provider).unwrap().id.0,
        created_at: 1_799_999_990,
        nonce: nonce.kept(),
        pkce_verifier: verifier.kept(),
        redirect_uri: "https://portal.example.com/.ostia/callback",
        return_to,
    };
    postcard::to_allocvec(&record).unwrap()
}

fn digest_of(state: &str) -> [u8; 16] {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(digest(&SHA256, state.as_bytes()).as_ref()) {
        *to = *from;
    }
    half
}

#[cfg(test)]
mod tests;
