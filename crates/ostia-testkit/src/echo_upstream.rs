//! An application server that records the bytes it received and answers with its own name.
//!
//! It reads from the socket itself, so a test sees spelling and order of fields and the target as they were sent.
//! Special paths: `/healthz` (not recorded), `/slow` (answers when the test says so), `/hangup` (closes without an
//! answer), `/events` (one event, then silence without end), and whatever asks for an upgrade is upgraded and echoed.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::ports::free_port;
use crate::raw::find;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The head with its line ends, without the empty line.
    pub head: String,
    /// The body, still in its transfer coding.
    pub body: Vec<u8>,
}

impl Seen {
    /// The target of the request line, byte for byte.
    #[must_use]
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// Every field with this name in any spelling: case, `-`, `_` and `.` count as the same.
    #[must_use]
    pub fn fields_like(&self, name: &str) -> Vec<(String, String)> {
        let fold = |name: &str| name.to_lowercase().replace(['_', '.'], "-");
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields
            .filter(|(n, _)| fold(n) == fold(name))
            .map(|(n, value)| (n.to_owned(), value.trim().to_owned()))
            .collect()
    }

    /// The value of a field that came at most once, compared without case.
    ///
    /// # Panics
    /// When it came twice.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let mut all = self.fields_like(name);
        all.retain(|(n, _)| n.eq_ignore_ascii_case(name));
        assert!(all.len() < 2, "{name} came more than once:\n{}", self.head);
        all.pop().map(|(_, value)| value)
    }
}

/// What the connections share.
#[derive(Debug)]
struct State {
    name: String,
    seen: Mutex<Vec<Seen>>,
    healthy: AtomicBool,
    /// The status of every answer but those to health checks; 0 is 200.
    status: AtomicU16,
    connections: AtomicUsize,
    /// Lines put into the head of every answer.
    more_fields: Mutex<String>,
    /// One permit lets one `/slow` request be answered.
    release: Semaphore,
}

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct EchoUpstream {
    state: Arc<State>,
    port: u16,
    accepting: Option<JoinHandle<()>>,
}

impl EchoUpstream {
    /// Starts one on a free loopback port. Its answers carry `X-Server: name`.
    pub async fn start(name: &str) -> Self {
        let state = State {
            name: name.to_owned(),
            seen: Mutex::default(),
            healthy: AtomicBool::new(true),
            status: AtomicU16::new(0),
            connections: AtomicUsize::new(0),
            more_fields: Mutex::default(),
            release: Semaphore::new(0),
        };
        let mut upstream = Self { state: Arc::new(state), port: free_port(), accepting: None };
        upstream.resume().await;
        upstream
    }

    /// Host and port, for a configuration.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The requests so far, health checks aside.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The last request.
    ///
    /// # Panics
    /// When there was none.
    #[must_use]
    pub fn last(&self) -> Seen {
        self.state.seen.lock().unwrap().last().cloned().expect("the upstream saw a request")
    }

    /// Number of requests so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.seen.lock().unwrap().len()
    }

    /// Number of connections so far, health checks included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// What `/healthz` says from now on: 200 or 503.
    pub fn set_healthy(&self, healthy: bool) {
        self.state.healthy.store(healthy, Ordering::SeqCst);
    }

    /// Answers with this status from now on, with 200 for `None`.
    pub fn fail_with(&self, status: Option<u16>) {
        self.state.status.store(status.unwrap_or_default(), Ordering::SeqCst);
    }

    /// Puts these fields into every answer from now on.
    pub fn answer_with(&self, fields: &[(&str, &str)]) {
        let lines = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        *self.state.more_fields.lock().unwrap() = lines.collect();
    }

    /// Lets `count` requests to `/slow` be answered.
    pub fn release(&self, count: usize) {
        self.state.release.add_permits(count);
    }

    /// Stops listening and cuts every connection.
    pub async fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            accepting.await.ok();
        }
    }

    /// Listens again on the same port.
    ///
    /// # Panics
    /// When the port cannot be bound.
    pub async fn resume(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        let state = Arc::clone(&self.state);
        self.accepting = Some(tokio::spawn(async move {
            // Connections end with the listener: the set is dropped together with this task.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                state.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, Arc::clone(&state)));
            }
        }));
    }
}

impl Drop for EchoUpstream {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut unread = Vec::new();
    while let Some(seen) = read_request(&mut stream, &mut unread).await {
        let path = seen.target().split('?').next().unwrap_or_default().to_owned();
        if path == "/healthz" {
            let line = if state.healthy.load(Ordering::SeqCst) { "200 OK" } else { "503 Sick" };
            write(&mut stream, &format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n")).await;
            continue;
        }
        let upgrade = seen.field("upgrade");
        let key = seen.field("sec-websocket-key").unwrap_or_default();
        state.seen.lock().unwrap().push(seen);
        if path == "/hangup" {
            return;
        }
        if upgrade.is_some() {
            let accept = derive_accept_key(key.as_bytes());
            let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket";
            let fields = format!("X-Server: {}\r\nSec-WebSocket-Accept: {accept}", state.name);
            write(&mut stream, &format!("{head}\r\n{fields}\r\n\r\n")).await;
            return echo(stream).await;
        }
        if path == "/events" {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked";
            write(&mut stream, &format!("{head}\r\n\r\n9\r\ndata: 1\n\n\r\n")).await;
            // Until the other side goes away.
            while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {}
            return;
        }
        if path == "/slow" {
            state.release.acquire().await.unwrap().forget();
        }
        let body = format!("served by {}", state.name);
        let more = state.more_fields.lock().unwrap().clone();
        let line = match state.status.load(Ordering::SeqCst) {
            0 => "200 OK".to_owned(),
            status => format!("{status} As Told"),
        };
        let head =
            format!("HTTP/1.1 {line}\r\nContent-Type: text/plain\r\nX-Server: {}\r\n{more}", state.name);
        write(&mut stream, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    }
}

/// WebSocket frames come back as they are, only unmasked (RFC 6455 section 5.1: a server must not mask).
async fn echo(mut stream: TcpStream) {
    let mut buffer = Vec::new();
    loop {
        while let Some((consumed, frame)) = unmasked(&buffer) {
            buffer.drain(..consumed);
            if stream.write_all(&frame).await.is_err() {
                return;
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => return,
            Ok(count) => buffer.extend_from_slice(&more[..count]),
        }
    }
}

/// A complete masked frame of at most 125 bytes at the front of `bytes`: its length and itself without the mask.
fn unmasked(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let length = usize::from(*bytes.get(1)? & 0x7f);
    let mask = bytes.get(2..6)?;
    let payload = bytes.get(6..6 + length)?;
    let mut frame = vec![bytes[0], u8::try_from(length).ok()?];
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    Some((6 + length, frame))
}

async fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.ok();
}

async fn read_request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Seen> {
    let head = take_until(stream, unread, b"\r\n\r\n").await?;
    let head = String::from_utf8_lossy(&head[..head.len() - 4]).into_owned();
    let fields: HashMap<String, String> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body = if fields.contains_key("transfer-encoding") {
        take_until(stream, unread, b"0\r\n\r\n").await?
    } else {
        let length = fields.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        while unread.len() < length {
            read_more(stream, unread).await?;
        }
        unread.drain(..length).collect()
    };
    Some(Seen { head, body })
}

async fn take_until(stream: &mut TcpStream, unread: &mut Vec<u8>, end: &[u8]) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = find(unread, end) {
            return Some(unread.drain(..at + end.len()).collect());
        }
        read_more(stream, unread).await?;
    }
}

async fn read_more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer).await {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            unread.extend_from_slice(&buffer[..count]);
            Some(())
        }
    }
}
