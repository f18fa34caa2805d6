//! Session cookies: from a request's cookies to a session, and back into an answer.

mod id_token;
mod refused;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderValue;
use ostia_config::session::SameSite;
use ostia_config::{Name, Provider};

use crate::chunk::{self, Gathered, NoValue, NotWritten, Place, Presented};
use crate::key_ring::KeyRing;
use crate::names::{CookieNameRefused, CookieNames, ID_TOKEN_CHUNKS, SESSION_CHUNKS};
use crate::realm::{Realm, Realms};
use crate::record::{self, Kept, NotASession};
use crate::seal::{self, Binding, Purpose};
use crate::session::{Lifetimes, Liveness, Session};
use crate::set_cookie::{Attributes, EVERYWHERE, OWN_ENDPOINTS};
use crate::slot::{SessionPlace, SessionSlot};
use crate::ticket::{self, OpenedTicket, Ticket};

pub use self::refused::{SealRefused, SessionRefused};

/// Opens and seals session cookies for a configuration. Compiled once; shared by all requests.
#[derive(Debug)]
pub struct SessionCookies {
    ring: Arc<KeyRing>,
    names: CookieNames,
    realms: Realms,
    lifetimes: Lifetimes,
    same_site: SameSite,
    needed_claims: Option<BTreeSet<String>>,
}

/// What a request's cookies say about a session.
#[derive(Debug)]
pub enum Opened {
    /// No session cookie.
    Absent,
    /// A session, and it has not ended.
    Session(OpenedSession),
    /// A session that is kept in the store, and has not ended as far as its cookie says. See
    /// [`SessionCookies::resume`].
    Ticket(OpenedTicket),
    /// Cookies that are no session; the answer takes them back with [`SessionCookies::clear`].
    Refused {
        /// Why.
        reason: SessionRefused,
        /// What was presented.
        presented: Presented,
    },
}

/// A session that was opened and has not ended.
#[derive(Debug)]
pub struct OpenedSession {
    /// The session. Its `id_token` is `None`: see [`SessionCookies::id_token`].
    pub session: Session,
    /// The access token ends soon and there is a refresh token.
    pub needs_refresh: bool,
    /// The answer should carry [`SessionCookies::seal`] of [`Session::seen`]: the idle time has moved, or the cookie
    /// was sealed with a key of before.
    pub reseal: bool,
    /// What was presented, for `seal` and `clear`.
    pub presented: Presented,
    /// Where it was.
    pub slot: SessionSlot,
    /// It came from the store, by a ticket.
    pub is_stored: bool,
}

/// Cookies that carry a session.
#[derive(Debug)]
pub struct SealedSession {
    /// One `Set-Cookie` field each; to be *added* to the answer, none replaced.
    pub set_cookies: Vec<HeaderValue>,
    /// What did not fit.
    pub dropped: Dropped,
    /// How many cookies the session itself takes.
    pub cookies: usize,
}

/// What was left out of a session that is large. In this order: claims that no policy or header reads go as soon as the
/// session needs a second cookie; the access token goes when four are not enough; the ID token when its two are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Claims that nothing in the configuration reads.
    pub claims: bool,
    /// The access token: routes that forward it have none until the next refresh.
    pub access_token: bool,
    /// The ID token: the provider may ask at logout who it is.
    pub id_token: bool,
}

/// What a request brought of a session, and when.
#[derive(Clone, Copy)]
struct Brought {
    slot: SessionSlot,
    presented: Presented,
    now: SystemTime,
}

impl SessionCookies {
    /// For a configuration and the keys of its file.
    ///
    /// # Errors
    /// [`CookieNameRefused`]; a checked configuration has no such name.
    pub fn new(
        ring: Arc<KeyRing>,
        config: &ostia_config::Sessions,
        providers: &BTreeMap<Name, Arc<Provider>>,
    ) -> Result<Self, CookieNameRefused> {
        Ok(Self {
            ring,
            names: CookieNames::new(&config.cookie_name)?,
            realms: Realms::new(providers),
            lifetimes: config.into(),
            same_site: config.same_site,
            needed_claims: None,
        })
    }

    /// Tells which top-level claims policies and headers read, so that the others can go when a session is large.
    #[must_use]
    pub fn with_needed_claims(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.needed_claims = Some(names.into_iter().collect());
        self
    }

    /// The lifetimes of the configuration.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Whether a cookie of this name is one of Ostia's own (session, ID token, sign-in, rounds): it must not reach an
    /// upstream.
    #[must_use]
    pub fn is_ours(&self, name: &[u8]) -> bool {
        self.names.is_ours(name)
    }

    /// The provider that a ticket's session is of.
    #[must_use]
    pub fn provider_of(&self, ticket: &Ticket) -> Option<&str> {
        self.realms.by_id(ticket.realm).map(|realm| &*realm.provider)
    }

    /// The slot whose session has a cookie of this name.
    #[must_use]
    pub fn slot_of(&self, name: &[u8]) -> Option<SessionSlot> {
        self.names.slot_of(name)
    }

    /// Opens a session of a request. `cookies` are all of its cookies, name and value byte for byte.
    ///
    /// About 2 µs for a session of 1 KB. Whatever cannot be opened to the last bit is no session.
    pub fn open<'a, 'p>(
        &self,
        cookies: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        place: impl Into<SessionPlace<'p>>,
        now: SystemTime,
    ) -> Opened {
        let place = place.into();
        let name = self.names.session_in(place.slot);
        let mut chunks = Gathered::<SESSION_CHUNKS>::NONE;
        cookies.into_iter().for_each(|(candidate, value)| chunks.offer(&name, candidate, value));
        let presented = chunks.presented();
        let refused = |reason| Opened::Refused { reason, presented };
        let mut sealed = match chunks.sealed() {
            Ok(sealed) => sealed,
            Err(NoValue::Absent) => return Opened::Absent,
            Err(NoValue::Ambiguous) => return refused(SessionRefused::Ambiguous),
            Err(NoValue::Incomplete) => return refused(SessionRefused::Incomplete),
            Err(NoValue::Refused(reason)) => return refused(SessionRefused::Sealed(reason)),
        };
        let brought = Brought { slot: place.slot, presented, now };
        let binding = |purpose| Binding { purpose, name: &name, host: place.host };
        let opened = if ticket::is_one(&sealed) {
            self.open_ticket(&mut sealed, binding(Purpose::Ticket), brought).map(Opened::Ticket)
        } else {
            self.open_sealed(&mut sealed, binding(Purpose::Session), brought).map(Opened::Session)
        };
        opened.unwrap_or_else(refused)
    }

    fn open_sealed(
        &self,
        sealed: &mut [u8],
        binding: Binding<'_>,
        brought: Brought,
    ) -> Result<OpenedSession, SessionRefused> {
        let plain = seal::open(&self.ring, binding, sealed).map_err(SessionRefused::Sealed)?;
        let session = record::decode(plain.text, &self.realms).map_err(|refused| match refused {
            NotASession::Malformed => SessionRefused::Malformed,
            NotASession::NoRealm => SessionRefused::NoRealm,
        })?;
        self.if_live(session, plain.by_current_key, brought)
    }

    /// The session, if it has not ended.
    fn if_live(
        &self,
        session: Session,
        by_current_key: bool,
        Brought { slot, presented, now }: Brought,
    ) -> Result<OpenedSession, SessionRefused> {
        let needs_refresh = match session.liveness(self.lifetimes, now) {
            Liveness::Live => false,
            Liveness::NeedsRefresh => true,
            Liveness::IdleEnded => return Err(SessionRefused::IdleEnded),
            Liveness::Ended => return Err(SessionRefused::Ended),
        };
        let reseal = !by_current_key || session.is_worth_sealing_again(self.lifetimes, now);
        Ok(OpenedSession { session, needs_refresh, reseal, presented, slot, is_stored: false })
    }

    /// Seals a session. Of the chunks `presented` there those that are not written anew are taken back.
    ///
    /// # Errors
    /// [`SealRefused`]; a session that is too large is never cut but refused.
    pub fn seal<'p>(
        &self,
        session: &Session,
        place: impl Into<SessionPlace<'p>>,
        presented: Presented,
        now: SystemTime,
    ) -> Result<SealedSession, SealRefused> {
        let place = place.into();
        let realm = self.realm_of(session)?;
        let mut dropped = Dropped::default();
        let text = self.fitting(session, realm, &mut dropped)?;
        let attributes = self.attributes(session, now);
        let mut sealed = self.written(Purpose::Session, &text, place, presented, attributes)?;
        sealed.dropped = dropped;
        if let Some(token) = &session.id_token {
            self.seal_id_token(session.id, token, place, attributes, &mut sealed)?;
        }
        Ok(sealed)
    }

    /// The cookies of a session's slot with this text.
    fn written(
        &self,
        purpose: Purpose,
        text: &[u8],
        place: SessionPlace<'_>,
        presented: Presented,
        attributes: Attributes,
    ) -> Result<SealedSession, SealRefused> {
        let name = self.names.session_in(place.slot);
        let binding = Binding { purpose, name: &name, host: place.host };
        let to = Place { binding, limit: SESSION_CHUNKS, attributes };
        let cookies = chunk::chunks_for(text.len());
        let mut sealed = SealedSession { set_cookies: Vec::new(), dropped: Dropped::default(), cookies };
        chunk::write(&self.ring, to, text, presented, &mut sealed.set_cookies).map_err(not_sealed)?;
        Ok(sealed)
    }

    fn attributes(&self, session: &Session, now: SystemTime) -> Attributes {
        let left = session.ends_at(self.lifetimes).duration_since(now).unwrap_or_default();
        Attributes { path: EVERYWHERE, max_age_s: left.as_secs(), same_site: self.same_site }
    }

    /// The record that fits, with as little dropped as can be.
    fn fitting(
        &self,
        session: &Session,
        realm: &Realm,
        dropped: &mut Dropped,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, SealRefused> {
        let mut kept = Kept { claims: None, access_token: true };
        loop {
            let text = record::encode(session, realm.id, kept).ok_or(SealRefused::NotSealed)?;
            let chunks = chunk::chunks_for(text.len());
            if chunks > 1 && kept.claims.is_none() && self.needed_claims.is_some() {
                kept.claims = self.needed_claims.as_ref();
                dropped.claims = true;
            } else if chunks > SESSION_CHUNKS && kept.access_token && session.access_token.is_some() {
                kept.access_token = false;
                dropped.access_token = true;
            } else {
                return Ok(text);
            }
        }
    }

    /// Takes back the cookies of a session that moves to another slot; its ID token stays, because nobody brings it here.
    #[must_use]
    pub fn leave(&self, slot: SessionSlot, presented: Presented) -> Vec<HeaderValue> {
        let mut fields = Vec::new();
        let name = self.names.session_in(slot);
        chunk::take_back(&name, SESSION_CHUNKS, presented, EVERYWHERE, self.same_site, &mut fields);
        fields
    }

    /// Takes back the session of a slot and, where it may be there, its ID token.
    #[must_use]
    pub fn clear(&self, slot: SessionSlot, presented: Presented) -> Vec<HeaderValue> {
        let mut fields = self.leave(slot, presented);
        let (name, all) = (self.names.id_token_in(slot), Presented::ALL);
        chunk::take_back(&name, ID_TOKEN_CHUNKS, all, OWN_ENDPOINTS, self.same_site, &mut fields);
        fields
    }

    pub(crate) fn realms(&self) -> &Realms {
        &self.realms
    }

    pub(crate) fn realm_of(&self, session: &Session) -> Result<&Realm, SealRefused> {
        let identity = &session.identity;
        self.realms
            .by_provider(&identity.provider)
            .filter(|realm| realm.issuer == identity.issuer)
            .ok_or(SealRefused::NoRealm)
    }
}

fn not_sealed(reason: NotWritten) -> SealRefused {
    match reason {
        NotWritten::TooLarge(chars) => SealRefused::SessionTooLarge { chars },
        NotWritten::NotSealed => SealRefused::NotSealed,
    }
}

#[cfg(test)]
mod tests;
