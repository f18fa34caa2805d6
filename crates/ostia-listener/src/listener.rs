//! A bound listener: from its section of the configuration to served connections.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use arc_swap::ArcSwap;
use ostia_config as config;
use parking_lot::Mutex;
use pingora_core::apps::HttpServerApp;
use pingora_core::server::ShutdownWatch;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::accept::accept;
use crate::bind::{bind, remedy};
use crate::certificate::CertificateState;
use crate::counters::Counters;
use crate::edge::{Edge, Shared};
use crate::settings::Settings;
use crate::tls::{Tickets, Tls, TlsRefused};

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
    /// Addresses are bound once: another `bind` needs a restart.
    #[error("listener `{listener}`: `bind` cannot change while Ostia runs; restart it")]
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
            Self::Tls { source: TlsRefused::Certificate(refused), .. } => refused.reason.slug(),
            Self::Tls { .. } => "tls",
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
    tickets: Tickets,
    shared: Arc<Shared>,
}

impl Listener {
    /// Loads the certificates and binds every address. From then on the kernel queues connections, so a client that
    /// comes early waits instead of being turned away; nothing is accepted before [`Listener::serve`].
    ///
    /// # Errors
    /// The first certificate or address that fails, with what to do about it. Nothing stays bound.
    pub fn bind(section: &config::Listener) -> Result<Self, ListenerRefused> {
        let listener = || section.name.clone();
        let tickets =
            Tickets::new().map_err(|source| ListenerRefused::Tls { listener: listener(), source })?;
        let settings = compile(section, &tickets)?;
        let mut sockets = Vec::with_capacity(section.bind.len());
        let mut addresses = Vec::with_capacity(section.bind.len());
        for &address in &section.bind {
            let refused = |source| ListenerRefused::Bind { listener: listener(), address, source };
            let socket = bind(address).map_err(refused)?;
            addresses.push(socket.local_addr().map_err(refused)?);
            sockets.push(socket);
        }
        let shared = Shared {
            settings: ArcSwap::from_pointee(settings),
            counters: Counters::default(),
            empty: Notify::new(),
        };
        Ok(Self {
            name: listener(),
            bind: section.bind.clone(),
            addresses,
            sockets: Mutex::new(Some(sockets)),
            tickets,
            shared: Arc::new(shared),
        })
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
        while loops.join_next().await.is_some() {}
        app.http_cleanup().await;
        tracing::info!(listener = %self.name, active = self.active(), "stopped accepting");
        Ok(())
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
    pub fn prepare(&self, section: &config::Listener) -> Result<Prepared<'_>, ListenerRefused> {
        if section.bind != self.bind {
            return Err(ListenerRefused::BindChanged { listener: self.name.clone() });
        }
        Ok(Prepared { listener: self, settings: compile(section, &self.tickets)? })
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

    /// The counters; they survive a reload.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The certificates in use, in the order of the configuration.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateState> {
        let settings = self.shared.settings.load();
        settings.tls.as_ref().map(|tls| tls.certificates().to_vec()).unwrap_or_default()
    }
}

/// A configuration that passed every check and waits to be applied.
#[derive(Debug)]
pub struct Prepared<'a> {
    listener: &'a Listener,
    settings: Settings,
}

impl Prepared<'_> {
    /// Applies it at once; cannot fail.
    pub fn apply(self) {
        self.listener.shared.settings.store(Arc::new(self.settings));
    }
}

fn compile(section: &config::Listener, tickets: &Tickets) -> Result<Settings, ListenerRefused> {
    let tls = section.tls.as_ref().map(|tls| Tls::compile(tls, section.protocols, tickets)).transpose();
    let tls = tls.map_err(|source| ListenerRefused::Tls { listener: section.name.clone(), source })?;
    Ok(Settings {
        bounds: (&section.limits).into(),
        connections: section.limits.connections,
        tls: tls.map(Arc::new),
    })
}
