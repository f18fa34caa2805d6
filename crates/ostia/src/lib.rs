//! Ostia as a library: an identity-aware, programmable edge load balancer to embed, with the command on top.
//!
//! ```no_run
//! # struct Tenant;
//! # impl ostia::Extension for Tenant {
//! #     fn name(&self) -> &str { "tenant" }
//! # }
//! ostia::Server::builder("/etc/ostia/ostia.yaml").extension(Tenant).run()?;
//! # Ok::<(), ostia::RunFailed>(())
//! ```

pub mod cli;

mod admin;
mod drain;
mod inherit;
mod listeners;
mod logging;
mod reload;
mod server;
mod supervisor;
mod upgrade;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use admin::socket::SocketRefused;
use ostia_config::diagnostic::Diagnostics;
use ostia_config::load::{self, Environment};
pub use ostia_extension as extension;
pub use ostia_extension::{Configured, Extension};
use ostia_gateway::{CompileRefused, Extensions};
use ostia_listener::ListenerRefused;

/// The engine this was built with.
pub const PINGORA_VERSION: &str = "0.9.1";

/// The server as a library.
#[derive(Clone, Copy, Debug)]
pub struct Server;

impl Server {
    /// A server that runs this configuration file.
    #[must_use]
    pub fn builder(path: impl AsRef<Path>) -> Builder {
        Builder::new(path)
    }
}

/// Puts a server together from a configuration file and extensions.
pub struct Builder {
    path: PathBuf,
    extensions: Extensions,
}

/// Why [`Builder::run`] came back with an error.
///
/// `Debug` tells what `Display` tells: a `main` that returns this error prints the lines that a person needs.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RunFailed {
    /// The configuration file is wrong; every error is listed.
    #[error("{0}")]
    Config(Diagnostics),
    /// The configuration reads well but cannot be built: a certificate, a key file.
    #[error("error: {0}")]
    Compile(#[from] CompileRefused),
    /// An address cannot be bound or a certificate cannot be used.
    #[error("{0}{cause}", cause = because(.0))]
    Listener(#[from] ListenerRefused),
    /// The admin address cannot be bound.
    #[error("the admin address {address} cannot be bound: {source}; change `admin.bind`")]
    Admin {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The admin socket cannot be opened.
    #[error("the admin socket {path} cannot be opened: {source}; change `admin.socket`", path = path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: SocketRefused,
    },
    /// A listener stopped by itself; what was in flight was finished. A bug of ours: the log has a panic.
    #[error("a listener stopped by itself")]
    ListenerStopped,
    /// The machine does not give what the process needs.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl fmt::Debug for RunFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn because(error: &dyn std::error::Error) -> String {
    error.source().map(|cause| format!(": {cause}")).unwrap_or_default()
}

impl Builder {
    /// A server that runs this configuration file.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), extensions: Extensions::default() }
    }

    /// With an extension that runs always; they run in the order in which they were added, before those that the
    /// configuration names.
    #[must_use]
    pub fn extension(mut self, extension: impl Extension + 'static) -> Self {
        self.extensions.add(Arc::new(extension));
        self
    }

    /// With a kind of extension that the configuration can name: `extensions: [{ name: …, with: { … } }]`.
    #[must_use]
    pub fn offer<T: Configured>(mut self) -> Self {
        self.extensions.offer::<T>();
        self
    }

    /// Checks the configuration as [`Builder::run`] would read it, with the extensions of this program.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<(), RunFailed> {
        let config = load::load(&self.path, &Environment::process()).map_err(RunFailed::Config)?;
        Ok(server::trial(&config, &self.extensions)?)
    }

    /// Serves until a signal ends the process: HUP reloads, USR1 opens the logs anew, USR2 hands over to a
    /// new process of the same binary, TERM and INT drain, a second one leaves at once.
    ///
    /// # Errors
    /// When the configuration is wrong or an address cannot be bound; nothing was served then.
    pub fn run(self) -> Result<(), RunFailed> {
        logging::start();
        let config = load::load(&self.path, &Environment::process()).map_err(RunFailed::Config)?;
        server::run(&self.path, config, self.extensions)
    }
}
