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
use self::writer::{Sink, Target};
use crate::log::Log;
use crate::metrics::Metrics;

/// The kind of [`AccessLog`].
#[derive(Debug)]
pub struct Access;

/// The access log.
pub type AccessLog = Log<Access>;

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

impl Log<Access> {
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
        into_target(target, config, metrics.log_lines_dropped("access"))
    }
}

fn into_target(
    target: Option<Target>,
    config: &Logs,
    dropped: IntCounter,
) -> Result<AccessLog, AccessLogRefused> {
    let subjects = Subjects::new(config.subject).map_err(AccessLogRefused::System)?;
    let sink = target.map(|target| Box::new(target) as Box<dyn Sink>);
    Log::start(sink, "access-log", subjects, dropped).map_err(AccessLogRefused::System)
}

#[doc(hidden)]
impl Log<Access> {
    /// A log into anything that can be written to; for tests and benches.
    ///
    /// # Errors
    /// As [`AccessLog::open`].
    pub fn into_sink(
        sink: Box<dyn io::Write + Send>,
        config: &Logs,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, AccessLogRefused> {
        into_target(Some(Target::sink(sink)), config, metrics.log_lines_dropped("access"))
    }
}

#[cfg(test)]
mod tests;
