//! What the cookie of a session holds that is kept in a store: the name that opens it, and when it was used last.
//!
//! ```text
//! text = session id (16) ‖ realm (16) ‖ end (8) ‖ last seen (8)      times in seconds since 1970, big-endian
//! ```
//!
//! It is always this long, and shorter than any whole session: the length of a sealed value says which of both it is,
//! and each is sealed for a purpose of its own.

use std::time::SystemTime;

use crate::chunk::Presented;
use crate::realm::RealmId;
use crate::record::{seconds, time};
use crate::seal::OVERHEAD_BYTES;
use crate::session::SessionId;
use crate::slot::SessionSlot;

/// The length of the text.
pub(crate) const TEXT_BYTES: usize = 16 + 16 + 8 + 8;

/// The ticket of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The session's name; the key of what is stored comes from it.
    pub id: SessionId,
    /// When it ends at the latest.
    pub expires_at: SystemTime,
    /// As in [`crate::Session`].
    pub last_seen_at: SystemTime,
    pub(crate) realm: RealmId,
}

/// A ticket that was opened and has not ended.
#[derive(Clone, Copy, Debug)]
pub struct OpenedTicket {
    /// The ticket.
    pub ticket: Ticket,
    /// What was presented, for `seal` and `clear`.
    pub presented: Presented,
    /// Where it was.
    pub slot: SessionSlot,
    pub(crate) by_current_key: bool,
}

/// Whether a sealed value has the length of a ticket.
pub(crate) fn is_one(sealed: &[u8]) -> bool {
    sealed.len() == TEXT_BYTES + OVERHEAD_BYTES
}

impl Ticket {
    pub(crate) fn write(&self) -> [u8; TEXT_BYTES] {
        let mut text = [0; TEXT_BYTES];
        let (expires_at, last_seen_at) = (seconds(self.expires_at), seconds(self.last_seen_at));
        let bytes = self.id.0.into_iter().chain(self.realm.0);
        let bytes = bytes.chain(expires_at.to_be_bytes()).chain(last_seen_at.to_be_bytes());
        text.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        text
    }

    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let (id, rest) = text.split_first_chunk::<16>()?;
        let (realm, rest) = rest.split_first_chunk::<16>()?;
        let (expires_at, rest) = rest.split_first_chunk::<8>()?;
        let last_seen_at = rest.try_into().ok()?;
        Some(Self {
            id: SessionId(*id),
            realm: RealmId(*realm),
            expires_at: time(u64::from_be_bytes(*expires_at))?,
            last_seen_at: time(u64::from_be_bytes(last_seen_at))?,
        })
    }
}
