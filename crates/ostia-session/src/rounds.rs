//! Sign-ins that came back and led nowhere: after three within a minute it is a loop.
//!
//! A small sealed cookie counts the callbacks of a browser. Whoever has to sign in *again* right after three of them has
//! no session for a reason that one more round will not remove: a cookie that the browser drops, a clock that is wrong,
//! nodes with different keys. Starts are not counted: ten tabs that open at once are no loop. Nor are sign-ins at one
//! provider after another, which people do who use several on one host.

use std::time::{Duration, SystemTime};

use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderValue;
use ostia_config::session::SameSite;

use crate::key_ring::KeyRing;
use crate::random::random_bytes;
use crate::realm::RealmId;
use crate::record;
use crate::seal::{self, Binding, Purpose};
use crate::set_cookie::{self, Attributes, EVERYWHERE};

/// This many rounds are one too many.
const LIMIT: u8 = 3;
/// Rounds older than this are forgotten.
const WINDOW: Duration = Duration::from_secs(60);
/// The longest value that is looked at: 13 bytes sealed are 63 characters.
const MAX_CHARS: usize = 64;

/// What a browser has behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rounds {
    count: u8,
    /// Seconds since 1970.
    since: u64,
    /// The beginning of the realm that they were at.
    at: [u8; 4],
}

impl Rounds {
    /// Reads the cookie's value. What cannot be read counts as no rounds: a browser that forges it harms itself alone.
    pub(crate) fn read(ring: &KeyRing, name: &str, host: &str, value: &[u8], now: SystemTime) -> Self {
        Self::opened(ring, binding(name, host), value)
            .filter(|rounds| rounds.is_recent(now))
            .unwrap_or_default()
    }

    fn opened(ring: &KeyRing, binding: Binding<'_>, value: &[u8]) -> Option<Self> {
        if value.len() > MAX_CHARS {
            return None;
        }
        let mut sealed = URL_SAFE_NO_PAD.decode_to_vec(value).ok()?;
        match seal::open(ring, binding, &mut sealed).ok()?.text {
            [count, rest @ ..] => {
                let (since, at) = rest.split_first_chunk()?;
                Some(Self { count: *count, since: u64::from_be_bytes(*since), at: at.try_into().ok()? })
            }
            [] => None,
        }
    }

    /// Whether it is time to stop, instead of one more at this realm.
    pub(crate) fn are_a_loop(self, realm: RealmId) -> bool {
        self.count >= LIMIT && self.at == start_of(realm)
    }

    /// One more at this realm.
    pub(crate) fn and_one(self, realm: RealmId, now: SystemTime) -> Self {
        let at = start_of(realm);
        match self.count {
            count if count > 0 && self.at == at => Self { count: count.saturating_add(1), ..self },
            _ => Self { count: 1, since: record::seconds(now), at },
        }
    }

    /// The field that carries it on; `None` if it cannot be sealed.
    pub(crate) fn written(self, ring: &KeyRing, name: &str, host: &str) -> Option<HeaderValue> {
        let text = [[self.count].as_slice(), &self.since.to_be_bytes(), &self.at].concat();
        let sealed = seal::seal(ring, binding(name, host), 1, random_bytes().ok()?, &text)?;
        let value = URL_SAFE_NO_PAD.encode_to_string(&sealed);
        let attributes =
            Attributes { path: EVERYWHERE, max_age_s: WINDOW.as_secs(), same_site: SameSite::Lax };
        Some(set_cookie::set(name, 0, &value, attributes))
    }

    fn is_recent(self, now: SystemTime) -> bool {
        record::seconds(now).abs_diff(self.since) < WINDOW.as_secs()
    }
}

fn start_of(RealmId([a, b, c, d, ..]): RealmId) -> [u8; 4] {
    [a, b, c, d]
}

fn binding<'a>(name: &'a str, host: &'a str) -> Binding<'a> {
    Binding { purpose: Purpose::Rounds, name, host }
}
