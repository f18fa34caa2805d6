//! The process frame: sockets first, then the gateway, then signals until the end.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ostia_config::{Config, Name};
use ostia_gateway::{CompileRefused, Extensions, Gateway};
use ostia_listener::Listener;
use pingora::server::ShutdownWatch;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::admin::socket::{self, AdminSocket};
use crate::admin::{self, Admin, Desk};
use crate::reload::Reloader;
use crate::{RunFailed, drain};

/// A server whose sockets are bound and whose configuration is compiled; nothing is accepted yet.
pub(crate) struct Server {
    path: PathBuf,
    gateway: Arc<Gateway>,
    listeners: BTreeMap<Name, Arc<Listener>>,
    admin: TcpListener,
    socket: Option<AdminSocket>,
}

/// A server that accepts connections.
pub(crate) struct Running {
    reloader: Arc<Reloader>,
    gateway: Arc<Gateway>,
    listeners: BTreeMap<Name, Arc<Listener>>,
    shutdown: watch::Sender<bool>,
    _admin: Admin,
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
    let runtime = runtime(config.runtime.threads)?;
    let guard = runtime.enter();
    let server = Server::bind(path, config, extensions)?;
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

fn open_socket(path: &Path, section: &ostia_config::Admin) -> Result<AdminSocket, RunFailed> {
    let failed = |source| RunFailed::Socket { path: path.to_owned(), source };
    socket::bind(path, section.socket_access).map_err(failed)
}

async fn serve(server: Server) -> Result<(), RunFailed> {
    let (mut hangup, mut terminate, mut interrupt) =
        (on(SignalKind::hangup())?, on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    let running = server.start()?;
    loop {
        tokio::select! {
            _ = hangup.recv() => running.reload(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    let again = async {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    };
    running.drain(again).await;
    Ok(())
}

impl Server {
    /// Binds every address and compiles the configuration; the first thing that fails ends the start. Must be called
    /// inside a tokio runtime.
    pub(crate) fn bind(path: &Path, config: Config, extensions: Extensions) -> Result<Self, RunFailed> {
        install_crypto();
        let address = config.admin.bind;
        let admin = TcpListener::bind(address).map_err(|source| RunFailed::Admin { address, source })?;
        let socket = config.admin.socket.as_ref().map(|path| open_socket(path, &config.admin)).transpose()?;
        let mut listeners = BTreeMap::new();
        for section in &config.listeners {
            listeners.insert(section.name.clone(), Arc::new(Listener::bind(section)?));
        }
        let threads = config.runtime.threads.unwrap_or_else(cores);
        let gateway = Gateway::new(config, threads, extensions)?;
        count_panics(&gateway);
        Ok(Self { path: path.to_owned(), gateway, listeners, admin, socket })
    }

    /// Begins to accept connections.
    pub(crate) fn start(self) -> Result<Running, RunFailed> {
        let Self { path, gateway, listeners, admin, socket } = self;
        let (shutdown, watch): (_, ShutdownWatch) = watch::channel(false);
        gateway.start();
        for (name, listener) in &listeners {
            let (listener, app, watch) = (Arc::clone(listener), gateway.front(name), watch.clone());
            tokio::spawn(async move {
                if let Err(error) = listener.serve(app, watch).await {
                    tracing::error!(listener = %listener.name(), %error, "a listener stopped");
                }
            });
        }
        let reloader = Arc::new(Reloader::new(path, Arc::clone(&gateway), listeners.clone()));
        let desk = Desk {
            gateway: Arc::clone(&gateway),
            listeners: Arc::new(listeners.clone()),
            reloader: Arc::clone(&reloader),
        };
        let admin = admin::start(admin, socket, &desk)?;
        tracing::info!(listeners = listeners.len(), hash = %gateway.config_hash(), "serving");
        Ok(Running { reloader, gateway, listeners, shutdown, _admin: admin })
    }
}

impl Running {
    /// Swaps to the file as it is now, all or nothing; what is wrong is in the log.
    pub(crate) fn reload(&self) {
        let _ = self.reloader.reload();
    }

    /// The gateway.
    pub(crate) fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Leaves without dropping anybody; `again` cuts it short.
    pub(crate) async fn drain(self, again: impl Future<Output = ()>) {
        drain::run(&self.gateway, &self.listeners, &self.shutdown, again).await;
        self.gateway.finish();
    }
}
