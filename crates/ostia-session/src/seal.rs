//! One sealed value: AES-256-GCM-SIV under a purpose key, bound to a name and a host.
//!
//! ```text
//! value  = version (1) ‖ chunks (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
//! bound  = "ostia" ‖ version ‖ purpose ‖ cookie name ‖ host ‖ chunks        texts with their length in front
//! ```
//!
//! SIV (RFC 8452) rather than plain GCM because many nodes draw random 96-bit nonces under one long-lived key, and a
//! restored snapshot of a virtual machine may draw one twice: here that tells at most that two values were equal.

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use smallvec::SmallVec;
use zeroize::Zeroize;

use crate::key_ring::{KeyId, KeyRing};

/// The format of what stands in front of the ciphertext and of the records inside.
const VERSION: u8 = 1;
/// Version, chunks, key id, nonce.
const HEADER_BYTES: usize = 1 + 1 + 4 + NONCE_LEN;
/// The authentication tag of AES-256-GCM-SIV.
const TAG_BYTES: usize = 16;
/// What sealing adds to a text.
pub(crate) const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// What a key is derived for. A value sealed for one purpose never opens for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The login session.
    Session,
    /// What a sign-in in progress must remember.
    Flow,
    /// The `state` parameter of an authorization request.
    State,
    /// The ID token, kept for logout.
    IdToken,
    /// The count of sign-ins that led nowhere.
    Rounds,
    /// The server that served a browser before.
    Server,
    /// A login session that is kept in a store.
    Ticket,
}

impl Purpose {
    /// All of them, in the order of [`Purpose::index`].
    pub(crate) const ALL: [Self; 7] =
        [Self::Session, Self::Flow, Self::State, Self::IdToken, Self::Rounds, Self::Server, Self::Ticket];

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The label in HKDF and in what the ciphertext is bound to. Changing one ends everything that was sealed.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Flow => "flow",
            Self::State => "state",
            Self::IdToken => "id-token",
            Self::Rounds => "rounds",
            Self::Server => "server",
            Self::Ticket => "ticket",
        }
    }
}

/// What a sealed value is bound to besides its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    pub(crate) purpose: Purpose,
    /// The cookie's (first) name.
    pub(crate) name: &'a str,
    /// The host it was set for.
    pub(crate) host: &'a str,
}

/// Why a sealed value was not opened. Who sent it learns nothing of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenRefused {
    /// Not what this crate writes: alphabet, length, chunk count.
    #[error("the value does not have the form of a sealed value")]
    Malformed,
    /// Of another format.
    #[error("the value has a format that this version does not know")]
    UnknownVersion,
    /// Sealed with a key that is not in the ring.
    #[error("the value was sealed with a key that is not in the ring")]
    UnknownKey,
    /// Changed, mixed, or made for another host, cookie or purpose.
    #[error("the value was changed, or was made for another host or cookie")]
    Forged,
}

impl OpenRefused {
    /// The reason as a word for metrics and logs.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Malformed => "cookie_malformed",
            Self::UnknownVersion => "cookie_version_unknown",
            Self::UnknownKey => "cookie_key_unknown",
            Self::Forged => "cookie_forged",
        }
    }
}

/// A value that was opened.
#[derive(Debug)]
pub(crate) struct Plain<'b> {
    pub(crate) text: &'b [u8],
    /// Sealed with the key that seals today; else it is time to seal it anew.
    pub(crate) by_current_key: bool,
}

/// How many chunks the value claims to have, from its first bytes; before anything is known to be true.
pub(crate) fn claimed_chunks(first_bytes: &[u8]) -> Result<usize, OpenRefused> {
    match first_bytes {
        [VERSION, chunks, ..] => Ok(usize::from(*chunks)),
        [_, _, ..] => Err(OpenRefused::UnknownVersion),
        _ => Err(OpenRefused::Malformed),
    }
}

/// Seals `text`. `None` only if the ring has no key or aws-lc-rs fails, which neither can.
pub(crate) fn seal(
    ring: &KeyRing,
    binding: Binding<'_>,
    chunks: u8,
    nonce: [u8; NONCE_LEN],
    text: &[u8],
) -> Option<Vec<u8>> {
    let (id, key) = ring.sealing(binding.purpose)?;
    let mut value = Vec::with_capacity(text.len() + OVERHEAD_BYTES);
    value.extend_from_slice(&[VERSION, chunks]);
    value.extend_from_slice(&id.0);
    value.extend_from_slice(&nonce);
    value.extend_from_slice(text);
    let bound = Aad::from(binding.bytes(chunks));
    let secret = value.get_mut(HEADER_BYTES..)?;
    match key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), bound, secret) {
        Ok(tag) => value.extend_from_slice(tag.as_ref()),
        Err(_) => {
            value.zeroize();
            return None;
        }
    }
    Some(value)
}

/// Opens `value` in place. Whatever is not exactly what [`seal`] made for this binding is refused.
pub(crate) fn open<'b>(
    ring: &KeyRing,
    binding: Binding<'_>,
    value: &'b mut [u8],
) -> Result<Plain<'b>, OpenRefused> {
    let (header, secret) = value.split_at_mut_checked(HEADER_BYTES).ok_or(OpenRefused::Malformed)?;
    let &mut [VERSION, chunks, a, b, c, d, ref nonce @ ..] = header else {
        return Err(OpenRefused::UnknownVersion);
    };
    let nonce: [u8; NONCE_LEN] = (*nonce).try_into().map_err(|_| OpenRefused::Malformed)?;
    let (key, by_current_key) =
        ring.opening(KeyId([a, b, c, d]), binding.purpose).ok_or(OpenRefused::UnknownKey)?;
    let bound = Aad::from(binding.bytes(chunks));
    let text = key
        .open_in_place(Nonce::assume_unique_for_key(nonce), bound, secret)
        .map_err(|_| OpenRefused::Forged)?;
    Ok(Plain { text, by_current_key })
}

impl Binding<'_> {
    /// The associated data: every text has its length in front, so no two bindings have the same bytes.
    fn bytes(self, chunks: u8) -> SmallVec<[u8; 192]> {
        let mut bytes = SmallVec::new();
        bytes.extend_from_slice(b"ostia");
        bytes.push(VERSION);
        for text in [self.purpose.label(), self.name, self.host] {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.push(chunks);
        bytes
    }
}

#[cfg(test)]
mod tests;
