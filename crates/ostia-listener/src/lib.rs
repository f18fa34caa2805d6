//! Sockets, TLS and certificates: where clients connect.

use std::net::SocketAddr;
use std::sync::Arc;

use ostia_config as config;
use pingora_core::apps::HttpServerApp;
use pingora_core::server::ShutdownWatch;

/// Why a listener could not be made or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenerRefused {
    /// The address cannot be bound.
    #[error("listener `{listener}` cannot bind {address}: {remedy}")]
    Bind {
        /// Its key under `listeners`.
        listener: config::Name,
        /// The address.
        address: SocketAddr,
        /// What the operator can do.
        remedy: &'static str,
        /// What the kernel said.
        source: std::io::Error,
    },
}

/// One bound listener.
#[derive(Debug)]
pub struct Listener {}

impl Listener {
    /// Binds every address at once and loads the certificates; nothing is accepted before [`Listener::serve`].
    pub fn bind(_config: &config::Listener) -> Result<Self, ListenerRefused> {
        Ok(Self {})
    }

    /// Accepts connections and hands their requests to `app` until `shutdown` becomes true; ends as soon as nothing
    /// more is accepted, while requests in flight go on ([`Listener::drained`]).
    pub async fn serve<A>(&self, _app: Arc<A>, mut shutdown: ShutdownWatch)
    where
        A: HttpServerApp + Send + Sync + 'static,
    {
        let _ = shutdown.wait_for(|stop| *stop).await;
    }

    /// The addresses that were bound, with the ports that the kernel chose.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &[]
    }

    /// Applies limits and certificates of another configuration.
    pub fn reload(&self, _config: &config::Listener) -> Result<(), ListenerRefused> {
        Ok(())
    }

    /// Connections that are open now.
    #[must_use]
    pub fn active(&self) -> usize {
        0
    }

    /// Ends when no connection is open.
    pub async fn drained(&self) {}
}

/// What the TLS handshake of a connection said. In the gateway:
/// `session.digest().and_then(|d| d.ssl_digest.as_ref()).and_then(|tls| tls.extension.get::<Handshake>())`;
/// `None` means plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// SNI as the client sent it, lower case; `None` when it sent none.
    pub server_name: Option<String>,
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite's name in the IANA registry.
    pub cipher: &'static str,
}
