//! A new connection: the socket, the PROXY header, the TLS handshake, all under one deadline.

use std::io;
use std::time::Duration;

use ostia_config::upstream::ServerAddress;
use pingora_core::connectors::L4Connect;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_error::{Error, ErrorType};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::{Io, Socket};
use crate::tls::ServerTls;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DialFailed {
    /// Nobody listens there.
    #[error("the connection was refused")]
    Refused,
    /// No way there.
    #[error("there is no route to the server")]
    NoRoute,
    /// Not within `timeouts.connect`.
    #[error("the connection did not stand in time")]
    TimedOut,
    /// The handshake failed: usually the certificate, its name, or its issuer.
    #[error("the TLS handshake failed: {0}")]
    Tls(io::Error),
    /// Anything else.
    #[error("the connection failed: {0}")]
    Failed(#[source] io::Error),
}

impl DialFailed {
    /// The reason in logs and metrics.
    pub(crate) fn slug(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NoRoute => "no_route",
            Self::TimedOut => "timed_out",
            Self::Tls(_) => "tls",
            Self::Failed(_) => "failed",
        }
    }

    pub(crate) fn of_connect(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Self::Refused,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::NoRoute,
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Failed(error),
        }
    }
}

impl From<DialFailed> for Box<Error> {
    fn from(failed: DialFailed) -> Self {
        let kind = match &failed {
            DialFailed::Refused => ErrorType::ConnectRefused,
            DialFailed::NoRoute => ErrorType::ConnectNoRoute,
            DialFailed::TimedOut => ErrorType::ConnectTimedout,
            DialFailed::Tls(_) => ErrorType::TLSHandshakeFailure,
            DialFailed::Failed(_) => ErrorType::ConnectError,
        };
        Error::because(kind, "connecting to a server", failed)
    }
}

/// Dials within `within`. `header` is a PROXY header, sent before anything else.
pub(super) async fn dial(
    address: &ServerAddress,
    header: Option<&[u8]>,
    tls: Option<&ServerTls>,
    within: Duration,
) -> Result<Io, DialFailed> {
    let all = async {
        let socket = socket(address, header).await?;
        match tls {
            None => Ok(Io::Plain(socket)),
            Some(tls) => tls.handshake(socket).await.map(|io| Io::Tls(Box::new(io))).map_err(DialFailed::Tls),
        }
    };
    timeout(within, all).await.unwrap_or(Err(DialFailed::TimedOut))
}

async fn socket(address: &ServerAddress, header: Option<&[u8]>) -> Result<Socket, DialFailed> {
    let mut socket = match address {
        ServerAddress::Ip(address) => {
            let tcp = TcpStream::connect(address).await.map_err(DialFailed::of_connect)?;
            tcp.set_nodelay(true).map_err(DialFailed::Failed)?;
            Socket::Tcp(tcp)
        }
        ServerAddress::Unix(path) => {
            Socket::Unix(UnixStream::connect(path).await.map_err(DialFailed::of_connect)?)
        }
    };
    if let Some(header) = header {
        socket.write_all(header).await.map_err(DialFailed::Failed)?;
    }
    Ok(socket)
}

/// Dials for Pingora's own connections (HTTP/2) where a PROXY header goes before them; TLS is Pingora's there.
#[derive(Debug)]
pub(crate) struct PlainDial {
    pub(crate) header: Box<[u8]>,
    pub(crate) within: Duration,
}

#[async_trait::async_trait]
impl L4Connect for PlainDial {
    async fn connect(&self, address: &SocketAddr) -> pingora_error::Result<Stream> {
        let address = match address {
            SocketAddr::Inet(address) => ServerAddress::Ip(*address),
            SocketAddr::Unix(address) => match address.as_pathname() {
                Some(path) => ServerAddress::Unix(path.into()),
                None => return Err(DialFailed::Refused.into()),
            },
        };
        let all = timeout(self.within, socket(&address, Some(&self.header)));
        Ok(match all.await.unwrap_or(Err(DialFailed::TimedOut))? {
            Socket::Tcp(tcp) => tcp.into(),
            Socket::Unix(unix) => unix.into(),
        })
    }
}
