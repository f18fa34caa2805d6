//! The key of hashed subjects: 32 random bytes as hex, in a file of the state folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::rand;

use super::AuditLogRefused;

/// The key of this file. One that is absent is made, readable by its owner alone.
pub(super) fn read_or_make(path: &Path) -> Result<[u8; 32], AuditLogRefused> {
    let refused = |source| AuditLogRefused::Key { path: path.to_owned(), source };
    match fs::read_to_string(path) {
        Ok(text) => {
            parsed(text.trim()).ok_or_else(|| refused(io::Error::other("it is not 64 hexadecimal digits")))
        }
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => make(path).map_err(refused),
        Err(error) => Err(refused(error)),
    }
}

fn make(path: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0_u8; 32];
    rand::fill(&mut key).map_err(|_| io::Error::other("no random bytes"))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", super::chain::hex(&key))?;
    file.sync_all()?;
    Ok(key)
}

fn parsed(text: &str) -> Option<[u8; 32]> {
    let mut key = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(key)
}
