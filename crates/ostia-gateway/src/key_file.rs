//! The file of the session keys: made once, private, read again at each reload.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use ostia_config::Config;
use ostia_session::KeyRing;
use zeroize::Zeroizing;

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileRefused {
    /// It cannot be read.
    #[error("the session keys in {path} cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be made.
    #[error(
        "the session keys in {path} cannot be made: {source}; name a writable `runtime.state_dir` or a `sessions.keys_file`",
        path = path.display()
    )]
    Make {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system's random generator does not answer")]
    NoRandomness,
}

/// Reads the file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Zeroizing<String>, KeyFileRefused> {
    fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| KeyFileRefused::Read { path: path.to_owned(), source })
}

/// A line for a key file, with its end.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_line() -> Result<Zeroizing<String>, KeyFileRefused> {
    let mut key = Zeroizing::new([0_u8; 32]);
    SystemRandom::new().fill(key.as_mut()).map_err(|_| KeyFileRefused::NoRandomness)?;
    Ok(Zeroizing::new(KeyRing::generate_line(*key)))
}

/// The key file of a configuration.
#[must_use]
pub fn path_of(config: &Config) -> PathBuf {
    config.sessions.keys_file.clone().unwrap_or_else(|| config.runtime.state_dir.join("session.keys"))
}

/// How many keys the text of a key file has.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str) -> Result<usize, String> {
    KeyRing::parse(text).map(|ring| ring.ids().count()).map_err(|refused| refused.to_string())
}

/// Makes a folder for the eyes of its owner alone; leaves an existing one as it is.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(folder: &Path) -> Result<(), KeyFileRefused> {
    let failed = |source| KeyFileRefused::Make { path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)
}

/// Makes the file with one new key, readable by its owner alone; leaves an existing one as it is.
///
/// # Errors
/// When the file or its folder cannot be made.
pub fn make_if_absent(path: &Path) -> Result<(), KeyFileRefused> {
    let failed = |source| KeyFileRefused::Make { path: path.to_owned(), source };
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let line = new_line()?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => file.write_all(format!("{}\n", line.trim_end()).as_bytes()).map_err(failed),
        // Another process of this node was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}
