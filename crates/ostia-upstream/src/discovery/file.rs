//! Servers in a file that is watched.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use ostia_config::upstream::server_list;
use tokio::fs;

use super::{Found, LookupFailed};

/// Larger is no list of servers.
const MOST_BYTES: u64 = 1024 * 1024;

/// What tells one state of a file from another; a rename brings another inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    inode: u64,
    bytes: u64,
    modified: Option<SystemTime>,
}

pub(super) struct Watch {
    path: PathBuf,
    /// What was read last, well or not: a broken file is told once.
    read: Option<Mark>,
}

impl Watch {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, read: None }
    }

    /// `None` when the file is as it was.
    pub(super) async fn find(&mut self) -> Result<Option<Found>, LookupFailed> {
        let mark = match self.mark().await {
            Ok(mark) => mark,
            Err(error) => {
                self.read = None;
                return Err(LookupFailed::Unreadable(error));
            }
        };
        if self.read == Some(mark) {
            return Ok(None);
        }
        if mark.bytes > MOST_BYTES {
            self.read = Some(mark);
            return Err(LookupFailed::NotAList("it is larger than 1 MiB".to_owned()));
        }
        let text = fs::read_to_string(&self.path).await.map_err(LookupFailed::Unreadable)?;
        // One that was written while it was read is read again the next time.
        self.read = self.mark().await.ok().filter(|after| *after == mark);
        let servers = server_list(&text).map_err(|refused| LookupFailed::NotAList(refused.to_string()))?;
        if servers.is_empty() {
            return Err(LookupFailed::Empty);
        }
        Ok(Some(Found { servers, valid_for: Duration::ZERO }))
    }

    async fn mark(&self) -> std::io::Result<Mark> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::metadata(&self.path).await?;
        Ok(Mark { inode: metadata.ino(), bytes: metadata.len(), modified: metadata.modified().ok() })
    }
}
