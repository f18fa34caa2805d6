//! A bound listener: from its section of the configuration to served connections.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ostia_config as config;
use parking_lot::Mutex;
use pingora_core::apps::HttpServerApp;
use pingora_core::server::ShutdownWatch;
use tokio::task::JoinSet;

use crate::accept::accept;
use crate::acme;
use crate::bind::{listen, remedy};
use crate::certificate::CertificateState;
use crate::counters::Counters;
use crate::edge::{Edge, Shared};
use crate::inherited::InheritedSockets;
use crate::node::Node;
use crate::refused::RefusedRequest;
use crate::renewal::Renewal;
use crate::settings::Settings;
use crate::tls::{FileState, Tls, TlsRefused};

/// Why a listener could not be made, changed or started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenerRefused {
    /// An address cannot be bound. Fault of the operator or of the machine.
    #[error("listener `{listener}` cannot bind {address}: {source}; {}", remedy(source))]
    Bind {
        /// Its key under `listeners`.
        listener: config::Name,
        /// The address.
        address: SocketAddr,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// TLS cannot be set up. Fault of the operator.
    #[error("listener `{listener}`: {source}")]
    Tls {
        /// Its key under `listeners`.
        listener: config::Name,
        /// What is wrong.
        source: TlsRefused,
    },
    /// The section has other addresses; see [`Listener::rebind`].
    #[error("listener `{listener}`: `bind` has changed")]
    BindChanged {
        /// Its key under `listeners`.
        listener: config::Name,
    },
    /// The runtime could not take the sockets over, or they serve already.
    #[error("listener `{listener}` cannot serve: {source}")]
    Serve {
        /// Its key under `listeners`.
        listener: config::Name,
        /// What the runtime said.
        source: std::io::Error,
    },
}

impl ListenerRefused {
    /// The reason in metrics and logs.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "bind",
            Self::Tls { source, .. } => source.slug(),
            Self::BindChanged { .. } => "bind_changed",
            Self::Serve { .. } => "serve",
        }
    }
}

/// One listener, bound to its addresses.
#[derive(Debug)]
pub struct Listener {
    name: config::Name,
    /// As configured: what a reload is compared with.
    bind: Vec<SocketAddr>,
    addresses: Vec<SocketAddr>,
    /// Until they serve.
    sockets: Mutex<Option<Vec<TcpListener>>>,
    /// The same once more while they serve, for whoever takes them over.
    kept: Mutex<Vec<TcpListener>>,
    node: Node,
    shared: Arc<Shared>,
}

impl Listener {
    /// Loads the certificates and binds every address. From then on the kernel queues connections, so a client that
    /// comes early waits instead of being turned away; nothing is accepted before [`Listener::serve`].
    ///
    /// # Errors
    /// The first certificate or address that fails, with what to do about it. Nothing stays bound.
    pub fn bind(section: &config::Listener, node: &Node) -> Result<Self, ListenerRefused> {
        let settings = compile(section, node)?;
        Self::listen(section, node, Arc::new(Shared::new(settings)))
    }

    /// The same listener on the addresses of another section, with the counters that it has. Addresses that stay keep
    /// their sockets, so nobody who connects meanwhile is turned away; the old listener is to be stopped afterwards.
    ///
    /// # Errors
    /// As [`Listener::bind`]. The listener goes on as it is.
    pub fn rebind(&self, section: &config::Listener) -> Result<Rebound, ListenerRefused> {
        let settings = compile(section, &self.node)?;
        let own = InheritedSockets::new(self.sockets());
        let node = self.node.clone().with_inherited(own.clone());
        let listener = Self::listen(section, &node, Arc::clone(&self.shared));
        // Copies of the addresses that it leaves would keep them open.
        let _left = own.close_rest();
        Ok(Rebound { listener: listener?, settings })
    }

    fn listen(section: &config::Listener, node: &Node, shared: Arc<Shared>) -> Result<Self, ListenerRefused> {
        let name = section.name.clone();
        let mut sockets = Vec::with_capacity(section.bind.len());
        let mut kept = Vec::with_capacity(section.bind.len());
        let mut addresses = Vec::with_capacity(section.bind.len());
        for &address in &section.bind {
            let refused = |source| ListenerRefused::Bind { listener: name.clone(), address, source };
            let socket = listen(address, node.inherited()).map_err(refused)?;
            addresses.push(socket.local_addr().map_err(refused)?);
            kept.push(socket.try_clone().map_err(refused)?);
            sockets.push(socket);
        }
        Ok(Self {
            name,
            bind: section.bind.clone(),
            addresses,
            sockets: Mutex::new(Some(sockets)),
            kept: Mutex::new(kept),
            node: node.clone(),
            shared,
        })
    }

    /// Copies of the listening sockets, for a process that takes over; none once the listener has stopped.
    #[must_use]
    pub fn sockets(&self) -> Vec<TcpListener> {
        self.kept.lock().iter().filter_map(|socket| socket.try_clone().ok()).collect()
    }

    /// Whether a section has the addresses of this listener.
    #[must_use]
    pub fn is_bound_as(&self, section: &config::Listener) -> bool {
        section.bind == self.bind
    }

    /// Accepts connections and hands their requests to `app` until `shutdown` becomes true. Returns as soon as the
    /// sockets are closed; requests in flight go on, see [`Listener::drained`].
    ///
    /// Runs in the tokio runtime that polls it. Not cancel safe: a dropped call closes the sockets.
    ///
    /// # Errors
    /// When the listener serves already, or the runtime refuses the sockets.
    pub async fn serve<A>(&self, app: Arc<A>, shutdown: ShutdownWatch) -> Result<(), ListenerRefused>
    where
        A: HttpServerApp + Send + Sync + 'static,
    {
        let refused = |source| ListenerRefused::Serve { listener: self.name.clone(), source };
        let sockets = self.sockets.lock().take();
        let sockets = sockets.ok_or_else(|| refused(std::io::ErrorKind::AlreadyExists.into()))?;
        let edge = Edge::new(Arc::clone(&app), Arc::clone(&self.shared), shutdown);
        let mut loops = JoinSet::new();
        for socket in sockets {
            let socket = tokio::net::TcpListener::from_std(socket).map_err(refused)?;
            loops.spawn(accept(socket, Arc::clone(&edge)));
        }
        tracing::info!(listener = %self.name, addresses = ?self.addresses, "listening");
        let tasks = (Renewal::begin(&self.shared, &self.name), acme::Keeper::begin(&self.shared, &self.name));
        let mut ended = Ok(());
        while let Some(joined) = loops.join_next().await {
            // A panic: counted by its hook, but an address without anybody who accepts must not stay.
            ended = ended.and(joined.map_err(|error| refused(std::io::Error::other(error))));
        }
        drop(tasks);
        self.kept.lock().clear();
        app.http_cleanup().await;
        tracing::info!(listener = %self.name, active = self.active(), "stopped accepting");
        ended
    }

    /// Its key under `listeners`.
    #[must_use]
    pub fn name(&self) -> &config::Name {
        &self.name
    }

    /// The addresses that were bound, with the ports that the kernel chose for port 0.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Checks another configuration of this listener and returns it ready to be applied, so that several listeners
    /// can change together or not at all.
    ///
    /// # Errors
    /// When a certificate is refused or `bind` differs. The listener goes on as it is.
    pub fn prepare(&self, section: &config::Listener) -> Result<Prepared, ListenerRefused> {
        if !self.is_bound_as(section) {
            return Err(ListenerRefused::BindChanged { listener: self.name.clone() });
        }
        Ok(Prepared { shared: Arc::clone(&self.shared), settings: compile(section, &self.node)? })
    }

    /// Checks and applies certificates, protocols and limits of another configuration. New connections get all of
    /// it; open ones get the limits with their next request.
    ///
    /// # Errors
    /// As [`Listener::prepare`].
    pub fn reload(&self, section: &config::Listener) -> Result<(), ListenerRefused> {
        self.prepare(section).map(Prepared::apply)
    }

    /// Connections that are open now, idle ones included.
    #[must_use]
    pub fn active(&self) -> usize {
        self.shared.counters.active()
    }

    /// Ends when no connection is open; wait with a deadline of your own. Cancel safe.
    pub async fn drained(&self) {
        loop {
            let emptied = self.shared.empty.notified();
            if self.active() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// How long a kept HTTP/1.1 connection may begin one more request once the listener stops; its answer says
    /// `Connection: close`, if the application sees to it. 5 s unless this was called: whoever must be gone sooner says
    /// less. A connection on which nothing was asked yet has 100 ms in any case.
    pub fn set_last_call(&self, patience: Duration) {
        self.shared.set_last_call(patience);
    }

    /// The counters; they survive a reload.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Who is told of every request that is refused before the request path sees it. Set once, before serving.
    pub fn on_refused(&self, tell: impl Fn(&RefusedRequest) + Send + Sync + 'static) {
        self.shared.teller.set(tell);
    }

    /// The certificates in use, in the order of the configuration.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateState> {
        let settings = self.shared.settings.load();
        settings.tls.iter().flat_map(|tls| tls.certificates()).cloned().collect()
    }

    /// Whether certificates are ordered by ACME.
    #[must_use]
    pub fn has_acme(&self) -> bool {
        self.shared.settings.load().tls.as_ref().is_some_and(|tls| tls.acme().is_some())
    }

    /// The files of `tls`: whether each holds what is in use.
    #[must_use]
    pub fn files(&self) -> Vec<FileState> {
        let settings = self.shared.settings.load();
        settings.tls.iter().flat_map(|tls| tls.files()).cloned().collect()
    }
}

/// A configuration that passed every check and waits to be applied.
#[derive(Debug)]
pub struct Prepared {
    shared: Arc<Shared>,
    settings: Settings,
}

impl Prepared {
    /// Applies it at once; cannot fail.
    pub fn apply(self) {
        self.shared.replace(Arc::new(self.settings));
    }
}

/// A listener on other addresses that passed every check and waits to take the place of the one before.
#[derive(Debug)]
pub struct Rebound {
    listener: Listener,
    settings: Settings,
}

impl Rebound {
    /// Applies the configuration; the listener is then to be served, and the one before to be stopped.
    #[must_use]
    pub fn apply(self) -> Listener {
        self.listener.shared.replace(Arc::new(self.settings));
        self.listener
    }
}

fn compile(section: &config::Listener, node: &Node) -> Result<Settings, ListenerRefused> {
    let tls = section.tls.as_ref().map(|tls| Tls::compile(tls, section.protocols, node)).transpose();
    let tls = tls.map_err(|source| ListenerRefused::Tls { listener: section.name.clone(), source })?;
    Ok(Settings::new(section, tls.map(Arc::new)))
}
