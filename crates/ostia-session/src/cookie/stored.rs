//! Cookies of sessions that are kept in a store.

use std::time::SystemTime;

use super::{Dropped, OpenedSession, SealRefused, SealedSession, SessionCookies, SessionRefused, not_sealed};
use crate::chunk::{self, Place, Presented};
use crate::names::SESSION_CHUNKS;
use crate::seal::{self, Binding, Purpose};
use crate::session::{Session, after};
use crate::ticket::{OpenedTicket, Ticket};

impl SessionCookies {
    /// The cookie of a session that is in the store, for `host`. Of the `presented` chunks those that are not written
    /// anew are taken back.
    ///
    /// # Errors
    /// [`SealRefused`].
    pub fn seal_ticket(
        &self,
        session: &Session,
        host: &str,
        presented: Presented,
        now: SystemTime,
    ) -> Result<SealedSession, SealRefused> {
        let ticket = Ticket {
            id: session.id,
            realm: self.realm_of(session)?.id,
            expires_at: session.expires_at,
            last_seen_at: session.last_seen_at,
        };
        let mut sealed = SealedSession { set_cookies: Vec::new(), dropped: Dropped::default() };
        let place = Place {
            binding: self.ticket_binding(host),
            limit: SESSION_CHUNKS,
            attributes: self.attributes(session, now),
        };
        chunk::write(&self.ring, place, &ticket.write(), presented, &mut sealed.set_cookies)
            .map_err(not_sealed)?;
        Ok(sealed)
    }

    pub(super) fn open_ticket(
        &self,
        sealed: &mut [u8],
        host: &str,
        now: SystemTime,
        presented: Presented,
    ) -> Result<OpenedTicket, SessionRefused> {
        let plain =
            seal::open(&self.ring, self.ticket_binding(host), sealed).map_err(SessionRefused::Sealed)?;
        let ticket = Ticket::read(plain.text).ok_or(SessionRefused::Malformed)?;
        self.realms().by_id(ticket.realm).ok_or(SessionRefused::NoRealm)?;
        if now >= ticket.expires_at {
            return Err(SessionRefused::Ended);
        }
        if now >= after(ticket.last_seen_at, self.lifetimes.idle) {
            return Err(SessionRefused::IdleEnded);
        }
        Ok(OpenedTicket { ticket, presented, by_current_key: plain.by_current_key })
    }

    /// The session of a ticket, as the store has it ([`SessionCookies::open_from_store`]). When it was used last is
    /// what the ticket says: the store is not told of every use.
    ///
    /// # Errors
    /// [`SessionRefused`]: it has ended.
    pub fn resume(
        &self,
        opened: OpenedTicket,
        session: Session,
        now: SystemTime,
    ) -> Result<OpenedSession, SessionRefused> {
        let OpenedTicket { ticket, presented, by_current_key } = opened;
        let session = session.seen(ticket.last_seen_at);
        let resumed = self.if_live(session, by_current_key, presented, now)?;
        Ok(OpenedSession { is_stored: true, ..resumed })
    }

    fn ticket_binding<'a>(&'a self, host: &'a str) -> Binding<'a> {
        Binding { purpose: Purpose::Ticket, name: &self.names.session, host }
    }
}
