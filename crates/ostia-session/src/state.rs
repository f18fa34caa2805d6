//! The `state` parameter of an authorization request (RFC 6749 section 10.12): a sealed note to ourselves.
//!
//! What binds an answer to this browser is the flow cookie, which names this very state. But a browser that opens ten
//! tabs at once loses some of those cookies; the state still knows where such a tab wanted to go.

use std::time::{Duration, SystemTime};

use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::flow::FlowRefused;
use crate::key_ring::KeyRing;
use crate::random::random_bytes;
use crate::realm::{RealmId, Realms};
use crate::record;
use crate::return_path::is_return_path;
use crate::seal::{self, Binding, Purpose};

/// A longer return path travels in the flow cookie alone: providers take URLs of 4 KB.
const MAX_PATH_BYTES: usize = 1024;
/// The longest state that is looked at.
const MAX_STATE_CHARS: usize = 2048;
/// How long a sign-in may take.
pub(crate) const FLOW_LIFETIME: Duration = Duration::from_secs(600);

/// Where somebody wants to go, who has to sign in first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The provider's name.
    pub provider: String,
    /// Path and query, byte for byte; see [`crate::is_return_path`].
    pub return_to: String,
    /// How often this sign-in was begun anew because its cookie was not there. 0 at first.
    pub rounds: u8,
}

#[derive(Deserialize, Serialize)]
struct Record<'a> {
    /// Makes every state different.
    id: [u8; 16],
    realm: [u8; 16],
    created_at: u64,
    rounds: u8,
    return_to: Option<&'a str>,
}

/// Makes a state for `host`.
pub(crate) fn write(
    ring: &KeyRing,
    realm: RealmId,
    to: &Destination,
    host: &str,
    now: SystemTime,
) -> Option<String> {
    let record = Record {
        id: random_bytes().ok()?,
        realm: realm.0,
        created_at: record::seconds(now),
        rounds: to.rounds,
        return_to: Some(to.return_to.as_str()).filter(|path| path.len() <= MAX_PATH_BYTES),
    };
    let text = postcard::to_allocvec(&record).ok()?;
    let sealed = seal::seal(ring, binding(host), 1, random_bytes().ok()?, &text)?;
    Some(URL_SAFE_NO_PAD.encode_to_string(&sealed))
}

/// What a state of ours says.
pub(crate) struct Noted {
    pub(crate) provider: String,
    /// `None` where it was too long to travel here.
    pub(crate) return_to: Option<String>,
    pub(crate) rounds: u8,
}

/// Reads a state of ours that has not ended.
pub(crate) fn read(
    ring: &KeyRing,
    realms: &Realms,
    state: &str,
    host: &str,
    now: SystemTime,
) -> Result<Noted, FlowRefused> {
    if state.len() > MAX_STATE_CHARS {
        return Err(FlowRefused::StateUnknown);
    }
    let mut sealed = URL_SAFE_NO_PAD.decode_to_vec(state).map_err(|_| FlowRefused::StateUnknown)?;
    let plain = seal::open(ring, binding(host), &mut sealed).map_err(|_| FlowRefused::StateUnknown)?;
    let record: Record<'_> = postcard::from_bytes(plain.text).map_err(|_| FlowRefused::StateUnknown)?;
    if !is_live(record.created_at, now) {
        return Err(FlowRefused::Expired);
    }
    let realm = realms.by_id(RealmId(record.realm)).ok_or(FlowRefused::NoRealm)?;
    if record.return_to.is_some_and(|path| !is_return_path(path)) {
        return Err(FlowRefused::ReturnPath);
    }
    let provider = realm.provider.to_string();
    Ok(Noted { provider, return_to: record.return_to.map(str::to_owned), rounds: record.rounds })
}

/// Whether what was made at `created_at` (seconds) is still good; a clock that is a little behind on this node is.
pub(crate) fn is_live(created_at: u64, now: SystemTime) -> bool {
    let now = record::seconds(now);
    now < created_at.saturating_add(FLOW_LIFETIME.as_secs())
        && created_at < now.saturating_add(FLOW_LIFETIME.as_secs())
}

fn binding(host: &str) -> Binding<'_> {
    Binding { purpose: Purpose::State, name: "state", host }
}
