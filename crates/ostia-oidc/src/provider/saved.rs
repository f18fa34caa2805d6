//! The copy of metadata and keys on disk, with which a node boots while the issuer is dark.
//!
//! The file is written beside its final name and renamed, readable by its owner alone. It is read once, at boot, and
//! goes through the same checks as an answer of the issuer.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::http::BODY_LIMIT;

/// What is kept: both documents as they came.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    issuer: String,
    /// Seconds since 1970 when the keys were last confirmed.
    confirmed_at: u64,
    metadata: Box<RawValue>,
    keys: Box<RawValue>,
}

impl Saved {
    /// A copy of two documents that were accepted at `confirmed_at`; `None` when one is no JSON text.
    pub(crate) fn new(issuer: &str, metadata: &[u8], keys: &[u8], confirmed_at: SystemTime) -> Option<Self> {
        let raw = |bytes: &[u8]| RawValue::from_string(String::from_utf8(bytes.to_vec()).ok()?).ok();
        Some(Self {
            issuer: issuer.to_owned(),
            confirmed_at: confirmed_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            metadata: raw(metadata)?,
            keys: raw(keys)?,
        })
    }

    /// The metadata document.
    pub(crate) fn metadata(&self) -> &[u8] {
        self.metadata.get().as_bytes()
    }

    /// The key set document.
    pub(crate) fn keys(&self) -> &[u8] {
        self.keys.get().as_bytes()
    }

    /// When the keys were last confirmed by the issuer.
    pub(crate) fn confirmed_at(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.confirmed_at)).unwrap_or(UNIX_EPOCH)
    }

    /// Reads the copy of this issuer; `None` when there is none.
    ///
    /// # Errors
    /// The file cannot be read, is too large, or is not a copy of this issuer.
    pub(crate) fn read(path: &Path, issuer: &str) -> io::Result<Option<Self>> {
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let limit = 2 * BODY_LIMIT as u64 + 4096;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        let saved: Self = serde_json::from_slice(&bytes)?;
        if saved.issuer != issuer {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the saved copy is of another issuer"));
        }
        Ok(Some(saved))
    }

    /// Replaces the copy at `path`, all or nothing.
    ///
    /// # Errors
    /// The folder is missing, full or not ours to write to; the old copy stays.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("json.new");
        let bytes = serde_json::to_vec(self)?;
        // What a crash left there may have other rights; `create_new` follows no link either.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }
}

/// Where the copy of a provider is kept. The name is made of a digest, for provider names may hold `/`; two providers of
/// one issuer have a file each.
pub(crate) fn path_in(state_dir: &Path, provider: &str, issuer: &str) -> PathBuf {
    let mut text = provider.as_bytes().to_vec();
    text.push(0);
    text.extend_from_slice(issuer.as_bytes());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
    let mut name = String::from("provider-");
    for byte in digest.as_ref().iter().take(12) {
        name.push_str(&format!("{byte:02x}"));
    }
    name.push_str(".json");
    state_dir.join(name)
}
