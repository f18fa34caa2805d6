//! The process's own log: life cycle and faults, on standard error.

use std::sync::Once;

use tracing::level_filters::LevelFilter;
use tracing_log::{AsLog as _, LogTracer};
use tracing_subscriber::EnvFilter;

/// Chooses what is told.
pub(crate) const VARIABLE: &str = "OSTIA_LOG";

static STARTED: Once = Once::new();

/// Starts the log once. `OSTIA_LOG` chooses what is told (`info` by default; the form of `tracing`'s `EnvFilter`).
pub(crate) fn start() {
    STARTED.call_once(|| {
        let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| {
            // Pingora logs a line for each client that goes away and each try that fails: the access log and the
            // metrics tell these, with their reasons.
            EnvFilter::new("info,pingora_proxy=off,pingora_core=off,pingora_load_balancing=off")
        });
        // Pingora asks before each of its many messages; below this level the answer is one comparison.
        let loudest = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
        let _ = LogTracer::builder().with_max_level(loudest.as_log()).init();
        let subscriber =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).json().finish();
        let _ = tracing::subscriber::set_global_default(subscriber);
    });
}
