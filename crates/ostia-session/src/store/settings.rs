//! Where the store is and how long it may take.

use std::fs;
use std::time::Duration;

use ostia_config::Secret;
use ostia_config::session::{RedisKind, RedisStore};

use super::connection::StoreRefused;

/// What stands at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// One server.
    Single,
    /// Sentinels that know which server leads the group of this name.
    Sentinel {
        /// The group.
        master: String,
    },
    /// A cluster; the servers are those to begin with.
    Cluster,
}

/// Settings of the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreSettings {
    /// Host and port of each server (or sentinel).
    pub servers: Vec<(String, u16)>,
    /// TLS, with `ca_pem` or the system's roots.
    pub tls: bool,
    /// Certificates in PEM form that are trusted instead of the system's roots.
    pub ca_pem: Option<Vec<u8>>,
    /// The database of a single server or a sentinel's group.
    pub database: i64,
    /// The user of the access control list.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret<String>>,
    /// What stands at the other end.
    pub kind: StoreKind,
    /// What every name in the store begins with.
    pub prefix: String,
    /// How long one call may take.
    pub budget: Duration,
}

impl StoreSettings {
    /// From the configuration; reads `ca_file`.
    ///
    /// # Errors
    /// When `ca_file` cannot be read.
    pub fn read(config: &RedisStore) -> Result<Self, StoreRefused> {
        let ca_pem = match &config.ca_file {
            Some(path) => Some(fs::read(path).map_err(|error| StoreRefused::file(path, &error))?),
            None => None,
        };
        Ok(Self {
            servers: config.servers.clone(),
            tls: config.tls,
            ca_pem,
            database: config.database,
            username: config.username.clone(),
            password: config.password.clone(),
            kind: match &config.kind {
                RedisKind::Single => StoreKind::Single,
                RedisKind::Sentinel { master } => StoreKind::Sentinel { master: master.clone() },
                RedisKind::Cluster => StoreKind::Cluster,
            },
            prefix: config.prefix.clone(),
            budget: config.budget,
        })
    }
}
