//! The application behind the listener, and a client that speaks bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ostia_config as config;
use ostia_config::listener::{Limits, Protocols, ProxyProtocol};
use ostia_listener::{Handshake, Listener, ListenerRefused, Node};
use pingora_core::apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use pingora_http::ResponseHeader;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Answers with what it saw: `METHOD target|body|server name|version`.
#[derive(Default)]
pub(crate) struct App {
    /// Told when a request for `/wait` arrived.
    pub(crate) waiting: Notify,
    /// Lets requests for `/wait` go on.
    pub(crate) release: Notify,
}

#[async_trait]
impl HttpServerApp for App {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if !session.read_request().await.ok()? {
            return None;
        }
        let head = session.req_header();
        let mut seen = format!("{} {}|", head.method, String::from_utf8_lossy(head.raw_path()));
        if head.raw_path().starts_with(b"/wait") {
            self.waiting.notify_one();
            self.release.notified().await;
        }
        while let Some(bytes) = session.read_request_body().await.ok()? {
            seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let tls = session.digest().and_then(|digest| digest.ssl_digest.as_ref());
        let tls = tls.and_then(|tls| tls.extension.get::<Handshake>());
        if let Some(tls) = tls {
            seen.push_str(&format!("|{}|{}", tls.server_name.as_deref().unwrap_or("-"), tls.version));
            if let Some(certificate) = &tls.client_certificate {
                seen.push_str(&format!("|{}", certificate.subject.split(',').next().unwrap()));
            }
        }
        if *shutdown.borrow() {
            session.set_keepalive(None);
        }
        let mut answer = ResponseHeader::build(200, None).unwrap();
        answer.insert_header("content-length", seen.len().to_string()).unwrap();
        session.write_response_header(Box::new(answer)).await.ok()?;
        session.write_response_body(Bytes::from(seen), true).await.ok()?;
        let kept = HttpPersistentSettings::for_session(&session);
        let reusable = session.finish().await.ok()??;
        Some(ReusedHttpStream::from_reusable_stream(reusable, kept))
    }
}

/// A listener that serves.
pub(crate) struct Served {
    pub(crate) listener: Arc<Listener>,
    pub(crate) app: Arc<App>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) serving: JoinHandle<Result<(), ListenerRefused>>,
    _state: Option<TempDir>,
}

impl Served {
    pub(crate) fn start(section: &config::Listener) -> Self {
        let state = TempDir::new().unwrap();
        let served = Self::start_on(section, &Node::new(state.path()));
        Self { _state: Some(state), ..served }
    }

    /// On a node whose state folder outlives it.
    pub(crate) fn start_on(section: &config::Listener, node: &Node) -> Self {
        let listener = Arc::new(Listener::bind(section, node).unwrap());
        let app = Arc::new(App::default());
        let (stop, shutdown) = watch::channel(false);
        let serving = tokio::spawn({
            let (listener, app) = (Arc::clone(&listener), Arc::clone(&app));
            async move { listener.serve(app, shutdown).await }
        });
        Self { listener, app, stop, serving, _state: None }
    }

    pub(crate) fn plain(limits: Limits) -> Self {
        Self::start(&section(limits))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.addresses()[0]
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address()).await.unwrap())
    }

    /// The count of one reason.
    pub(crate) fn refused(&self, slug: &str) -> u64 {
        let counters = self.listener.counters();
        let mut all = counters.heads_refused().chain(counters.connections_refused());
        all.find(|(reason, _)| *reason == slug).unwrap().1
    }
}

/// A node for listeners that keep nothing.
pub(crate) fn node() -> Node {
    Node::new("/nonexistent")
}

pub(crate) fn section(limits: Limits) -> config::Listener {
    config::Listener {
        name: "web".into(),
        bind: vec!["127.0.0.1:0".parse().unwrap()],
        redirect_to_https: false,
        tls: None,
        protocols: Protocols { http1: true, http2: false },
        trusted_proxies: Vec::new(),
        proxy_protocol: ProxyProtocol::Refuse,
        limits,
    }
}

/// One client connection.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Everything until the listener closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            match self.0.read(&mut chunk).await {
                Ok(0) => break,
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    /// One answer of the application: its status line and its body.
    pub(crate) async fn answer(&mut self) -> (String, String) {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            self.more(&mut bytes).await;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        while bytes.len() < end + 4 + length.unwrap_or(0) {
            self.more(&mut bytes).await;
        }
        let body = String::from_utf8(bytes[end + 4..].to_vec()).unwrap();
        (head.lines().next().unwrap().to_owned(), body)
    }

    async fn more(&mut self, bytes: &mut Vec<u8>) {
        let read = self.0.read_buf(bytes).await.unwrap();
        assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(bytes));
    }

    pub(crate) async fn get(&mut self, target: &str) -> (String, String) {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        self.answer().await
    }
}

/// For what must happen, in time that passes.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("did not happen in time")
}
