//! The file of ticket keys: the operator's own, or one in the state folder that Ostia makes and rotates.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::{TicketKey, TicketKeys};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// More would be a file that nobody tidies.
const MAX_KEYS: usize = 32;
/// The age at which Ostia's own file gets a new key. The one before stays for as long again, longer than a ticket lives.
const ROTATED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Two listeners of one process do not rotate their common file twice.
static ROTATION: Mutex<()> = Mutex::new(());

/// Why the keys of session tickets cannot be used. No key is ever shown.
#[derive(Debug, thiserror::Error)]
pub enum TicketKeysRefused {
    /// The file cannot be read. Fault of the operator.
    #[error("cannot be read ({0})")]
    Unreadable(io::Error),
    /// Ostia's own file cannot be written. Fault of the operator: the state folder.
    #[error("cannot be made ({0}); name a writable `runtime.state_dir` or a `ticket_keys_file`")]
    Unwritable(io::Error),
    /// Not one key in it.
    #[error("holds no key; every line but comments is one key")]
    Empty,
    /// More than 32.
    #[error("holds more than {MAX_KEYS} keys; drop those older than a day")]
    TooManyKeys,
    /// A line that is no key.
    #[error("line {0}: a key is {KEY_BYTES} random bytes as hex (`openssl rand -hex {KEY_BYTES}`)")]
    NoKey(usize),
    /// The system gave no random bytes. Nobody's fault that could be named.
    #[error("cannot be made: the system's random generator does not answer")]
    NoRandomness,
}

impl TicketKeysRefused {
    /// The reason in metrics and logs.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Unwritable(_) => "unwritable",
            Self::Empty => "no_ticket_key",
            Self::TooManyKeys => "too_many_ticket_keys",
            Self::NoKey(_) => "broken_ticket_key",
            Self::NoRandomness => "no_randomness",
        }
    }
}

/// Where the keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TicketFile {
    pub(crate) path: PathBuf,
    is_own: bool,
}

impl TicketFile {
    pub(crate) fn new(named: Option<&Path>, state_dir: &Path) -> Self {
        match named {
            Some(path) => Self { path: path.to_owned(), is_own: false },
            None => Self { path: state_dir.join("tickets.keys"), is_own: true },
        }
    }

    /// Whether Ostia's own file is old enough for a new key.
    pub(crate) fn is_due(&self, now: SystemTime) -> bool {
        self.is_own && age(&self.path, now).is_none_or(|age| age > ROTATED_AFTER)
    }

    /// Makes or rotates Ostia's own file where that is due.
    pub(crate) fn prepare(&self, now: SystemTime) -> Result<(), TicketKeysRefused> {
        if !self.is_due(now) {
            return Ok(());
        }
        let _one_at_a_time = ROTATION.lock();
        if self.is_due(now) { rotate(&self.path) } else { Ok(()) }
    }

    /// Reads the keys.
    pub(crate) fn read(&self) -> Result<TicketKeys, TicketKeysRefused> {
        let text =
            fs::read_to_string(&self.path).map(Zeroizing::new).map_err(TicketKeysRefused::Unreadable)?;
        parse(&text)
    }
}

fn age(path: &Path, now: SystemTime) -> Option<Duration> {
    let modified = fs::metadata(path).and_then(|found| found.modified()).ok()?;
    Some(now.duration_since(modified).unwrap_or_default())
}

/// A new key on top of the one that sealed until now; what was below it is dropped.
fn rotate(path: &Path) -> Result<(), TicketKeysRefused> {
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    rand::fill(key.as_mut()).map_err(|_| TicketKeysRefused::NoRandomness)?;
    let mut text = Zeroizing::new(String::with_capacity(4 * KEY_BYTES + 2));
    key.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
    text.push('\n');
    let before = fs::read_to_string(path).map(Zeroizing::new).unwrap_or_default();
    if let Some(line) = before.lines().find(|line| decode(line).is_some()) {
        text.push_str(line);
        text.push('\n');
    }
    replace(path, text.as_bytes()).map_err(TicketKeysRefused::Unwritable)
}

/// Whoever reads meanwhile sees the whole old or the whole new file.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(beside, path)
}

pub(super) fn parse(text: &str) -> Result<TicketKeys, TicketKeysRefused> {
    let mut keys = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let key = text.split_once('#').map_or(text, |(key, _)| key).trim();
        if key.is_empty() {
            continue;
        }
        if keys.len() == MAX_KEYS {
            return Err(TicketKeysRefused::TooManyKeys);
        }
        let key = decode(key).and_then(|secret| TicketKey::derive(&secret));
        keys.push(key.ok_or(TicketKeysRefused::NoKey(line))?);
    }
    if keys.is_empty() { Err(TicketKeysRefused::Empty) } else { Ok(TicketKeys(keys)) }
}

fn decode(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let (pairs, rest) = text.trim().as_bytes().as_chunks::<2>();
    if pairs.len() != KEY_BYTES || !rest.is_empty() {
        return None;
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    for (byte, [high, low]) in key.iter_mut().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(key)
}
