//! The name of one request, in logs, on pages and towards the upstream.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

/// A UUID version 7 (RFC 9562 section 5.7) as text. It names, it does not protect: its random part comes from a fast
/// generator of the thread, seeded by the system.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 36]);

thread_local! {
    static RANDOM: Cell<u64> = Cell::new(RandomState::new().hash_one(0x05_71_a0_u64));
}

/// splitmix64: one multiplication chain a number, no system call.
fn random() -> u64 {
    RANDOM.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

impl RequestId {
    /// A new name, made at `now`.
    #[must_use]
    pub fn new(now: SystemTime) -> Self {
        let millis = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        let mut random_bytes = [0_u8; 10];
        let (low, high) = (random().to_le_bytes(), random().to_le_bytes());
        for (target, source) in random_bytes.iter_mut().zip(low.iter().chain(high.iter())) {
            *target = *source;
        }
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes).into_uuid();
        let mut text = [0_u8; 36];
        uuid.hyphenated().encode_lower(&mut text);
        Self(text)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }

    /// The name as a field value.
    #[must_use]
    pub fn to_value(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_version_7_and_distinct() {
        let now = SystemTime::now();
        let ids: HashSet<String> = (0..10_000).map(|_| RequestId::new(now).as_str().to_owned()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.as_bytes()[14] == b'7'));
    }
}
