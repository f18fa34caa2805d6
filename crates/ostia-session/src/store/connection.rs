//! One connection to a server, to the leader that sentinels name, or to a cluster.

use std::path::Path;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Pipeline,
    RedisConnectionInfo, RedisFuture, RedisResult, TlsCertificates, TlsMode, Value,
};
use tokio::sync::Mutex;

use super::settings::{StoreKind, StoreSettings};

/// Why the settings of a store make no client. The operator's fault.
#[derive(Debug, thiserror::Error)]
#[error("the session store cannot be used: {0}")]
pub struct StoreRefused(String);

impl StoreRefused {
    pub(super) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self(format!("{} cannot be read: {error}", path.display()))
    }
}

impl From<redis::RedisError> for StoreRefused {
    fn from(error: redis::RedisError) -> Self {
        Self(told(&error))
    }
}

/// An error without what a server may have put into it: commands and their arguments.
pub(super) fn told(error: &redis::RedisError) -> String {
    match error.code() {
        Some(code) => format!("{} ({code})", error.category()),
        None => error.category().to_owned(),
    }
}

/// Makes connections.
pub(super) struct Connector(Kind);

enum Kind {
    Single(Client),
    Sentinel(Box<Mutex<SentinelClient>>),
    Cluster { settings: StoreSettings },
}

/// A connection that many calls share.
#[derive(Clone)]
pub(super) enum Connection {
    /// To one server.
    One(MultiplexedConnection),
    /// To all of a cluster.
    Cluster(ClusterConnection),
}

impl Connector {
    pub(super) fn new(settings: &StoreSettings) -> Result<Self, StoreRefused> {
        Ok(Self(match &settings.kind {
            StoreKind::Single => {
                let first = infos(settings)?.into_iter().next();
                let info = first.ok_or_else(|| StoreRefused("no server is named".to_owned()))?;
                Kind::Single(match settings.tls {
                    true => Client::build_with_tls(info, certificates(settings))?,
                    false => Client::open(info)?,
                })
            }
            StoreKind::Sentinel { master } => {
                Kind::Sentinel(Box::new(Mutex::new(sentinel(settings, master)?)))
            }
            StoreKind::Cluster => {
                // Refused here rather than at the first connection.
                cluster(settings, Duration::from_secs(1))?.build()?;
                Kind::Cluster { settings: settings.clone() }
            }
        }))
    }

    /// Connects; calls on the connection end after `patience` at the latest.
    pub(super) async fn connect(&self, patience: Duration) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience));
        match &self.0 {
            Kind::Single(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::One)
            }
            Kind::Sentinel(client) => {
                client.lock().await.get_async_connection_with_config(&config).await.map(Connection::One)
            }
            Kind::Cluster { settings } => {
                let client = cluster(settings, patience)?.build()?;
                client.get_async_connection().await.map(Connection::Cluster)
            }
        }
    }
}

fn infos(settings: &StoreSettings) -> RedisResult<Vec<ConnectionInfo>> {
    let info =
        |address: ConnectionAddr| Ok(address.into_connection_info()?.set_redis_settings(account(settings)));
    addresses(settings).map(info).collect()
}

fn addresses(settings: &StoreSettings) -> impl Iterator<Item = ConnectionAddr> {
    settings.servers.iter().map(|(host, port)| match settings.tls {
        true => ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host.clone(), *port),
    })
}

fn account(settings: &StoreSettings) -> RedisConnectionInfo {
    let mut account = RedisConnectionInfo::default().set_db(settings.database);
    if let Some(username) = &settings.username {
        account = account.set_username(username);
    }
    if let Some(password) = &settings.password {
        account = account.set_password(password.reveal());
    }
    account
}

fn certificates(settings: &StoreSettings) -> TlsCertificates {
    TlsCertificates { client_tls: None, root_cert: settings.ca_pem.clone() }
}

/// The sentinels have no account of their own; TLS holds for both.
fn sentinel(settings: &StoreSettings, master: &str) -> RedisResult<SentinelClient> {
    let mut builder = SentinelClientBuilder::new(addresses(settings), master, SentinelServerType::Master)?
        .set_client_to_redis_db(settings.database);
    if let Some(username) = &settings.username {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = &settings.password {
        builder = builder.set_client_to_redis_password(password.reveal());
    }
    if settings.tls {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_redis_certificates(certificates(settings))
            .set_client_to_sentinel_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_certificates(certificates(settings));
    }
    builder.build()
}

fn cluster(settings: &StoreSettings, patience: Duration) -> RedisResult<ClusterClientBuilder> {
    let infos: Vec<ConnectionInfo> =
        addresses(settings).map(IntoConnectionInfo::into_connection_info).collect::<RedisResult<_>>()?;
    let mut builder =
        ClusterClientBuilder::new(infos).connection_timeout(patience).response_timeout(patience).retries(1);
    if let Some(username) = &settings.username {
        builder = builder.username(username);
    }
    if let Some(password) = &settings.password {
        builder = builder.password(password.reveal());
    }
    if settings.tls {
        builder = builder.tls(TlsMode::Secure).certs(certificates(settings));
    }
    Ok(builder)
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(commands, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
