//! Hot upgrade: the new binary is started with the listening sockets open, says that it serves, and only then the old
//! process drains. When anything goes wrong the old process goes on as before.

use std::env;
use std::ffi::OsString;
use std::io::{self, PipeReader, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use crate::inherit::{self, OF_SYSTEMD, READY, SOCKETS};
use crate::listeners::Listeners;

/// How long the new process may take to serve.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long the old process stays to answer whoever asked for the upgrade.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// systemd's watchdog means the process of this number; the new one answers it, too.
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// Why the old process goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeRefused {
    /// Nobody knows where the binary is.
    #[error("the path of the running binary is not known")]
    NoProgram,
    /// An upgrade is under way.
    #[error("an upgrade is under way already")]
    Busy,
    /// A socket or the pipe could not be left open.
    #[error("the sockets cannot be handed over: {0}")]
    Sockets(io::Error),
    /// It could not be started. Fault of the operator.
    #[error("{} cannot be started: {source}", program.display())]
    Start {
        /// The binary.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It ended before it served. Fault of the operator: its own last words are in the log.
    #[error("the new process ended before it served ({0}); its log says why")]
    Ended(ExitStatus),
    /// It did not serve in time and was ended.
    #[error("the new process did not serve within {} s and was ended", READY_WITHIN.as_secs())]
    Late,
}

impl UpgradeRefused {
    /// The reason in logs and answers.
    pub(crate) fn slug(&self) -> &'static str {
        match self {
            Self::NoProgram => "no_program",
            Self::Busy => "upgrade_under_way",
            Self::Sockets(_) => "sockets",
            Self::Start { .. } => "not_started",
            Self::Ended(_) => "successor_ended",
            Self::Late => "successor_late",
        }
    }
}

/// Hands over once, whoever asks for it.
pub(crate) struct Upgrader {
    program: Option<Program>,
    listeners: Arc<Listeners>,
    /// The socket of the admin address once more, for the successor.
    admin: TcpListener,
    turn: Mutex<()>,
    superseded: Notify,
}

impl Upgrader {
    pub(crate) fn new(listeners: Arc<Listeners>, admin: TcpListener) -> Self {
        let program = Program::running();
        Self { program, listeners, admin, turn: Mutex::default(), superseded: Notify::new() }
    }

    /// Starts the binary anew with the sockets of this process, and waits until it serves; its process number is what
    /// comes back. What was refused is logged, too.
    pub(crate) async fn upgrade(self: &Arc<Self>) -> Result<u32, UpgradeRefused> {
        let Ok(_turn) = self.turn.try_lock() else { return Err(UpgradeRefused::Busy) };
        let sockets = self.listeners.sockets().into_iter().chain(self.admin.try_clone().ok());
        let succeeded = match &self.program {
            Some(program) => program.succeed(sockets.collect()).await,
            None => Err(UpgradeRefused::NoProgram),
        };
        match &succeeded {
            Ok(successor) => {
                tracing::info!(successor, "another process serves now, this one leaves");
                let upgrader = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(LAST_WORDS).await;
                    upgrader.superseded.notify_one();
                });
            }
            Err(refused) => {
                tracing::error!(
                    reason = refused.slug(),
                    "the upgrade failed, this process goes on: {refused}"
                );
            }
        }
        succeeded
    }

    /// Ends when another process serves.
    pub(crate) async fn superseded(&self) {
        self.superseded.notified().await;
    }
}

/// The command that this process was started with, as it has to be run again.
#[derive(Clone, Debug)]
struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// To be called at the start: later the file of the running binary may have another name or none. A path that was
    /// written stays as written, so that a link that was turned leads to the new binary.
    fn running() -> Option<Self> {
        let mut words = env::args_os();
        let written = words.next().map(PathBuf::from).filter(|path| path.components().count() > 1);
        let path = match written {
            Some(written) => std::path::absolute(written).ok(),
            None => env::current_exe().ok(),
        };
        Some(Self { path: path?, arguments: words.collect() })
    }

    /// Starts it with these sockets and waits until it serves; its process number is what comes back.
    async fn succeed(&self, sockets: Vec<TcpListener>) -> Result<u32, UpgradeRefused> {
        let (mut child, ready) = self.start(sockets)?;
        let heard = tokio::task::spawn_blocking(move || hear(ready));
        match timeout(READY_WITHIN, heard).await {
            Ok(Ok(true)) => Ok(child.id()),
            Ok(_) => {
                // It closed the pipe; whatever it still does, it will not serve.
                let _ = child.kill();
                child.wait().map_or(Err(UpgradeRefused::Late), |status| Err(UpgradeRefused::Ended(status)))
            }
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(UpgradeRefused::Late)
            }
        }
    }

    fn start(&self, sockets: Vec<TcpListener>) -> Result<(Child, PipeReader), UpgradeRefused> {
        let (ready, told) = io::pipe().map_err(UpgradeRefused::Sockets)?;
        let numbers: Result<Vec<String>, io::Error> = sockets
            .iter()
            .map(|socket| inherit::leave_open(socket).map(|number| number.to_string()))
            .collect();
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .env(SOCKETS, numbers.map_err(UpgradeRefused::Sockets)?.join(","))
            .env(READY, inherit::leave_open(&told).map_err(UpgradeRefused::Sockets)?.to_string())
            .env_remove(WATCHDOG_PID);
        for name in OF_SYSTEMD {
            command.env_remove(name);
        }
        let child = command.spawn();
        // Copies that would outlive this call could be passed on to a process that knows nothing of them.
        drop((sockets, told));
        let child = child.map_err(|source| UpgradeRefused::Start { program: self.path.clone(), source })?;
        Ok((child, ready))
    }
}

/// Whether the process at the other end said that it serves.
fn hear(mut ready: PipeReader) -> bool {
    matches!(ready.read(&mut [0; 1]), Ok(1))
}
