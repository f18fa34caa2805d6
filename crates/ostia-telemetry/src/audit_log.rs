//! The audit log: one JSON line for each decision that counts, each holding the hash of the line before.
//!
//! A request leaves its line in a buffer of its thread, as for the access log; the thread that writes numbers and chains
//! the lines, so the order of the file is the order of the chain. No request waits for the disk. What cannot be written,
//! because the disk is full or slower than the decisions, is counted (`ostia_log_lines_dropped_total{log="audit"}`) and,
//! as soon as there is room again, told in the log itself: a line of the event `lost`, with how many.
//!
//! The chain tells of a changed, removed or inserted line. It cannot tell that lines were cut off at the end of a log
//! that is still being written; a log that was closed or rotated ends with a line that says so.

mod chain;
mod key;
mod line;
pub mod verify;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ostia_config::Logs;
use ostia_config::log::{LogTarget, SubjectForm};
use prometheus::IntCounter;

use self::chain::{Chained, Place};
pub(crate) use self::line::EVENTS;
pub use self::line::{AuditLine, FIELDS, Proof};
use crate::access_log::subject::Subjects;
use crate::access_log::writer::Writer;
use crate::metrics::Metrics;

/// The name of the key file in the state folder.
pub const KEY_FILE: &str = "audit.key";

/// The audit log. Dropping it writes what is left.
#[derive(Debug)]
pub struct AuditLog {
    writer: Option<Writer>,
    subjects: Subjects,
    dropped: IntCounter,
}

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

impl AuditLog {
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
        let start = |place| {
            let sink = Box::new(Chained::begin(place, dropped.clone()));
            Writer::start(sink, "audit-log", dropped.clone()).map_err(AuditLogRefused::System)
        };
        Ok(Self { writer: place.map(start).transpose()?, subjects, dropped })
    }

    /// Whether lines go anywhere: ask before gathering one.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Writes a line. Never waits for the target.
    pub fn write(&self, line: &AuditLine<'_>) {
        let Some(writer) = &self.writer else { return };
        if !writer.append(|buffer| line.write_to(buffer, &self.subjects)) {
            self.dropped.inc();
        }
    }

    /// Opens the file anew, after it was moved away (logrotate). What was written before goes to the old one, which is
    /// closed; the chain goes on in the new one.
    pub fn reopen(&self) {
        if let Some(writer) = &self.writer {
            writer.reopen();
        }
    }

    /// Waits until everything that was written is out.
    pub fn flush(&self) {
        if let Some(writer) = &self.writer {
            writer.flush();
        }
    }

    /// Writes what is left, closes the log and stops; lines that come later are dropped and counted.
    pub fn finish(&self) {
        if let Some(writer) = &self.writer {
            writer.finish();
        }
    }
}
