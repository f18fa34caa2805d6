//! One health check of one server: what is asked, and what counts as an answer.

mod grpc;
mod http1;
mod http2;

use std::net::Ipv4Addr;
use std::sync::LazyLock;
use std::time::Duration;

use ostia_config::upstream::{HealthAsk, HealthCheck as Section};
use pingora_core::connectors::TransportConnector;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::{ALPN, Stream};
use pingora_core::upstreams::peer::{HttpPeer, Peer as _, Scheme};
use pingora_error::Error;
use pingora_load_balancing::Backend;
use pingora_load_balancing::health_check::{HealthCheck as _, TcpHealthCheck};
use tokio::time::timeout;

use crate::shortage::is_own_shortage;

/// Connections of checks are never kept: what a fresh client meets is what is asked.
static CONNECTOR: LazyLock<TransportConnector> = LazyLock::new(|| TransportConnector::new(None));

/// Without a timeout of its own: each check has that of its section.
static TCP: LazyLock<TcpHealthCheck> = LazyLock::new(|| {
    let mut check = TcpHealthCheck::default();
    check.peer_template.options.connection_timeout = None;
    check
});

/// Bytes of a body that are searched for `body`.
const MOST_BODY: usize = 64 * 1024;

/// A check that can be repeated. It reaches the server as requests do: by the same address (but for its own port), the
/// same TLS, the same protocol.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    ask: HealthAsk,
    peer: HttpPeer,
    timeout: Duration,
    /// What HTTP checks say as `Host`, unless the configuration does.
    authority: String,
}

impl Check {
    /// `template` is the peer that requests to the server start from.
    pub(crate) fn new(section: &Section, template: &HttpPeer, authority: String) -> Self {
        let mut peer = template.clone();
        if let (Some(port), SocketAddr::Inet(address)) = (section.port, &mut peer._address) {
            address.set_port(port);
        }
        let options = &mut peer.options;
        options.connection_timeout = Some(section.timeout);
        options.total_connection_timeout = Some(section.timeout);
        options.read_timeout = Some(section.timeout);
        options.write_timeout = Some(section.timeout);
        match section.ask {
            HealthAsk::Tcp => peer.scheme = Scheme::HTTP,
            HealthAsk::Tls => {
                if !peer.tls() {
                    take_any_certificate(&mut peer);
                }
                peer.scheme = Scheme::HTTPS;
            }
            HealthAsk::Grpc { .. } => peer.options.alpn = ALPN::H2,
            HealthAsk::Http { .. } => {}
        }
        Self { ask: section.ask.clone(), peer, timeout: section.timeout, authority }
    }

    /// Asks once; the whole exchange within `timeout`. `None` where there was no socket to ask with.
    ///
    /// # Errors
    /// Why the server did not pass, in words without its address, which the log line has already.
    pub(crate) async fn run(&self) -> Option<Result<(), String>> {
        match timeout(self.timeout, self.ask()).await {
            Ok(Ok(())) => Some(Ok(())),
            Ok(Err(NotPassed::NotAsked)) => None,
            Ok(Err(NotPassed::Failed(why))) => Some(Err(why)),
            Err(_) => Some(Err("no answer in time".to_owned())),
        }
    }

    async fn ask(&self) -> Result<(), NotPassed> {
        if let HealthAsk::Http { method, path, host, .. } = &self.ask {
            let host = host.as_deref().unwrap_or(&self.authority);
            http1::head(method, path, host).map_err(|_| "it cannot be sent".to_owned())?;
        }
        if matches!(self.ask, HealthAsk::Tcp) {
            let server = Backend { addr: self.peer._address.clone(), weight: 1, ext: Default::default() };
            return Ok(TCP.check(&server).await?);
        }
        let stream = CONNECTOR.new_stream(&self.peer).await?;
        match &self.ask {
            HealthAsk::Tcp | HealthAsk::Tls => {}
            HealthAsk::Http { .. } if self.speaks_http2(&stream) => {
                http2::ask(stream, &self.ask, self.scheme(), &self.authority).await?;
            }
            HealthAsk::Http { .. } => http1::ask(stream, &self.ask, &self.authority, self.timeout).await?,
            HealthAsk::Grpc { service } => {
                grpc::ask(stream, service, self.scheme(), &self.authority).await?;
            }
        }
        Ok(())
    }

    /// As requests do: by what TLS agreed on, in clear text by what the upstream is told to speak.
    fn speaks_http2(&self, stream: &Stream) -> bool {
        match stream.selected_alpn_proto() {
            Some(ALPN::H2) => true,
            Some(_) => false,
            None => self.scheme() == "http" && self.peer.options.alpn == ALPN::H2,
        }
    }

    fn scheme(&self) -> &'static str {
        if self.peer.tls() { "https" } else { "http" }
    }
}

/// Why a check was not passed.
enum NotPassed {
    /// This machine had no socket: nothing was learnt about the server.
    NotAsked,
    /// The server, or the way to it, in words.
    Failed(String),
}

impl From<Box<Error>> for NotPassed {
    fn from(error: Box<Error>) -> Self {
        if is_own_shortage(&error) { Self::NotAsked } else { Self::Failed(reason(&error)) }
    }
}

impl From<String> for NotPassed {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Where requests go in clear text nobody said whose certificate it should be: the handshake alone is the check. Without a
/// name there is no handshake in Pingora; an address is one that is not sent.
fn take_any_certificate(peer: &mut HttpPeer) {
    let address = match &peer._address {
        SocketAddr::Inet(address) => address.ip(),
        SocketAddr::Unix(_) => Ipv4Addr::LOCALHOST.into(),
    };
    peer.sni = address.to_string();
    peer.options.verify_cert = false;
    peer.options.verify_hostname = false;
}

fn reason(error: &Error) -> String {
    error.etype().as_str().to_owned()
}

/// Whether a status and the beginning of a body are what is expected.
fn judge(ask: &HealthAsk, status: u16, body: &[u8]) -> Result<(), String> {
    let HealthAsk::Http { expect, body: wanted, .. } = ask else { return Ok(()) };
    if !expect.contains(&status) {
        return Err(format!("status {status}"));
    }
    match wanted {
        Some(wanted) if !contains(body, wanted.as_bytes()) => Err("the body lacks the text".to_owned()),
        _ => Ok(()),
    }
}

fn contains(body: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || body.windows(wanted.len()).any(|part| part == wanted)
}
