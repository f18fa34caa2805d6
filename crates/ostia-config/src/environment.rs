//! What a configuration may take from outside its text.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// The process as the configuration sees it: variables for `${VAR}`, the folders that systemd gives, and name
/// resolution. Injected, so that a test (or `ostia check` for another machine) decides what is seen.
pub struct Environment {
    variable: Variables,
    resolve: Resolver,
    credentials_directory: Option<PathBuf>,
    state_directory: Option<PathBuf>,
}

type Variables = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;
type Resolver = Box<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

impl Environment {
    /// The real one: the variables of this process, `$CREDENTIALS_DIRECTORY`, `$STATE_DIRECTORY` and the system's
    /// resolver (blocking).
    #[must_use]
    pub fn process() -> Self {
        Self {
            variable: Box::new(|name| std::env::var(name).ok()),
            resolve: Box::new(|address| Ok(address.to_socket_addrs()?.collect())),
            credentials_directory: folder("CREDENTIALS_DIRECTORY"),
            state_directory: folder("STATE_DIRECTORY"),
        }
    }

    /// One in which nothing is set and no name resolves (addresses do).
    #[must_use]
    pub fn empty() -> Self {
        Self {
            variable: Box::new(|_| None),
            resolve: Box::new(|_| Err(io::Error::new(io::ErrorKind::NotFound, "no resolver"))),
            credentials_directory: None,
            state_directory: None,
        }
    }

    /// The same with other variables.
    #[must_use]
    pub fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.variable = Box::new(variable);
        self
    }

    /// The same with another resolver of `name:port`.
    #[must_use]
    pub fn with_resolver(
        mut self,
        resolve: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.resolve = Box::new(resolve);
        self
    }

    /// The same with a folder of systemd credentials.
    #[must_use]
    pub fn with_credentials_directory(mut self, folder: impl Into<PathBuf>) -> Self {
        self.credentials_directory = Some(folder.into());
        self
    }

    /// The same with a state folder.
    #[must_use]
    pub fn with_state_directory(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state_directory = Some(folder.into());
        self
    }

    /// The value of a variable, if it is set (and is Unicode).
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    /// The addresses of `name:port`.
    ///
    /// # Errors
    /// What the resolver says.
    pub fn resolve(&self, address: &str) -> io::Result<Vec<SocketAddr>> {
        (self.resolve)(address)
    }

    /// `$CREDENTIALS_DIRECTORY`.
    #[must_use]
    pub fn credentials_directory(&self) -> Option<&Path> {
        self.credentials_directory.as_deref()
    }

    /// `$STATE_DIRECTORY`: the first folder, when systemd gives several.
    #[must_use]
    pub fn state_directory(&self) -> Option<&Path> {
        self.state_directory.as_deref()
    }
}

/// The first folder of a colon-separated variable.
fn folder(variable: &str) -> Option<PathBuf> {
    let folders = std::env::var_os(variable)?;
    std::env::split_paths(&folders).next().filter(|folder| !folder.as_os_str().is_empty())
}
