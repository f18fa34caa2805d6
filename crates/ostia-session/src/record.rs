//! A session as bytes: what is sealed into the cookie.
//!
//! The provider and its issuer are not in it but the digest of their realm; `sub` and `iss` are not repeated among the
//! claims; claims that only bind one answer of the issuer to one request are left out. Many claims are deflated, alone:
//! next to a secret, the length of what is compressed would tell of it. A change of this form needs a new version in
//! front of the sealed value.

mod pack;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use ostia_config::Secret;
use ostia_identity::{Claims, Identity, Proof};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::realm::{RealmId, Realms};
use crate::session::{Session, SessionId};
use crate::token::Token;

/// Claims that bind a token to one answer or say when that token ends; they mean nothing for the session.
pub(crate) const NOT_KEPT: [&str; 8] = ["nonce", "at_hash", "c_hash", "s_hash", "exp", "nbf", "iat", "jti"];

/// Claims that stay whatever the configuration reads: logout and step-up need them.
const ALWAYS_KEPT: [&str; 4] = ["sid", "acr", "amr", "auth_time"];

/// The form on the wire; postcard keeps the order of the fields.
#[derive(Deserialize, Serialize)]
struct Record<'a> {
    id: [u8; 16],
    realm: [u8; 16],
    subject: &'a str,
    /// Seconds since 1970, as all times here.
    created_at: u64,
    auth_time: Option<u64>,
    expires_at: u64,
    last_seen_at: u64,
    refreshed_at: u64,
    access_expires_at: Option<u64>,
    generation: u32,
    /// Separated by spaces, which no scope has (RFC 6749 section 3.3).
    scopes: &'a str,
    #[serde(borrow)]
    claims: ClaimsText<'a>,
    access_token: Option<&'a [u8]>,
    refresh_token: Option<&'a [u8]>,
}

/// Claims as JSON text.
#[derive(Deserialize, Serialize)]
enum ClaimsText<'a> {
    Plain(&'a [u8]),
    /// RFC 1951.
    Deflated(&'a [u8]),
    /// With UUIDs as bytes, then deflated.
    Packed(&'a [u8]),
}

/// Claims longer than this are deflated: hundreds of groups. Below, it would cost time and gain nothing.
const MAX_PLAIN_BYTES: usize = 1024;
/// The longest text that is inflated: more than four cookies can hold of anything but repetition.
const MAX_INFLATED_BYTES: usize = 256 << 10;
/// Of 1 to 10; the best is worth it once a sign-in.
const DEFLATE_LEVEL: u8 = 9;

/// What of a session goes into the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept<'a> {
    /// `None`: all claims; else these top-level names.
    pub(crate) claims: Option<&'a BTreeSet<String>>,
    pub(crate) access_token: bool,
}

/// Writes a session of this realm.
pub(crate) fn encode(session: &Session, realm: RealmId, kept: Kept<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let identity = &session.identity;
    let text = serde_json::to_vec(&KeptClaims { identity, only: kept.claims }).ok()?;
    let packed = pack_worthy(&text).then(|| pack::pack(&text)).flatten();
    let deflated = deflated(packed.as_deref().unwrap_or(&text), text.len());
    let claims = match (&deflated, &packed) {
        (Some(bytes), Some(_)) => ClaimsText::Packed(bytes),
        (Some(bytes), None) => ClaimsText::Deflated(bytes),
        (None, _) => ClaimsText::Plain(&text),
    };
    let record = Record {
        id: session.id.0,
        realm: realm.0,
        subject: &identity.subject,
        created_at: seconds(session.created_at),
        auth_time: session.auth_time.map(seconds),
        expires_at: seconds(session.expires_at),
        last_seen_at: seconds(session.last_seen_at),
        refreshed_at: seconds(session.refreshed_at),
        access_expires_at: session.access_expires_at.map(seconds),
        generation: session.generation,
        scopes: &identity.scopes.join(" "),
        claims,
        access_token: session.access_token.as_ref().filter(|_| kept.access_token).map(Token::kept),
        refresh_token: session.refresh_token.as_ref().map(Token::kept),
    };
    let bytes = postcard::to_allocvec(&record).ok().map(Zeroizing::new)?;
    Some(match &session.proof_key {
        None => bytes,
        // Behind the record, so that sessions without one are what they were before there were any.
        Some(key) => Zeroizing::new([bytes.as_slice(), key.reveal()].concat()),
    })
}

/// Why the content of a sealed value is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotASession {
    /// Not the form of this version.
    Malformed,
    /// No provider of today's configuration.
    NoRealm,
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode(bytes: &[u8], realms: &Realms) -> Result<Session, NotASession> {
    let (record, rest) =
        postcard::take_from_bytes::<Record<'_>>(bytes).map_err(|_| NotASession::Malformed)?;
    let proof_key = match rest {
        [] => None,
        rest => Some(Secret::new(rest.try_into().map_err(|_| NotASession::Malformed)?)),
    };
    let realm = realms.by_id(RealmId(record.realm)).ok_or(NotASession::NoRealm)?;
    let session = record.session(&realm.provider, &realm.issuer).ok_or(NotASession::Malformed)?;
    Ok(Session { proof_key, ..session })
}

impl Record<'_> {
    fn session(self, provider: &Arc<str>, issuer: &Arc<str>) -> Option<Session> {
        let mut claims = Claims::parse(self.claims.text()?).ok()?;
        claims.set("sub", self.subject.into());
        claims.set("iss", (**issuer).into());
        let expires_at = time(self.expires_at)?;
        let identity = Identity {
            provider: Arc::clone(provider),
            issuer: Arc::clone(issuer),
            subject: self.subject.into(),
            claims,
            scopes: self.scopes.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
            proof: Proof::Session,
            expires_at,
        };
        Some(Session {
            id: SessionId(self.id),
            identity: Arc::new(identity),
            created_at: time(self.created_at)?,
            auth_time: optional(self.auth_time, time)?,
            expires_at,
            last_seen_at: time(self.last_seen_at)?,
            refreshed_at: time(self.refreshed_at)?,
            access_expires_at: optional(self.access_expires_at, time)?,
            generation: self.generation,
            access_token: optional(self.access_token, Token::from_kept)?,
            refresh_token: optional(self.refresh_token, Token::from_kept)?,
            id_token: None,
            proof_key: None,
        })
    }
}

impl ClaimsText<'_> {
    fn text(&self) -> Option<Vec<u8>> {
        match self {
            Self::Plain(text) => Some(text.to_vec()),
            Self::Deflated(bytes) => decompress_to_vec_with_limit(bytes, MAX_INFLATED_BYTES).ok(),
            Self::Packed(bytes) => {
                let packed = decompress_to_vec_with_limit(bytes, MAX_INFLATED_BYTES).ok()?;
                pack::unpack(&packed, MAX_INFLATED_BYTES)
            }
        }
    }
}

fn pack_worthy(text: &[u8]) -> bool {
    (MAX_PLAIN_BYTES..=MAX_INFLATED_BYTES).contains(&text.len())
}

/// `text`, packed or not, of claims that have `plain` bytes.
fn deflated(text: &[u8], plain: usize) -> Option<Vec<u8>> {
    if !(MAX_PLAIN_BYTES..=MAX_INFLATED_BYTES).contains(&plain) {
        return None;
    }
    Some(compress_to_vec(text, DEFLATE_LEVEL)).filter(|bytes| bytes.len() < plain)
}

/// The claims of an identity without what the record says elsewhere or nobody reads.
struct KeptClaims<'a> {
    identity: &'a Identity,
    only: Option<&'a BTreeSet<String>>,
}

impl KeptClaims<'_> {
    fn keeps(&self, name: &str) -> bool {
        let said_elsewhere = name == "sub" || name == "iss" || NOT_KEPT.contains(&name);
        let wanted = self.only.is_none_or(|only| only.contains(name) || ALWAYS_KEPT.contains(&name));
        wanted && !said_elsewhere
    }
}

impl Serialize for KeptClaims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.identity.claims.iter().filter(|(name, _)| self.keeps(name)) {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

fn optional<T, U>(value: Option<T>, read: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    value.map_or(Some(None), |value| read(value).map(Some))
}

/// A time before 1970 is 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

pub(crate) fn time(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
