//! Session tickets (RFC 5077, RFC 8446 section 4.6.1): sealed with keys from a file, so that a client resumes on any
//! node that has the file and after a restart.
//!
//! A ticket names its key and the second it was made, both authenticated, and ends after 12 hours. What the listener
//! asks of clients is authenticated with it: a ticket that was given under other authorities opens nothing, because
//! resumption does not check a client's certificate again.

mod file;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;

pub(crate) use file::TicketFile;
pub use file::TicketKeysRefused;

/// How long a session can be resumed. RFC 8446 section 4.6.1 allows 7 days; this is what browsers make use of.
const LIFETIME_S: u32 = 12 * 60 * 60;
/// How far the clock of the node that made a ticket may be ahead.
const SKEW_S: u64 = 300;
/// What the keys are derived for.
const PURPOSE: &[u8] = b"ostia tls ticket 1";
const ID_BYTES: usize = 8;
const MADE_AT_BYTES: usize = 8;
const HEAD_BYTES: usize = ID_BYTES + MADE_AT_BYTES;

/// What a listener asks of its clients, as a digest.
pub(crate) type Asked = [u8; 32];

/// The keys of a file: the first seals, all open. Immutable, a changed file makes others.
#[derive(Debug)]
pub(crate) struct TicketKeys(Vec<TicketKey>);

struct TicketKey {
    id: [u8; ID_BYTES],
    key: LessSafeKey,
}

impl std::fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketKey").finish_non_exhaustive()
    }
}

impl TicketKey {
    fn derive(secret: &[u8; 32]) -> Option<Self> {
        let root = Salt::new(HKDF_SHA256, &[]).extract(secret);
        let mut id = [0; ID_BYTES];
        root.expand(&[PURPOSE, b"id"], Bytes(ID_BYTES)).ok()?.fill(&mut id).ok()?;
        let key = UnboundKey::from(root.expand(&[PURPOSE, b"seal"], &AES_256_GCM_SIV).ok()?);
        Some(Self { id, key: LessSafeKey::new(key) })
    }
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// The ticket maker of one configuration of a listener.
#[derive(Debug)]
pub(crate) struct Tickets {
    keys: Arc<TicketKeys>,
    asked: Asked,
}

impl Tickets {
    pub(crate) fn new(keys: Arc<TicketKeys>, asked: Asked) -> Self {
        Self { keys, asked }
    }

    /// The head of a ticket and what the listener asks, as what the seal covers beside the content.
    fn covered(&self, head: &[u8]) -> Aad<[u8; HEAD_BYTES + 32]> {
        let mut covered = [0; HEAD_BYTES + 32];
        let bytes = head.iter().chain(&self.asked);
        covered.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Aad::from(covered)
    }

    fn seal(&self, plain: &[u8], now: SystemTime) -> Option<Vec<u8>> {
        let TicketKey { id, key } = self.keys.0.first()?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).ok()?;
        let mut ticket = Vec::with_capacity(HEAD_BYTES + NONCE_LEN + plain.len() + AES_256_GCM_SIV.tag_len());
        ticket.extend_from_slice(id);
        ticket.extend_from_slice(&seconds(now).to_be_bytes());
        let covered = self.covered(&ticket);
        let mut sealed = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), covered, &mut sealed).ok()?;
        ticket.extend_from_slice(&nonce);
        ticket.append(&mut sealed);
        Some(ticket)
    }

    fn open(&self, ticket: &[u8], now: SystemTime) -> Option<Vec<u8>> {
        let (head, rest) = ticket.split_at_checked(HEAD_BYTES)?;
        let (id, made_at) = head.split_at_checked(ID_BYTES)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let made_at = u64::from_be_bytes(made_at.try_into().ok()?);
        let now = seconds(now);
        if made_at > now + SKEW_S || now.saturating_sub(made_at) > u64::from(LIFETIME_S) {
            return None;
        }
        let TicketKey { key, .. } = self.keys.0.iter().find(|key| key.id == id)?;
        let mut plain = sealed.to_vec();
        let length = key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), self.covered(head), &mut plain)
            .ok()?
            .len();
        plain.truncate(length);
        Some(plain)
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME_S
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(plain, SystemTime::now())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.open(ticket, SystemTime::now())
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
