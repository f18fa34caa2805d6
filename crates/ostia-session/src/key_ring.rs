//! The keys of a node: the first one seals, all of them open.
//!
//! A key file has one key a line: 32 random bytes as base64url or as hex; what follows `#` is a comment. To rotate, put
//! a new key on top and keep the old ones below for as long as a session may live: nobody is signed out. Every node that
//! is to open the same sessions holds the same file.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::seal::Purpose;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Keys that a ring may hold: more would be a file that nobody tidies.
pub const MAX_KEYS: usize = 32;
/// A random key has about 30 different bytes; one with fewer than this was typed, not drawn.
const MIN_DISTINCT_BYTES: usize = 16;

/// Names a key without telling it; stands in front of everything that the key sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId(pub(crate) [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a key file was refused. Lines count from 1; no key is ever shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingRefused {
    /// Not one key in it.
    #[error("there is no key in the file; every line but comments is one key")]
    Empty,
    /// More than [`MAX_KEYS`].
    #[error("there are more than {MAX_KEYS} keys in the file; drop those older than the longest session")]
    TooManyKeys,
    /// Neither base64url nor hex.
    #[error("line {line}: neither base64url nor hex")]
    NotEncoded {
        /// Where.
        line: usize,
    },
    /// Not [`KEY_BYTES`] bytes.
    #[error("line {line}: the key has {bytes} bytes, it must have exactly {KEY_BYTES}")]
    WrongLength {
        /// Where.
        line: usize,
        /// How many there are.
        bytes: usize,
    },
    /// Too few different bytes for something that was drawn at random.
    #[error("line {line}: the key is not random; make one with `openssl rand -hex {KEY_BYTES}`")]
    NotRandom {
        /// Where.
        line: usize,
    },
    /// The same key, or one of the same short name, stands above.
    #[error("line {line}: the same key as in line {first}")]
    Duplicate {
        /// Where.
        line: usize,
        /// Where it stands already.
        first: usize,
    },
    /// The crypto library refused the key; never seen.
    #[error("line {line}: the key cannot be used")]
    Unusable {
        /// Where.
        line: usize,
    },
}

impl KeyRingRefused {
    /// The reason as a word for metrics and logs.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Empty => "key_file_empty",
            Self::TooManyKeys => "key_file_too_many_keys",
            Self::NotEncoded { .. } => "key_not_encoded",
            Self::WrongLength { .. } => "key_wrong_length",
            Self::NotRandom { .. } => "key_not_random",
            Self::Duplicate { .. } => "key_duplicate",
            Self::Unusable { .. } => "key_unusable",
        }
    }
}

/// The keys of a node. Immutable: a changed file makes a new ring.
pub struct KeyRing {
    keys: Vec<RingKey>,
}

/// One key of the file, as the keys that are derived from it; the key itself is not kept.
struct RingKey {
    id: KeyId,
    derived: [LessSafeKey; Purpose::ALL.len()],
}

impl KeyRing {
    /// Reads the text of a key file.
    ///
    /// # Errors
    /// [`KeyRingRefused`] with the line.
    pub fn parse(text: &str) -> Result<Self, KeyRingRefused> {
        let mut keys: Vec<(usize, RingKey)> = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let key = text.split_once('#').map_or(text, |(key, _)| key).trim();
            if key.is_empty() {
                continue;
            }
            if keys.len() == MAX_KEYS {
                return Err(KeyRingRefused::TooManyKeys);
            }
            let key = RingKey::derive(&decode(key, line)?).ok_or(KeyRingRefused::Unusable { line })?;
            if let Some((first, _)) = keys.iter().find(|(_, other)| other.id == key.id) {
                return Err(KeyRingRefused::Duplicate { line, first: *first });
            }
            keys.push((line, key));
        }
        match keys.is_empty() {
            true => Err(KeyRingRefused::Empty),
            false => Ok(Self { keys: keys.into_iter().map(|(_, key)| key).collect() }),
        }
    }

    /// A line for a new key file, with its end of line, from random bytes.
    #[must_use]
    pub fn generate_line(random: [u8; KEY_BYTES]) -> String {
        let random = Zeroizing::new(random);
        let mut line = URL_SAFE_NO_PAD.encode_to_string(random.as_slice());
        line.push('\n');
        line
    }

    /// The names of the keys, the sealing one first; for `status` and logs.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(|key| key.id)
    }

    /// The key that seals for a purpose.
    pub(crate) fn sealing(&self, purpose: Purpose) -> Option<(KeyId, &LessSafeKey)> {
        let key = self.keys.first()?;
        Some((key.id, key.derived.get(purpose.index())?))
    }

    /// The key of this name, and whether it is the one that seals today.
    pub(crate) fn opening(&self, id: KeyId, purpose: Purpose) -> Option<(&LessSafeKey, bool)> {
        let (at, key) = self.keys.iter().enumerate().find(|(_, key)| key.id == id)?;
        Some((key.derived.get(purpose.index())?, at == 0))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids().map(|id| id.to_string())).finish()
    }
}

impl RingKey {
    /// HKDF-SHA256 (RFC 5869): one key a purpose, so that nothing sealed for one is ever opened for another.
    fn derive(key: &[u8]) -> Option<Self> {
        let root = Salt::new(HKDF_SHA256, b"ostia key ring 1").extract(key);
        let mut id = [0; 4];
        root.expand(&[b"key id"], IdBytes).ok()?.fill(&mut id).ok()?;
        let derived =
            Purpose::ALL.iter().map(|purpose| purpose_key(&root, *purpose)).collect::<Option<Vec<_>>>()?;
        Some(Self { id: KeyId(id), derived: derived.try_into().ok()? })
    }
}

fn purpose_key(root: &Prk, purpose: Purpose) -> Option<LessSafeKey> {
    let info = [purpose.label().as_bytes()];
    let key = root.expand(&info, &AES_256_GCM_SIV).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(key)))
}

/// The length of a [`KeyId`], for HKDF.
struct IdBytes;

impl KeyType for IdBytes {
    fn len(&self) -> usize {
        4
    }
}

fn decode(key: &str, line: usize) -> Result<Zeroizing<Vec<u8>>, KeyRingRefused> {
    let bytes = match key.len() == 2 * KEY_BYTES && key.bytes().all(|c| c.is_ascii_hexdigit()) {
        true => from_hex(key),
        false => URL_SAFE_NO_PAD.decode_to_vec(key.trim_end_matches('=')).ok(),
    };
    let bytes = Zeroizing::new(bytes.ok_or(KeyRingRefused::NotEncoded { line })?);
    if bytes.len() != KEY_BYTES {
        return Err(KeyRingRefused::WrongLength { line, bytes: bytes.len() });
    }
    let distinct = (0..=u8::MAX).filter(|byte| bytes.contains(byte)).count();
    if distinct < MIN_DISTINCT_BYTES {
        return Err(KeyRingRefused::NotRandom { line });
    }
    Ok(bytes)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
