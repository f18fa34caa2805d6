//! An application server whose answers are what a protocol test needs, chosen by the path.
//!
//! | path | answer |
//! |---|---|
//! | `/bytes/N` | N bytes with their length |
//! | `/chunks/N` | N bytes in chunks of 16 KiB |
//! | `/count` | the number of bytes of the request's body, as text |
//! | `/events` | an event stream: one event for each [`ScriptedUpstream::event`], without a length |
//! | `/poll` | a 200 once the test says so by [`ScriptedUpstream::event`] |
//! | `/early` | a 200 at once, before the body was read; then the connection closes |
//! | `/range` | 206 with the ten bytes that `Range: bytes=N-` asks for |
//! | `/informed` | `100 Continue` before the body is read, then `/count` |
//! | else | a short 200; HEAD gets the length of a body that it does not get |

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct ScriptedUpstream {
    state: Arc<State>,
    port: u16,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    events: broadcast::Sender<String>,
    requests: AtomicUsize,
}

impl ScriptedUpstream {
    /// Starts one on a free loopback port.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { events: broadcast::channel(1024).0, requests: AtomicUsize::new(0) });
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).ok();
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { state, port, accepting }
    }

    /// Host and port, for a configuration.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Requests whose head has arrived so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// How many `/events` and `/poll` wait right now.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.state.events.receiver_count()
    }

    /// Sends an event to all who wait.
    pub fn event(&self, text: &str) {
        // Nobody may wait: then there is nobody to tell.
        self.state.events.send(text.to_owned()).ok();
    }
}

impl Drop for ScriptedUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A request head: method, path, and what it says about its body.
struct Head {
    method: String,
    path: String,
    range_from: usize,
    length: Option<usize>,
    is_chunked: bool,
}

type Reader = BufReader<OwnedReadHalf>;

async fn serve(stream: TcpStream, state: Arc<State>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    while let Some(head) = head(&mut read).await {
        state.requests.fetch_add(1, Ordering::SeqCst);
        if answer(&head, &mut read, &mut write, &state).await.is_none() {
            return;
        }
    }
}

/// `None` ends the connection.
async fn answer(head: &Head, read: &mut Reader, write: &mut OwnedWriteHalf, state: &State) -> Option<()> {
    let number = || head.path.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    match head.path.split('/').nth(1).unwrap_or_default() {
        "early" => {
            say(write, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly").await?;
            // The rest of the body is left unread.
            return None;
        }
        "informed" => say(write, "HTTP/1.1 100 Continue\r\n\r\n").await?,
        _ => {}
    }
    let received = body(head, read).await?;
    match head.path.split('/').nth(1).unwrap_or_default() {
        "bytes" => {
            say(write, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", number())).await?;
            pour(write, number(), false).await
        }
        "chunks" => {
            say(write, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            pour(write, number(), true).await?;
            say(write, "0\r\n\r\n").await
        }
        "count" | "informed" => {
            let text = received.to_string();
            say(write, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())).await
        }
        "events" => events(write, state).await,
        "poll" => {
            let text = state.events.subscribe().recv().await.ok()?;
            say(write, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())).await
        }
        "range" => {
            let from = head.range_from;
            let fields = format!("Content-Range: bytes {from}-{}/100\r\nContent-Length: 10", from + 9);
            say(write, &format!("HTTP/1.1 206 Partial Content\r\n{fields}\r\n\r\n0123456789")).await
        }
        _ if head.method == "HEAD" => say(write, "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n").await,
        _ => say(write, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await,
    }
}

async fn events(write: &mut OwnedWriteHalf, state: &State) -> Option<()> {
    let mut events = state.events.subscribe();
    say(write, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await?;
    while let Ok(event) = events.recv().await {
        let text = format!("data: {event}\n\n");
        say(write, &format!("{:x}\r\n{text}\r\n", text.len())).await?;
    }
    None
}

async fn say(write: &mut OwnedWriteHalf, text: &str) -> Option<()> {
    write.write_all(text.as_bytes()).await.ok()
}

async fn pour(write: &mut OwnedWriteHalf, mut bytes: usize, in_chunks: bool) -> Option<()> {
    let piece = vec![b'x'; 16 * 1024];
    while bytes > 0 {
        let part = &piece[..bytes.min(piece.len())];
        if in_chunks {
            say(write, &format!("{:x}\r\n", part.len())).await?;
        }
        write.write_all(part).await.ok()?;
        if in_chunks {
            say(write, "\r\n").await?;
        }
        bytes -= part.len();
    }
    Some(())
}

async fn head(read: &mut Reader) -> Option<Head> {
    let mut line = line(read).await?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut head = Head { method, path, range_from: 0, length: None, is_chunked: false };
    loop {
        line = self::line(read).await?.to_lowercase();
        match line.split_once(':').map(|(name, value)| (name, value.trim())) {
            Some(("content-length", value)) => head.length = value.parse().ok(),
            Some(("transfer-encoding", _)) => head.is_chunked = true,
            Some(("range", value)) => {
                let from = value.strip_prefix("bytes=").and_then(|range| range.split('-').next());
                head.range_from = from.and_then(|from| from.parse().ok()).unwrap_or(0);
            }
            Some(_) => {}
            None => return Some(head),
        }
    }
}

/// A line without its end.
async fn line(read: &mut Reader) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n") {
        bytes.push(read.read_u8().await.ok()?);
    }
    bytes.truncate(bytes.len() - 2);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads the body away; its length.
async fn body(head: &Head, read: &mut Reader) -> Option<usize> {
    if !head.is_chunked {
        let length = head.length.unwrap_or(0);
        skip(read, length).await?;
        return Some(length);
    }
    let mut total = 0;
    loop {
        let size = usize::from_str_radix(line(read).await?.trim(), 16).ok()?;
        skip(read, size).await?;
        line(read).await?;
        total += size;
        if size == 0 {
            return Some(total);
        }
    }
}

async fn skip(read: &mut Reader, mut bytes: usize) -> Option<()> {
    let mut buffer = vec![0; 64 * 1024];
    while bytes > 0 {
        let wanted = bytes.min(buffer.len());
        let length = read.read(&mut buffer[..wanted]).await.ok().filter(|length| *length > 0)?;
        bytes -= length;
    }
    Some(())
}
