//! The audit log: one JSON line for each decision that counts and for whatever happens to a session, each holding the
//! hash of the line before.
//!
//! A request leaves its line in a buffer of its thread, as for the access log; the thread that writes numbers and chains
//! the lines, so the order of the file is the order of the chain. No request waits for the disk. What cannot be written,
//! because the disk is full or slower than the decisions, is counted (`ostia_log_lines_dropped_total{log="audit"}`) and,
//! as soon as there is room again, told in the log itself: a line of the event `lost`, with how many.
//!
//! The chain tells of a changed, removed or inserted line. It cannot tell that lines were cut off at the end of a log
//! that is still being written; a log that was closed or rotated ends with a line that says so.

mod chain;
mod event;
mod key;
mod line;
pub mod verify;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::chain::{Chained, Place};
pub(crate) use self::event::EVENTS as SESSION_EVENTS;
pub use self::event::{SessionEvent, SessionLine, WhoAsked};
pub(crate) use self::line::EVENTS;
pub use self::line::{AuditLine, FIELDS, Proof};
use crate::access_log::subject::Subjects;
use crate::access_log::writer::Sink;
use crate::log::Log;
use crate::metrics::Metrics;
use ostia_config::Logs;
use ostia_config::log::{LogTarget, SubjectForm};

/// The name of the key file in the state folder.
pub const KEY_FILE: &str = "audit.key";

/// The kind of [`AuditLog`].
#[derive(Debug)]
pub struct Audit;

/// The audit log. After [`Log::reopen`] the chain goes on in the new file, and the old one is closed.
pub type AuditLog = Log<Audit>;

/// Why the audit log was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditLogRefused {
    /// The file cannot be read or appended to.
    #[error("the audit log {} cannot be opened: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file ends in something that is no line of an audit log.
    #[error("{} does not end as an audit log does; move it away, or name another file", path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
    },
    /// The key of the subjects' hash cannot be read or made.
    #[error("the audit key {} cannot be used: {source}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that writes cannot be started.
    #[error("the audit log cannot be started: {0}")]
    System(#[source] io::Error),
}

impl Log<Audit> {
    /// Opens the log that the configuration names, continues its chain, and starts the thread that writes it. The key of
    /// hashed subjects is made in the state folder when it is not there.
    ///
    /// # Errors
    /// [`AuditLogRefused`].
    pub fn open(config: &Logs, state_dir: &Path, metrics: &Arc<Metrics>) -> Result<Self, AuditLogRefused> {
        let place = match &config.audit {
            LogTarget::None => None,
            LogTarget::Stdout => Some(Place::stdout()),
            LogTarget::File(path) => Some(Place::file(path)?),
        };
        let subjects = match (config.audit_subject, &place) {
            (SubjectForm::Plain, _) => Subjects::Plain,
            (SubjectForm::None, _) | (_, None) => Subjects::None,
            (SubjectForm::Hashed, Some(_)) => {
                Subjects::hashed(&key::read_or_make(&state_dir.join(KEY_FILE))?)
            }
        };
        let dropped = metrics.log_lines_dropped("audit");
        let sink = place.map(|place| Box::new(Chained::begin(place, dropped.clone())) as Box<dyn Sink>);
        Log::start(sink, "audit-log", subjects, dropped).map_err(AuditLogRefused::System)
    }
}
