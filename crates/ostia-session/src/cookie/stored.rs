//! Cookies of sessions that are kept in a store.

use std::time::SystemTime;

use super::{Brought, OpenedSession, SealRefused, SealedSession, SessionCookies, SessionRefused};
use crate::chunk::Presented;
use crate::seal::{self, Binding, Purpose};
use crate::session::{Session, after};
use crate::slot::SessionPlace;
use crate::ticket::{OpenedTicket, Ticket};

impl SessionCookies {
    /// The cookie of a session that is in the store. Of the chunks `presented` there those that are not written anew
    /// are taken back.
    ///
    /// # Errors
    /// [`SealRefused`].
    pub fn seal_ticket(
        &self,
        session: &Session,
        place: SessionPlace<'_>,
        presented: Presented,
        now: SystemTime,
    ) -> Result<SealedSession, SealRefused> {
        let ticket = Ticket {
            id: session.id,
            realm: self.realm_of(session)?.id,
            expires_at: session.expires_at,
            last_seen_at: session.last_seen_at,
        };
        let attributes = self.attributes(session, now);
        self.written(Purpose::Ticket, &ticket.write(), place, presented, attributes)
    }

    pub(super) fn open_ticket(
        &self,
        sealed: &mut [u8],
        binding: Binding<'_>,
        Brought { slot, presented, now }: Brought,
    ) -> Result<OpenedTicket, SessionRefused> {
        let plain = seal::open(&self.ring, binding, sealed).map_err(SessionRefused::Sealed)?;
        let ticket = Ticket::read(plain.text).ok_or(SessionRefused::Malformed)?;
        self.realms().by_id(ticket.realm).ok_or(SessionRefused::NoRealm)?;
        if now >= ticket.expires_at {
            return Err(SessionRefused::Ended);
        }
        if now >= after(ticket.last_seen_at, self.lifetimes.idle) {
            return Err(SessionRefused::IdleEnded);
        }
        Ok(OpenedTicket { ticket, presented, slot, by_current_key: plain.by_current_key })
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
        let OpenedTicket { ticket, presented, slot, by_current_key } = opened;
        let session = session.seen(ticket.last_seen_at);
        let resumed = self.if_live(session, by_current_key, Brought { slot, presented, now })?;
        Ok(OpenedSession { is_stored: true, ..resumed })
    }
}
