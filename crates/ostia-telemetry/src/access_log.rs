//! The access log: one JSON line a request.
//!
//! A request writes its line into a buffer of its own thread; one thread takes the buffers and writes them out in large
//! pieces. No request waits for a disk or a pipe: when the target is slower than the requests, lines are lost and
//! counted (`ostia_log_lines_dropped_total`).

mod end_reason;
pub(crate) mod json;
mod line;
pub(crate) mod subject;
pub(crate) mod timestamp;
pub(crate) mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use ostia_config::Logs;
use ostia_config::log::LogTarget;
use prometheus::IntCounter;

pub use self::end_reason::EndReason;
pub use self::line::{AccessLine, FIELDS};
use self::subject::Subjects;
pub use self::timestamp::rfc3339;
use self::writer::{Target, Writer};
use crate::metrics::Metrics;

/// The access log. Dropping it writes what is left.
#[derive(Debug)]
pub struct AccessLog {
    writer: Option<Writer>,
    subjects: Subjects,
    dropped: IntCounter,
}

/// Why the access log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum AccessLogRefused {
    /// The file cannot be appended to.
    #[error("the access log {} cannot be opened", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that writes cannot be started, or there are no random bytes for the hash of subjects.
    #[error("the access log cannot be started")]
    System(#[source] io::Error),
}

impl AccessLog {
    /// Opens the log that the configuration names, and starts the thread that writes it.
    ///
    /// # Errors
    /// [`AccessLogRefused`].
    pub fn open(config: &Logs, metrics: &Arc<Metrics>) -> Result<Self, AccessLogRefused> {
        let target = match &config.access {
            LogTarget::None => None,
            LogTarget::Stdout => Some(Target::stdout()),
            LogTarget::File(path) => Some(Target::file(path.clone())?),
        };
        let dropped = metrics.log_lines_dropped("access");
        Self::start(target, config, dropped)
    }

    fn start(target: Option<Target>, config: &Logs, dropped: IntCounter) -> Result<Self, AccessLogRefused> {
        let subjects = Subjects::new(config.subject).map_err(AccessLogRefused::System)?;
        let start = |target| {
            Writer::start(Box::new(target), "access-log", dropped.clone()).map_err(AccessLogRefused::System)
        };
        Ok(Self { writer: target.map(start).transpose()?, subjects, dropped })
    }

    /// Whether lines go anywhere: ask before gathering one.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Writes a line. Never waits for the target; about half a microsecond.
    pub fn write(&self, line: &AccessLine<'_>) {
        let Some(writer) = &self.writer else { return };
        if !writer.append(|buffer| line.write_to(buffer, &self.subjects)) {
            self.dropped.inc();
        }
    }

    /// Opens the file anew, after it was moved away (logrotate). What was written before goes to the old one.
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

    /// Writes what is left and stops; lines that come later are dropped and counted.
    pub fn finish(&self) {
        if let Some(writer) = &self.writer {
            writer.finish();
        }
    }
}

#[doc(hidden)]
impl AccessLog {
    /// A log into anything that can be written to; for tests and benches.
    ///
    /// # Errors
    /// As [`AccessLog::open`].
    pub fn into_sink(
        sink: Box<dyn io::Write + Send>,
        config: &Logs,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, AccessLogRefused> {
        Self::start(Some(Target::sink(sink)), config, metrics.log_lines_dropped("access"))
    }
}

#[cfg(test)]
mod tests;
