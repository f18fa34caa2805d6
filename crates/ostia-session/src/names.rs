//! The names of Ostia's own cookies, all made from `sessions.cookie.name`.
//!
//! | cookie | name |
//! |---|---|
//! | session | `__Host-ostia`, and `.1` to `.3` where one is too small |
//! | session at one of several providers | `__Host-ostia-at-` and eight hexadecimal digits; `.1` to `.3` |
//! | ID token | `__Secure-ostia-id`, `.1`; its `Path` is `/.ostia/`, which `__Host-` does not allow |
//! | ID token of one of several | `__Secure-ostia-id-at-` and eight hexadecimal digits; `.1` |
//! | sign-in in progress | `__Host-ostia-s0` to `-s3`, each with `.1` |
//! | rounds | `__Host-ostia-rounds` |

use std::borrow::Cow;

use crate::chunk::{chunk_behind, chunk_of};
use crate::slot::SessionSlot;

/// Chunks of the session: 15 KB.
pub(crate) const SESSION_CHUNKS: usize = 4;
/// Chunks of the ID token.
pub(crate) const ID_TOKEN_CHUNKS: usize = 2;
/// Sign-ins in progress in one browser.
pub(crate) const FLOW_SLOTS: usize = 4;
/// Chunks of one of them: a return path may be long.
pub(crate) const FLOW_CHUNKS: usize = 2;
/// What the browser checks: `Secure`, `Path=/`, no `Domain` (RFC 6265bis section 4.1.3.2).
const HOST_PREFIX: &str = "__Host-";

/// Why `sessions.cookie.name` was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of the session cookie must be `__Host-` and 1 to 48 of A-Z a-z 0-9 - _")]
pub struct CookieNameRefused;

/// The names.
#[derive(Clone, Debug)]
pub(crate) struct CookieNames {
    pub(crate) session: String,
    pub(crate) id_token: String,
    pub(crate) flow: [String; FLOW_SLOTS],
    pub(crate) rounds: String,
}

impl CookieNames {
    pub(crate) fn new(session: &str) -> Result<Self, CookieNameRefused> {
        let rest = session.strip_prefix(HOST_PREFIX).ok_or(CookieNameRefused)?;
        let fits = (1..=48).contains(&rest.len());
        if !fits || !rest.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_') {
            return Err(CookieNameRefused);
        }
        Ok(Self {
            session: session.to_owned(),
            id_token: format!("__Secure-{rest}-id"),
            flow: std::array::from_fn(|slot| format!("{session}-s{slot}")),
            rounds: format!("{session}-rounds"),
        })
    }

    /// The name of the session in a slot.
    pub(crate) fn session_in(&self, slot: SessionSlot) -> Cow<'_, str> {
        in_slot(&self.session, slot)
    }

    /// The name of the ID token of the session in a slot.
    pub(crate) fn id_token_in(&self, slot: SessionSlot) -> Cow<'_, str> {
        in_slot(&self.id_token, slot)
    }

    /// The slot whose session has a cookie of this name.
    pub(crate) fn slot_of(&self, name: &[u8]) -> Option<SessionSlot> {
        let (slot, rest) = SessionSlot::split(&self.session, name)?;
        chunk_behind(SESSION_CHUNKS, rest).map(|_| slot)
    }

    /// Whether a cookie of this name is one of ours and must not reach an upstream.
    pub(crate) fn is_ours(&self, name: &[u8]) -> bool {
        // Almost every foreign name leaves here.
        if !name.starts_with(b"__") {
            return false;
        }
        self.slot_of(name).is_some()
            || SessionSlot::split(&self.id_token, name)
                .is_some_and(|(_, rest)| chunk_behind(ID_TOKEN_CHUNKS, rest).is_some())
            || self.flow.iter().any(|flow| chunk_of(flow, FLOW_CHUNKS, name).is_some())
            || name == self.rounds.as_bytes()
    }
}

fn in_slot(plain: &str, slot: SessionSlot) -> Cow<'_, str> {
    match slot.suffix() {
        None => Cow::Borrowed(plain),
        Some(suffix) => Cow::Owned(format!("{plain}{suffix}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{CookieNameRefused, CookieNames};

    #[test]
    fn a_name_without_the_host_prefix_or_outside_the_alphabet_is_refused() {
        for name in
            ["", "ostia", "__Secure-ostia", "__Host-", "__Host-a b", "__Host-a;", "__Host-a.1", "__host-a"]
        {
            assert_eq!(CookieNames::new(name).err(), Some(CookieNameRefused), "{name}");
        }
        assert!(CookieNames::new(&format!("__Host-{}", "a".repeat(49))).is_err());
    }

    #[test]
    fn every_own_cookie_is_ours_and_its_neighbours_are_not() {
        let names = CookieNames::new("__Host-ostia").unwrap();
        for ours in [
            "__Host-ostia",
            "__Host-ostia.1",
            "__Host-ostia.3",
            "__Secure-ostia-id",
            "__Secure-ostia-id.1",
            "__Host-ostia-s0",
            "__Host-ostia-s3.1",
            "__Host-ostia-rounds",
            "__Host-ostia-at-19f4c684",
            "__Host-ostia-at-00000000.3",
            "__Secure-ostia-id-at-19f4c684",
            "__Secure-ostia-id-at-19f4c684.1",
        ] {
            assert!(names.is_ours(ours.as_bytes()), "{ours}");
        }
        for other in [
            "",
            "ostia",
            "__Host-ostia.0",
            "__Host-ostia.4",
            "__Host-ostia.01",
            "__Host-ostia.",
            "__Host-ostia2",
            "__Host-ostia-s4",
            "__Host-ostia-s0.2",
            "__Host-OSTIA",
            "__Secure-ostia",
            "__Host-ostia-roundss",
            "__Host-ostia-at-",
            "__Host-ostia-at-19f4c68",
            "__Host-ostia-at-19f4c6841",
            "__Host-ostia-at-19F4C684",
            "__Host-ostia-at-19f4c684.4",
            "__Host-ostia-at-settings",
            "__Secure-ostia-id-at-19f4c684.2",
        ] {
            assert!(!names.is_ours(other.as_bytes()), "{other}");
        }
    }
}
