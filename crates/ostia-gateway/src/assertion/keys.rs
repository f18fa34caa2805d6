//! The keys that sign: the first of the file signs, all of them are published, so that a change has an overlap.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// More keys than any change needs.
const MOST_KEYS: usize = 8;

/// The keys of the nodes. At least one.
pub struct AssertionKeys {
    first: Key,
    others: Vec<Key>,
    /// The public keys, as they are served.
    set: String,
}

struct Key {
    pair: EcdsaKeyPair,
    /// The key's thumbprint (RFC 7638): every node calls it the same.
    id: String,
    public_pem: String,
    public: Value,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionKeysRefused {
    /// The file cannot be read.
    #[error("the assertion keys in {path} cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error(
        "the assertion keys in {path} cannot be made: {source}; name a writable `runtime.state_dir` or an \
         `identity.assertion.keys_file`",
        path = path.display()
    )]
    Make {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "the assertion keys in {path} cannot be used: {reason}; \
         `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes one",
        path = path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl AssertionKeys {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or holds something other than private keys on P-256.
    pub fn read(path: &Path) -> Result<Self, AssertionKeysRefused> {
        let text = fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|source| AssertionKeysRefused::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|reason| AssertionKeysRefused::Content { path: path.to_owned(), reason })
    }

    /// Reads the file; makes it with one new key, readable by its owner alone, when it is not there.
    ///
    /// # Errors
    /// When it cannot be made, read or used.
    pub fn read_or_make(path: &Path) -> Result<Self, AssertionKeysRefused> {
        if !path.exists() {
            make(path).map_err(|source| AssertionKeysRefused::Make { path: path.to_owned(), source })?;
        }
        Self::read(path)
    }

    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("-----BEGIN ") {
            let _ = before;
            let block = after
                .strip_prefix("PRIVATE KEY-----")
                .ok_or("a part of it is no PKCS#8 key (BEGIN PRIVATE KEY)")?;
            let (body, behind) = block.split_once(END).ok_or("a key has no end")?;
            keys.push(Key::parse(body)?);
            rest = behind;
        }
        if keys.len() > MOST_KEYS {
            return Err("it holds more than eight keys");
        }
        let all: Vec<&Value> = keys.iter().map(|key| &key.public).collect();
        let set = json!({ "keys": all }).to_string();
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or("it holds no key")?;
        Ok(Self { first, others: keys.collect(), set })
    }

    /// The published set (RFC 7517 section 5).
    #[must_use]
    pub fn set(&self) -> &str {
        &self.set
    }

    /// A public key by its id, as PEM.
    #[must_use]
    pub fn public_pem(&self, id: &str) -> Option<&str> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .find(|key| key.id == id)
            .map(|key| key.public_pem.as_str())
    }

    /// The id of the key that signs.
    #[must_use]
    pub fn signing_id(&self) -> &str {
        &self.first.id
    }

    /// Signs; 64 bytes, as JOSE has them (RFC 7518 section 3.4).
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.first.pair.sign(&SystemRandom::new(), message).ok()?;
        Some(signature.as_ref().to_vec())
    }
}

impl Key {
    fn parse(body: &str) -> Result<Self, &'static str> {
        let base64: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
        let der = STANDARD.decode_to_vec(base64.as_bytes()).map_err(|_| "a key is not base64")?;
        let der = Zeroizing::new(der);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map_err(|_| "a key is not on P-256")?;
        let point = pair.public_key().as_ref();
        let (Some(0x04), Some(x), Some(y)) = (point.first(), point.get(1..33), point.get(33..65)) else {
            return Err("a key is not on P-256");
        };
        let (x, y) = (URL_SAFE_NO_PAD.encode_to_string(x), URL_SAFE_NO_PAD.encode_to_string(y));
        // The members in this order and nothing else (RFC 7638 section 3.2).
        let thumbprint = format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{x}\",\"y\":\"{y}\"}}");
        let id = URL_SAFE_NO_PAD.encode_to_string(digest::digest(&digest::SHA256, thumbprint.as_bytes()));
        let public =
            json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y });
        let der = pair.public_key().as_der().map_err(|_| "a key cannot be written")?;
        Ok(Self { id, public_pem: pem("PUBLIC KEY", der.as_ref()), public, pair })
    }
}

fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| io::Error::other("the system's random generator does not answer"))?;
    let text = Zeroizing::new(pem("PRIVATE KEY", key.as_ref()));
    debug_assert!(text.starts_with(BEGIN));
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        // Another process of this node was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let base64 = Zeroizing::new(STANDARD.encode_to_string(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
