//! The accept loop: connections in, one task each.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::apps::HttpServerApp;
use pingora_core::protocols::tls::TlsStream;
use pingora_core::protocols::{ALPN, Ssl};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::address::FromAddress;
use crate::counters::ConnectionRefused;
use crate::edge::{Edge, Shared};
use crate::proxy_protocol::Expected;
use crate::records::Records;
use crate::settings::Settings;
use crate::socket::Socket;
use crate::tls::Tls;
use crate::{cleartext, http1, http2, proxy_protocol};

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The pause after an error that would repeat at once, such as the want of file descriptors.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Accepts until stopping. What the kernel has queued by then is still served: those clients are connected already.
pub(crate) async fn accept<A>(listener: TcpListener, edge: Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let mut stop = pin!(edge.stopped());
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => begin(tcp, peer, &edge),
            Err(error) => survive(&error, &edge).await,
        }
    }
    accept_queued(listener, &edge);
}

/// Asks the kernel itself: the runtime may not have heard of the last connections yet.
fn accept_queued<A>(listener: TcpListener, edge: &Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((tcp, peer)) = listener.accept() {
        let tcp = tcp.set_nonblocking(true).and_then(|()| TcpStream::from_std(tcp));
        match tcp {
            Ok(tcp) => begin(tcp, peer, edge),
            Err(error) => tracing::debug!(%error, "a queued connection was lost"),
        }
    }
}

async fn survive<A>(error: &io::Error, edge: &Edge<A>) {
    edge.counters().count_accept_error();
    let is_shortage =
        matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM));
    if is_shortage {
        tracing::error!(%error, "no connection can be accepted; raise LimitNOFILE");
        tokio::time::sleep(BACK_OFF).await;
    } else {
        tracing::debug!(%error, "a connection was gone before it was accepted");
    }
}

fn begin<A>(tcp: TcpStream, peer: SocketAddr, edge: &Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    edge.counters().count_accepted();
    let settings = edge.shared().settings.load();
    let open = match OpenConnection::new(edge.shared(), &settings, peer.ip()) {
        Ok(open) => open,
        Err(reason) => return edge.counters().refuse_connection(reason),
    };
    let socket = Socket::new(tcp, peer);
    let (edge, tls) = (Arc::clone(edge), settings.tls.clone());
    match settings.proxy_headers.expected(peer) {
        Expected::Nothing => drop(tokio::spawn(counted(open, serve(socket, tls, edge)))),
        expected => drop(tokio::spawn(after_header(open, socket, expected, tls, edge))),
    }
}

/// Boxed, so that the idle connection does not carry the room that the header needed.
async fn after_header<A>(
    mut open: OpenConnection,
    socket: Socket,
    expected: Expected,
    tls: Option<Arc<Tls>>,
    edge: Arc<Edge<A>>,
) where
    A: HttpServerApp + Send + Sync + 'static,
{
    let deadline = edge.bounds().header_timeout;
    let read = Box::pin(proxy_protocol::read(socket, expected, deadline)).await;
    let read = read
        .and_then(|socket| open.count_from(&edge.shared().settings.load(), socket.peer()).map(|()| socket));
    match read {
        Ok(socket) => counted(open, serve(socket, tls, edge)).await,
        Err(reason) => edge.counters().refuse_connection(reason),
    }
}

async fn serve<A>(socket: Socket, tls: Option<Arc<Tls>>, edge: Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    match tls {
        None if edge.shared().settings.load().protocols.http2 => cleartext::serve(socket, edge).await,
        None => http1::serve(Box::new(socket), edge).await,
        Some(tls) => secure(socket, tls, edge).await,
    }
}

async fn counted(open: OpenConnection, connection: impl Future<Output = ()>) {
    connection.await;
    drop(open);
}

async fn secure<A>(socket: Socket, tls: Arc<Tls>, edge: Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    // Boxed, so that the idle connection does not carry the room that the handshake needed.
    match Box::pin(handshake(socket, tls, &edge)).await {
        Ok((stream, true)) => Box::pin(http2::serve(Box::new(stream), edge)).await,
        Ok((stream, false)) => http1::serve(Box::new(Records::new(stream)), edge).await,
        Err(reason) => edge.counters().refuse_connection(reason),
    }
}

/// The stream, and whether it speaks HTTP/2.
async fn handshake<A>(
    socket: Socket,
    tls: Arc<Tls>,
    edge: &Edge<A>,
) -> Result<(TlsStream<Socket>, bool), ConnectionRefused> {
    let stream = match timeout(HANDSHAKE, tls.handshake(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            return Err(ConnectionRefused::Handshake);
        }
        Err(_) => return Err(ConnectionRefused::HandshakeTimeout),
    };
    edge.counters().count_handshake();
    match stream.selected_alpn_proto() {
        Some(ALPN::H2) => Ok((stream, true)),
        Some(ALPN::Custom(_)) => Err(ConnectionRefused::AcmeChallenge),
        _ if tls.allows_http1() => Ok((stream, false)),
        _ => Err(ConnectionRefused::NoProtocol),
    }
}

/// Counts a connection as open until it is dropped.
struct OpenConnection {
    shared: Arc<Shared>,
    from: Option<FromAddress>,
}

impl OpenConnection {
    fn new(shared: &Arc<Shared>, settings: &Settings, peer: IpAddr) -> Result<Self, ConnectionRefused> {
        let from = from(shared, settings, peer)?;
        let fits = shared.counters.open(settings.connections);
        fits.then(|| Self { shared: Arc::clone(shared), from }).ok_or(ConnectionRefused::Limit)
    }

    /// Counts it for the address that a trusted proxy told, instead of for the proxy.
    fn count_from(&mut self, settings: &Settings, told: Option<IpAddr>) -> Result<(), ConnectionRefused> {
        self.from = match told {
            Some(told) => from(&self.shared, settings, told)?,
            None => None,
        };
        Ok(())
    }
}

fn from(
    shared: &Shared,
    settings: &Settings,
    address: IpAddr,
) -> Result<Option<FromAddress>, ConnectionRefused> {
    let Some(most) = settings.most_from(address) else { return Ok(None) };
    shared.addresses.open(address, most).ok_or(ConnectionRefused::AddressLimit).map(Some)
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if self.shared.counters.close() {
            self.shared.empty.notify_waiters();
        }
    }
}
