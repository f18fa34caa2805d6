//! The process frame: sockets first, then the gateway, then signals until the end.

use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ostia_config::{Config, Name};
use ostia_gateway::{CompileRefused, Extensions, Gateway};
use ostia_listener::Node;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::admin::socket::{self, AdminSocket};
use crate::admin::{self, Admin, Desk};
use crate::inherit::{Inheritance, Predecessor};
use crate::listeners::Listeners;
use crate::reload::Reloader;
use crate::supervisor::{self, Watchdog};
use crate::upgrade::Upgrader;
use crate::{RunFailed, drain};

/// How long a successor waits for its providers.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);
/// How often it looks.
const GLANCE: Duration = Duration::from_millis(10);

/// A server whose sockets are bound and whose configuration is compiled; nothing is accepted yet.
pub(crate) struct Server {
    path: PathBuf,
    gateway: Arc<Gateway>,
    listeners: Arc<Listeners>,
    admin: TcpListener,
    socket: Option<AdminSocket>,
    predecessor: Option<Predecessor>,
}

/// A server that accepts connections.
pub(crate) struct Running {
    reloader: Arc<Reloader>,
    upgrader: Arc<Upgrader>,
    gateway: Arc<Gateway>,
    listeners: Arc<Listeners>,
    admin: Admin,
    _watchdog: Option<Watchdog>,
}

/// Why the process leaves.
enum Leaving {
    /// It was told to.
    Asked,
    /// Another process serves in its place.
    Superseded,
    /// A listener stopped by itself.
    Broken,
}

/// Builds what can be built without the network and without binding an address: what `check` adds to reading.
pub(crate) fn trial(config: &Config, extensions: &Extensions) -> Result<(), CompileRefused> {
    install_crypto();
    Gateway::trial(config, extensions)
}

/// The redirect URIs that have to be registered, by provider.
pub(crate) fn redirect_uris(config: &Config) -> Vec<(Name, String)> {
    ostia_gateway::redirect_uris(config)
}

/// Runs until a signal ends it.
pub(crate) fn run(path: &Path, config: Config, extensions: Extensions) -> Result<(), RunFailed> {
    let inheritance = Inheritance::take();
    let runtime = runtime(config.runtime.threads)?;
    let guard = runtime.enter();
    let server = Server::bind(path, config, extensions, inheritance)?;
    drop(guard);
    let ended = runtime.block_on(serve(server));
    runtime.shutdown_background();
    ended
}

/// The threads that requests run on; `None` is one a core.
pub(crate) fn runtime(threads: Option<usize>) -> Result<Runtime, RunFailed> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.unwrap_or_else(cores))
        .thread_name("ostia")
        .enable_all()
        .build()
        .map_err(|source| RunFailed::System { what: "threads cannot be started", source })
}

/// One crypto library for TLS, tokens and cookies, installed before Pingora installs its own choice.
pub(crate) fn install_crypto() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A panic ends one request, not the process; it is counted and told, never silent.
fn count_panics(gateway: &Arc<Gateway>) {
    let (before, gateway) = (std::panic::take_hook(), Arc::downgrade(gateway));
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(gateway) = gateway.upgrade() {
            gateway.metrics().panicked();
        }
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a task panicked");
        before(panic);
    }));
}

fn on(kind: SignalKind) -> Result<Signal, RunFailed> {
    signal(kind).map_err(|source| RunFailed::System { what: "a signal cannot be caught", source })
}

fn open_socket(
    path: &Path,
    section: &ostia_config::Admin,
    is_successor: bool,
) -> Result<AdminSocket, RunFailed> {
    let failed = |source| RunFailed::Socket { path: path.to_owned(), source };
    socket::bind(path, section.socket_access, is_successor).map_err(failed)
}

async fn serve(server: Server) -> Result<(), RunFailed> {
    let (mut hangup, mut terminate, mut interrupt) =
        (on(SignalKind::hangup())?, on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    let (mut reopen, mut upgrade) = (on(SignalKind::user_defined1())?, on(SignalKind::user_defined2())?);
    let running = server.start().await?;
    let leaving = loop {
        tokio::select! {
            _ = hangup.recv() => running.reload(),
            _ = reopen.recv() => running.gateway.reopen_logs(),
            _ = upgrade.recv() => running.upgrade(),
            () = running.upgrader.superseded() => break Leaving::Superseded,
            _ = terminate.recv() => break Leaving::Asked,
            _ = interrupt.recv() => break Leaving::Asked,
            () = running.listeners.broken() => break Leaving::Broken,
        }
    };
    let again = async {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    };
    running.leave(leaving, again).await
}

impl Server {
    /// Binds every address that was not inherited and compiles the configuration; the first thing that fails ends the
    /// start. Must be called inside a tokio runtime.
    pub(crate) fn bind(
        path: &Path,
        config: Config,
        extensions: Extensions,
        inheritance: Inheritance,
    ) -> Result<Self, RunFailed> {
        install_crypto();
        let Inheritance { sockets, predecessor } = inheritance;
        let address = config.admin.bind;
        let admin = sockets.take(address).map_or_else(|| TcpListener::bind(address), Ok);
        let admin = admin.map_err(|source| RunFailed::Admin { address, source })?;
        let socket = config.admin.socket.as_ref();
        let socket =
            socket.map(|path| open_socket(path, &config.admin, predecessor.is_some())).transpose()?;
        let node = Node::new(&config.runtime.state_dir).with_inherited(sockets.clone());
        let listeners = Arc::new(Listeners::bind(&config.listeners, node)?);
        let unused = sockets.close_rest();
        if !unused.is_empty() {
            tracing::warn!(
                ?unused,
                "inherited sockets that no listener has; whoever connects there waits in vain"
            );
        }
        let threads = config.runtime.threads.unwrap_or_else(cores);
        let gateway = Gateway::new(config, threads, extensions)?;
        count_panics(&gateway);
        Ok(Self { path: path.to_owned(), gateway, listeners, admin, socket, predecessor })
    }

    /// Begins to accept connections. A successor does so when it knows its providers: until then the process before
    /// serves.
    pub(crate) async fn start(self) -> Result<Running, RunFailed> {
        let Self { path, gateway, listeners, admin, socket, predecessor } = self;
        gateway.start();
        if predecessor.is_some() {
            let known = async {
                while !gateway.readiness().ready {
                    tokio::time::sleep(GLANCE).await;
                }
            };
            // A provider that is dark keeps nobody from upgrading.
            let _ = tokio::time::timeout(KNOWN_WITHIN, known).await;
        }
        listeners.start(&gateway);
        let copied = |source| RunFailed::System { what: "the admin address cannot be served", source };
        let upgrader = Arc::new(Upgrader::new(Arc::clone(&listeners), admin.try_clone().map_err(copied)?));
        let reloader = Arc::new(Reloader::new(path, Arc::clone(&gateway), Arc::clone(&listeners)));
        let desk = Desk {
            gateway: Arc::clone(&gateway),
            listeners: Arc::clone(&listeners),
            reloader: Arc::clone(&reloader),
            upgrader: Arc::clone(&upgrader),
        };
        let admin = admin::start(admin, socket, &desk)?;
        tracing::info!(listeners = listeners.all().len(), hash = %gateway.config_hash(), "serving");
        supervisor::ready(predecessor.is_some());
        if let Some(predecessor) = predecessor {
            predecessor.tell_ready();
        }
        Ok(Running { reloader, upgrader, gateway, listeners, admin, _watchdog: Watchdog::begin() })
    }
}

impl Running {
    /// Swaps to the file as it is now, all or nothing; what is wrong is in the log.
    pub(crate) fn reload(&self) {
        let _ = self.reloader.reload();
    }

    /// Hands over, while this process goes on serving; the outcome is in the log.
    fn upgrade(&self) {
        let upgrader = Arc::clone(&self.upgrader);
        tokio::spawn(async move {
            let _ = upgrader.upgrade().await;
        });
    }

    /// The gateway.
    pub(crate) fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Leaves without dropping anybody; `again` cuts it short.
    async fn leave(self, leaving: Leaving, again: impl Future<Output = ()>) -> Result<(), RunFailed> {
        let is_superseded = matches!(leaving, Leaving::Superseded);
        // What asks about readiness from now on is answered by the successor.
        let admin = if is_superseded { None } else { Some(self.admin) };
        drain::run(&self.gateway, &self.listeners, is_superseded, again).await;
        drop(admin);
        self.gateway.finish();
        if matches!(leaving, Leaving::Broken) { Err(RunFailed::ListenerStopped) } else { Ok(()) }
    }

    /// Leaves at once or when nothing is in flight, for whoever runs a server inside of another program.
    pub(crate) async fn drain(self, again: impl Future<Output = ()>) {
        let _ = self.leave(Leaving::Asked, again).await;
    }
}
