//! Which of the sessions of a host: people may be signed in at several providers on one host at once.
//!
//! Where a host signs people in at one provider alone, its session has the plain name. Where there are several, each
//! session has a name of its own, made from the name of its provider: whatever their order, all nodes that have the
//! provider agree on it, and two sign-ins that race never write the same cookie.

use aws_lc_rs::digest::{SHA256, digest};

/// Stands between the plain name of a cookie and the provider's mark.
const BETWEEN: &[u8] = b"-at-";
/// Hexadecimal digits of the mark. That two of 200 providers have the same is as likely as 1 in 200,000; then the one
/// session takes the other's place, and a session still opens nothing of the other provider's.
const MARK_DIGITS: usize = 8;

/// One of the sessions that a browser may have on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionSlot(Option<[u8; MARK_DIGITS]>);

/// Where a session is: the checked name of a host without port, and the slot there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPlace<'a> {
    /// The host.
    pub host: &'a str,
    /// Which of its sessions.
    pub slot: SessionSlot,
}

/// The only session of a host.
impl<'a> From<&'a str> for SessionPlace<'a> {
    fn from(host: &'a str) -> Self {
        Self { host, slot: SessionSlot::ONLY }
    }
}

impl SessionSlot {
    /// The session of a host where people sign in at one provider; its cookie has the plain name.
    pub const ONLY: Self = Self(None);

    /// The session at this provider, by its name, of a host where people sign in at several.
    #[must_use]
    pub fn at(provider: &str) -> Self {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let digest = digest(&SHA256, provider.as_bytes());
        let nibbles = digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
        let mut mark = [b'0'; MARK_DIGITS];
        for (to, nibble) in mark.iter_mut().zip(nibbles) {
            *to = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        }
        Self(Some(mark))
    }

    /// The bytes that tell it from others of the same host; none of the only one.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |mark| mark.as_slice())
    }

    /// What stands behind the plain name of a cookie.
    pub(crate) fn suffix(self) -> Option<String> {
        let mark = self.0?;
        Some(BETWEEN.iter().chain(&mark).map(|byte| char::from(*byte)).collect())
    }

    /// The slot that `name` belongs to, and what stands behind it there: nothing, or the number of a chunk.
    pub(crate) fn split<'n>(plain: &str, name: &'n [u8]) -> Option<(Self, &'n [u8])> {
        let rest = name.strip_prefix(plain.as_bytes())?;
        let Some(marked) = rest.strip_prefix(BETWEEN) else { return Some((Self::ONLY, rest)) };
        let (mark, rest) = marked.split_first_chunk::<MARK_DIGITS>()?;
        let is_mark = mark.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        is_mark.then_some((Self(Some(*mark)), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::SessionSlot;

    #[test]
    fn the_slot_of_a_provider_is_the_same_for_ever_and_another_for_each() {
        // Changing this signs everybody out who is signed in at one of several providers.
        assert_eq!(SessionSlot::at("corp").suffix().unwrap(), "-at-19f4c684");
        let mut slots: Vec<_> = (0..200).map(|number| SessionSlot::at(&format!("p{number}"))).collect();
        slots.sort();
        slots.dedup();
        assert_eq!(slots.len(), 200);
        assert_eq!(SessionSlot::ONLY.suffix(), None);
    }

    #[test]
    fn a_name_is_split_into_its_slot_and_the_rest() {
        let corp = SessionSlot::at("corp");
        let name = |rest: &str| format!("c{}{rest}", corp.suffix().unwrap());
        for (name, expected) in [
            ("c".to_owned(), Some((SessionSlot::ONLY, ""))),
            ("c.1".to_owned(), Some((SessionSlot::ONLY, ".1"))),
            (name(""), Some((corp, ""))),
            (name(".3"), Some((corp, ".3"))),
            ("c-at-19f4c68".to_owned(), None),
            ("c-at-19F4C684".to_owned(), None),
            ("b".to_owned(), None),
        ] {
            let split = SessionSlot::split("c", name.as_bytes());
            assert_eq!(split, expected.map(|(slot, rest)| (slot, rest.as_bytes())), "{name}");
        }
    }
}
