//! The folder that nodes share: accounts, certificates, answers to challenges.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use ostia_config::listener::{Acme, Certificate};

/// The longest token that is looked for; authorities send 43 characters.
const LONGEST_TOKEN: usize = 128;
/// The longest answer that is read.
const LONGEST_ANSWER: usize = 1024;

/// The part of the folder that belongs to one authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    shared: PathBuf,
    authority: PathBuf,
}

/// Held while a certificate is ordered: one node at a time.
pub(crate) struct Lock(#[expect(dead_code, reason = "it is held, not used")] File);

impl Folder {
    pub(crate) fn new(acme: &Acme, state_dir: &Path) -> Self {
        let shared = acme.folder(state_dir);
        let directory = super::authority::directory(acme);
        // Only letters, digits, `-`, `.` and a port: a URL's host has no others.
        let name = directory.split('/').nth(2).unwrap_or("authority").replace(':', "_");
        Self { authority: shared.join(name), shared }
    }

    /// Where a certificate with its key is kept: in one file, so that a reader never sees half of a change.
    pub(crate) fn pair(&self, name: &str) -> Certificate {
        let file = self.authority.join(name).with_added_extension("pem");
        Certificate { cert_file: file.clone(), key_file: file }
    }

    pub(crate) fn keep_pair(&self, name: &str, key: &str, chain: &str) -> io::Result<()> {
        write(&self.pair(name).cert_file, format!("{key}{chain}").as_bytes())
    }

    /// The account here, if there is one.
    pub(crate) fn account(&self) -> io::Result<Option<AccountCredentials>> {
        match fs::read(self.authority.join("account.json")) {
            Ok(json) => serde_json::from_slice(&json).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn keep_account(&self, credentials: &AccountCredentials) -> io::Result<()> {
        write(
            &self.authority.join("account.json"),
            &serde_json::to_vec(credentials).map_err(io::Error::other)?,
        )
    }

    /// `None` while another node holds it.
    pub(crate) fn try_lock(&self) -> io::Result<Option<Lock>> {
        make_folder(&self.authority)?;
        let file = self.authority.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Puts the answer to `http-01` where every node finds it.
    pub(crate) fn answer_http(&self, token: &str, answer: &str) -> io::Result<Answering> {
        let file = http_file(&self.shared, token).ok_or(io::ErrorKind::InvalidInput)?;
        write(&file, answer.as_bytes())?;
        Ok(Answering(file))
    }

    /// Puts the answer to `tls-alpn-01` where every node finds it.
    pub(crate) fn answer_alpn(&self, name: &str, digest: &[u8]) -> io::Result<Answering> {
        let file = self.alpn_file(name);
        write(&file, digest)?;
        Ok(Answering(file))
    }

    /// The digest that the answer to `tls-alpn-01` for this name has to show.
    pub(crate) fn alpn_answer(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.alpn_file(name)).ok().filter(|digest| digest.len() == 32)
    }

    fn alpn_file(&self, name: &str) -> PathBuf {
        self.shared.join("challenges/tls-alpn-01").join(name)
    }
}

/// An answer, taken back when it is dropped.
pub(crate) struct Answering(PathBuf);

impl Drop for Answering {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// What the node answers to `GET /.well-known/acme-challenge/TOKEN` (RFC 8555 section 8.3), if `folder` (that of
/// [`ostia_config::listener::Acme::folder`]) has an answer. Reads a small file.
#[must_use]
pub fn http_answer(folder: &Path, token: &str) -> Option<String> {
    let answer = fs::read_to_string(http_file(folder, token)?).ok()?;
    (answer.len() <= LONGEST_ANSWER).then_some(answer)
}

/// A token is base64url (RFC 8555 section 8), so no path leads out of the folder.
fn http_file(folder: &Path, token: &str) -> Option<PathBuf> {
    let is_token = (1..=LONGEST_TOKEN).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_token.then(|| folder.join("challenges/http-01").join(token))
}

/// Whoever reads meanwhile sees the whole old or the whole new file.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let beside = path.with_added_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(beside, path)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_leads_out_of_the_folder() {
        let folder = Path::new("/state/acme");
        for token in ["", "..", "../account.json", "a/b", "a.b", "a%2fb", "ä", &"a".repeat(129)] {
            assert_eq!(http_file(folder, token), None, "{token}");
        }
        let good = http_file(folder, "Ab-_9").unwrap();
        assert_eq!(good, Path::new("/state/acme/challenges/http-01/Ab-_9"));
    }

    #[test]
    fn an_answer_is_there_until_it_is_taken_back() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder { shared: state.path().join("acme"), authority: state.path().join("acme/ca") };
        let answering = folder.answer_http("token", "token.thumb").unwrap();
        assert_eq!(http_answer(&folder.shared, "token").as_deref(), Some("token.thumb"));
        drop(answering);
        assert_eq!(http_answer(&folder.shared, "token"), None);
        let answering = folder.answer_alpn("app.example", &[7; 32]).unwrap();
        assert_eq!(folder.alpn_answer("app.example"), Some(vec![7; 32]));
        drop(answering);
        assert_eq!(folder.alpn_answer("app.example"), None);
    }

    #[test]
    fn one_node_at_a_time_holds_the_lock() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder { shared: state.path().to_owned(), authority: state.path().join("ca") };
        let held = folder.try_lock().unwrap().unwrap();
        assert!(folder.try_lock().unwrap().is_none());
        drop(held);
        assert!(folder.try_lock().unwrap().is_some());
    }
}
