//! An application server that misbehaves on demand: by path, over TCP, TLS or a unix socket.
//!
//! `/status/503` answers so, `/reset` resets the connection, `/hangup` closes it, `/garbage` answers nonsense, `/silent`
//! never answers, `/half` begins an answer and stops, `/ntlm` asks for NTLM, `/slow/250` waits for 250 ms, `/close`
//! closes after its answer, `/early` answers before the body; every other path is answered. Each answer tells the
//! server's name (`X-Server`) and the number of its connection (`X-Connection`).

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, Issued};
use crate::ports::free_port;
use crate::raw::find;

#[derive(Debug, Default)]
struct State {
    name: String,
    connections: AtomicUsize,
    requests: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// What it does instead of what it is asked for; health checks aside.
    instead: Mutex<String>,
    /// Heads as they came, with a PROXY header before the first one of a connection.
    heads: Mutex<Vec<Vec<u8>>>,
}

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct FaultUpstream {
    state: Arc<State>,
    address: String,
    accepting: JoinHandle<()>,
}

impl FaultUpstream {
    /// Starts one on a free loopback port.
    pub async fn start(name: &str) -> Self {
        Self::at(name, free_port(), None).await
    }

    /// Starts one that speaks TLS; with `clients`, only to those who have a certificate of that authority.
    pub async fn with_tls(name: &str, certificate: &Issued, clients: Option<&Authority>) -> Self {
        Self::at(name, free_port(), Some(TlsAcceptor::from(tls(certificate, clients)))).await
    }

    /// Starts one on a port.
    ///
    /// # Panics
    /// When the port is taken.
    pub async fn at(name: &str, port: u16, tls: Option<TlsAcceptor>) -> Self {
        Self::at_address(name, (Ipv4Addr::LOCALHOST, port).into(), tls).await
    }

    /// Starts one on an address of loopback.
    ///
    /// # Panics
    /// When it is taken.
    pub async fn at_address(name: &str, address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let state = Arc::new(State { name: name.to_owned(), ..State::default() });
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).ok();
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve_tcp(stream, &state).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            serve(stream, &state).await;
                        }
                    }
                });
            }
        });
        Self { state, address: address.to_string(), accepting }
    }

    /// Starts one on a unix socket.
    ///
    /// # Panics
    /// When the path cannot be bound.
    #[must_use]
    pub fn on_socket(name: &str, path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let state = Arc::new(State { name: name.to_owned(), ..State::default() });
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                connections.spawn(async move { serve(stream, &state).await });
            }
        });
        Self { state, address: format!("unix:{}", path.display()), accepting }
    }

    /// Its address for a configuration.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(SeqCst)
    }

    /// Requests so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.state.requests.load(SeqCst)
    }

    /// The most requests that it worked on at the same time.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.state.most_in_flight.load(SeqCst)
    }

    /// Answers every request from now on as if its path were this one; with an empty text as usual again. Health checks
    /// (`/healthz`) pass.
    pub fn answer_as_if_asked_for(&self, path: &str) {
        path.clone_into(&mut self.state.instead.lock().unwrap());
    }

    /// Heads as they came, each with what was before it on its connection.
    #[must_use]
    pub fn heads(&self) -> Vec<Vec<u8>> {
        self.state.heads.lock().unwrap().clone()
    }
}

impl Drop for FaultUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn tls(certificate: &Issued, clients: Option<&Authority>) -> Arc<ServerConfig> {
    use rustls::pki_types::pem::PemObject as _;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let root =
                rustls::pki_types::CertificateDer::from_pem_slice(authority.root_pem().as_bytes()).unwrap();
            roots.add(root).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = rustls::pki_types::CertificateDer::pem_file_iter(&certificate.cert_file).unwrap();
    let chain = chain.map(Result::unwrap).collect();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(&certificate.key_file).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

async fn serve_tcp(mut stream: TcpStream, state: &State) {
    if serve(&mut stream, state).await == End::Reset {
        // Linger of nothing: the close is a reset.
        stream.set_zero_linger().ok();
    }
}

#[derive(PartialEq)]
enum End {
    Closed,
    Reset,
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: &State) -> End {
    let number = state.connections.fetch_add(1, SeqCst) + 1;
    let mut unread = Vec::new();
    loop {
        let Some(at) = head(&mut stream, &mut unread).await else { return End::Closed };
        let head: Vec<u8> = unread.drain(..at + 4).collect();
        let text = String::from_utf8_lossy(&head).into_owned();
        state.heads.lock().unwrap().push(head);
        state.requests.fetch_add(1, SeqCst);
        let now = state.in_flight.fetch_add(1, SeqCst) + 1;
        state.most_in_flight.fetch_max(now, SeqCst);
        let end = answer(&mut stream, &mut unread, &text, state, number).await;
        state.in_flight.fetch_sub(1, SeqCst);
        if let Some(end) = end {
            return end;
        }
    }
}

/// Where the head ends.
async fn head(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>) -> Option<usize> {
    loop {
        // The signature of a PROXY header of version 2 holds line ends of its own.
        let from = if unread.starts_with(b"\r\n\r\n\0\r\nQUIT\n") { 16 } else { 0 };
        if let Some(at) = unread.get(from..).and_then(|rest| find(rest, b"\r\n\r\n")) {
            return Some(from + at);
        }
        read_more(stream, unread).await?;
    }
}

async fn read_more(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 16 * 1024];
    let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
    unread.extend_from_slice(&buffer[..count]);
    Some(())
}

async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    unread: &mut Vec<u8>,
    head: &str,
    state: &State,
    number: usize,
) -> Option<End> {
    let line = head.lines().find(|line| line.ends_with("HTTP/1.1")).unwrap_or_default();
    let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    let instead = state.instead.lock().unwrap().clone();
    let path = if instead.is_empty() || path == "/healthz" { path } else { &instead };
    let mut parts = path.trim_start_matches('/').split('/');
    let (what, argument) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if what != "early" {
        body(stream, unread, head).await?;
    }
    let mut status = "200 OK".to_owned();
    let mut fields = format!("X-Server: {}\r\nX-Connection: {number}\r\n", state.name);
    match what {
        "reset" => return Some(End::Reset),
        "hangup" => return Some(End::Closed),
        "garbage" => {
            stream.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await.ok();
            return Some(End::Closed);
        }
        "silent" => std::future::pending().await,
        "half" => {
            let half = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 100\r\n\r\nhalf");
            stream.write_all(half.as_bytes()).await.ok();
            std::future::pending().await
        }
        "slow" => tokio::time::sleep(Duration::from_millis(argument.parse().unwrap_or(0))).await,
        "status" => status = format!("{argument} Status"),
        "ntlm" => {
            status = "401 Unauthorized".to_owned();
            fields.push_str("WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n");
        }
        _ => {}
    }
    let text = if line.starts_with("HEAD") { String::new() } else { format!("served by {}", state.name) };
    let length = format!("served by {}", state.name).len();
    let answer = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{text}");
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    let is_last = head.lines().any(|line| line.eq_ignore_ascii_case("connection: close"));
    (what == "close" || is_last).then_some(End::Closed)
}

/// Reads a body with a length; others are not sent to it.
async fn body(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>, head: &str) -> Option<()> {
    let field = head.lines().filter_map(|line| line.split_once(':'));
    let length = field.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0);
    while unread.len() < length {
        read_more(stream, unread).await?;
    }
    unread.drain(..length);
    Some(())
}
