//! `runtime`: threads, drain, state folder.

use std::path::PathBuf;
use std::time::Duration;

/// How the process runs. `threads` and `state_dir` need a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Runtime {
    /// `threads`; `None` is `auto`, one a core.
    pub threads: Option<usize>,
    /// `drain.announce`: readiness is off this long before listeners close. Default 0 s.
    pub drain_announce: Duration,
    /// `drain.deadline`: what is still in flight then is cut. Default 60 s.
    pub drain_deadline: Duration,
    /// `state_dir`, default `$STATE_DIRECTORY`, else `ostia-state` beside the configuration file.
    pub state_dir: PathBuf,
}
