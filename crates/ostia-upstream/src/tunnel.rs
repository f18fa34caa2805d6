//! Connections that become WebSockets: a read that waits one turn.
//!
//! Pingora 0.9.1 handles the end of the (empty) request body and the first bytes of the answer in one `select!` of
//! random order. When a quick server's 101 is there before the first turn and is taken first, the end of the request
//! is mistaken for the end of the tunnel, and the fresh WebSocket is closed (`proxy_handle_upstream` in `proxy_h1.rs`).
//! So the first read of such a connection says "not yet" once and asks to be polled again: then the end of the request
//! is always taken first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pingora_core::connectors::L4Connect;
use pingora_core::protocols::l4::ext::set_tcp_keepalive;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora_error::{Error, ErrorType, Result};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Connects for WebSockets. The deadline is the peer's `total_connection_timeout`.
#[derive(Debug)]
pub(crate) struct TunnelConnector;

#[async_trait::async_trait]
impl L4Connect for TunnelConnector {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let connected = match address {
            SocketAddr::Inet(address) => TcpStream::connect(address).await.map(tunnel),
            SocketAddr::Unix(address) => match address.as_pathname() {
                Some(path) => UnixStream::connect(path).await.map(tunnel),
                None => Err(io::ErrorKind::InvalidInput.into()),
            },
        };
        connected.map_err(|source| {
            let kind = match source.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => ErrorType::ConnectRefused,
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    ErrorType::ConnectNoRoute
                }
                _ => ErrorType::ConnectError,
            };
            Error::because(kind, "connecting for a tunnel", source)
        })
    }
}

fn tunnel<W>(wire: W) -> Stream
where
    Tunnel<W>: VirtualSocket + 'static,
{
    VirtualSocketStream::new(Box::new(Tunnel { wire, has_waited: false })).into()
}

/// A connection whose first read waits one turn.
#[derive(Debug)]
struct Tunnel<W> {
    wire: W,
    has_waited: bool,
}

impl VirtualSocket for Tunnel<TcpStream> {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        match option {
            VirtualSockOpt::NoDelay => self.wire.set_nodelay(true),
            VirtualSockOpt::KeepAlive(keepalive) => {
                set_tcp_keepalive(&self.wire, &keepalive).map_err(|error| io::Error::other(error.to_string()))
            }
            _ => Ok(()),
        }
    }
}

impl VirtualSocket for Tunnel<UnixStream> {
    /// A unix socket has none of these options.
    fn set_socket_option(&self, _: VirtualSockOpt) -> io::Result<()> {
        Ok(())
    }
}

impl<W: AsyncRead + Unpin> AsyncRead for Tunnel<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_waited {
            self.has_waited = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.wire).poll_read(context, buffer)
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Tunnel<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_first_read_waits_one_turn_even_when_bytes_are_there() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(server.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = server.accept().await.unwrap();
        peer.write_all(b"x").await.unwrap();
        tcp.readable().await.unwrap();
        let mut tunnel = Tunnel { wire: tcp, has_waited: false };
        let mut turns = 0;
        let mut bytes = [0; 8];
        let mut buffer = ReadBuf::new(&mut bytes);
        poll_fn(|context| {
            turns += 1;
            Pin::new(&mut tunnel).poll_read(context, &mut buffer)
        })
        .await
        .unwrap();
        assert!(turns >= 2, "read at turn {turns}");
        assert_eq!(buffer.filled(), b"x");
    }
}
