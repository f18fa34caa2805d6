//! The key file is watched: a key that is put on top seals from the next second on, and one that is taken away opens
//! nothing any more.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::gateway::Gateway;
use crate::key_file;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// What tells that a file is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    changed_at: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self { inode: metadata.ino(), length: metadata.len(), changed_at: metadata.modified().ok() })
    }
}

/// Watches until the gateway is gone.
pub(crate) fn watch(gateway: &Arc<Gateway>) {
    let this = Arc::downgrade(gateway);
    let mut path = key_file::path_of(&gateway.snapshot().config);
    let mut known = Stamp::of(&path);
    tokio::spawn(async move {
        let mut clock = tokio::time::interval(LOOK);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            clock.tick().await;
            let Some(gateway) = this.upgrade() else { return };
            let now_at = key_file::path_of(&gateway.snapshot().config);
            let stamp = Stamp::of(&now_at);
            if now_at != path {
                // A reload named another file and has read it.
                (path, known) = (now_at, stamp);
                continue;
            }
            // A file that is not there is being replaced, or its disk is away: the keys of before stay.
            if stamp.is_none() || stamp == known {
                continue;
            }
            // Reads files, which may take its time.
            let read = tokio::task::spawn_blocking(move || gateway.rekey()).await;
            match read.unwrap_or(Ok(false)) {
                Ok(true) => {
                    known = stamp;
                    tracing::info!("the session keys were read anew");
                }
                // A reload came between: look again.
                Ok(false) => {}
                Err(error) => {
                    known = stamp;
                    tracing::error!(%error, "the session keys have changed and cannot be used; those of before stay");
                }
            }
        }
    });
}
