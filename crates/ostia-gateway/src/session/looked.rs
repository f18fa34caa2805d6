//! All the sessions that a browser brings: it may be signed in at several providers of one host.

use std::cmp::Reverse;
use std::time::SystemTime;

use ostia_session::{Marks, OpenedSession, OpenedTicket, Presented, Session, SessionPlace, SessionSlot};
use smallvec::SmallVec;

use super::found::{self, Found, Refused};
use crate::gateway::Gateway;
use crate::snapshot::{RouteState, Snapshot};

/// Sessions that a browser may have on one host; a sign-in beyond that ends the one that was not used for longest.
const MOST_SESSIONS: usize = 4;
/// Cookies that they may take together: 30 KB, so that a request stays within the 64 KB that are usual for its head.
const MOST_COOKIES: usize = 8;
/// Slots that are looked at. A browser has no more; whoever sends more wants us to work.
const MOST_LOOKED_AT: usize = 2 * MOST_SESSIONS;

/// What was found.
#[derive(Default)]
pub(crate) struct Looked {
    /// Sessions that live, the latest sign-in first.
    pub(crate) live: Vec<OpenedSession>,
    /// Cookies that are none.
    pub(crate) refused: Vec<Refused>,
    /// Perhaps sessions, but the store does not answer.
    pub(crate) unavailable: Vec<OpenedTicket>,
}

/// Looks at the sessions in slots that are `wanted`. What was ended is none.
pub(crate) async fn look(
    gateway: &Gateway,
    snapshot: &Snapshot,
    cookies: &[(&[u8], &[u8])],
    host: &str,
    now: SystemTime,
    wanted: impl Fn(SessionSlot) -> bool,
) -> Looked {
    let mut slots = SmallVec::<[SessionSlot; MOST_LOOKED_AT]>::new();
    for slot in cookies.iter().filter_map(|(name, _)| snapshot.sessions.slot_of(name)) {
        if slots.len() < MOST_LOOKED_AT && !slots.contains(&slot) && wanted(slot) {
            slots.push(slot);
        }
    }
    let mut looked = Looked::default();
    for slot in slots {
        match found::find(gateway, snapshot, cookies, SessionPlace { host, slot }, now).await {
            Found::Absent => {}
            Found::Refused(refused) => looked.refused.push(refused),
            Found::Unavailable(opened) => looked.unavailable.push(opened),
            Found::Session(opened) if gateway.endings().has(&Marks::of(&opened.session)) => {
                let (reason, presented) = ("session_signed_out", opened.presented);
                looked.refused.push(Refused { reason, has_ended: false, slot, presented });
            }
            Found::Session(opened) => looked.live.push(opened),
        }
    }
    looked.live.sort_by_key(|opened| Reverse(opened.session.expires_at));
    looked
}

impl Looked {
    /// The latest session at this provider, or at whichever.
    pub(crate) fn latest(&self, provider: Option<&str>) -> Option<&OpenedSession> {
        self.live.iter().find(|opened| provider.is_none_or(|name| is_at(opened, name)))
    }

    /// The end of the latest session of a route's providers that the store does not tell of.
    pub(crate) fn latest_unavailable(&self, snapshot: &Snapshot, route: &RouteState) -> Option<SystemTime> {
        let counts = |opened: &&OpenedTicket| {
            let provider = snapshot.sessions.provider_of(&opened.ticket);
            provider.is_some_and(|provider| route.provider(provider).is_some())
        };
        self.unavailable.iter().filter(counts).map(|opened| opened.ticket.expires_at).max()
    }

    /// A session that has just begun, later than all of these.
    pub(crate) fn then(&self, session: Session) -> Session {
        match self.live.first() {
            Some(latest) => session.later_than(&latest.session),
            None => session,
        }
    }

    /// The sessions that a new one at `provider` in `slot` takes the place of, and those that there is no room for
    /// beside its `cookies`: who was not used for longest goes first.
    pub(crate) fn make_room(self, provider: &str, slot: SessionSlot, cookies: usize) -> Room {
        let (replaced, mut others): (Vec<_>, Vec<_>) =
            self.live.into_iter().partition(|opened| opened.slot == slot || is_at(opened, provider));
        others.sort_by_key(|opened| Reverse(opened.session.last_seen_at));
        let (mut sessions, mut taken) = (1, cookies);
        let (kept, displaced): (Vec<_>, Vec<_>) = others.into_iter().partition(|opened| {
            let fits = sessions < MOST_SESSIONS && taken + opened.presented.count() <= MOST_COOKIES;
            if fits {
                sessions += 1;
                taken += opened.presented.count();
            }
            fits
        });
        let left = replaced.iter().chain(&displaced).map(|opened| (opened.slot, opened.presented));
        let refused = self.refused.iter().map(|refused| (refused.slot, refused.presented));
        Room { empty: left.chain(refused).collect(), displaced, replaced, kept }
    }

    /// What the request brought in a slot; everything, where that was no session.
    pub(crate) fn presented_in(&self, slot: SessionSlot) -> Presented {
        let live = self.live.iter().find(|opened| opened.slot == slot);
        live.map_or(Presented::ALL, |opened| opened.presented)
    }
}

/// What goes when a session comes.
pub(crate) struct Room {
    /// Sessions that it takes the place of.
    pub(crate) replaced: Vec<OpenedSession>,
    /// Sessions that there is no room for.
    pub(crate) displaced: Vec<OpenedSession>,
    /// Sessions that stay.
    kept: Vec<OpenedSession>,
    /// Where they were, and where there was none: nothing is there any more.
    pub(crate) empty: Vec<(SessionSlot, Presented)>,
}

impl Room {
    /// Whether the person of a session that goes has no other left at that issuer, in this browser. Many issuers count
    /// one grant for a person at a client, and revoking a token of it ends all others: that of the session that `came`
    /// must not be revoked as soon as it is given.
    pub(crate) fn is_last_of_its_person(&self, gone: &Session, came: &Session) -> bool {
        let gone = &gone.identity;
        let mut others = self.kept.iter().map(|opened| &opened.session).chain([came]);
        !others
            .any(|other| (&other.identity.issuer, &other.identity.subject) == (&gone.issuer, &gone.subject))
    }
}

fn is_at(opened: &OpenedSession, provider: &str) -> bool {
    &*opened.session.identity.provider == provider
}

#[cfg(test)]
mod tests;
