//! HTTP/1.1 written and read by hand, so that the bytes on the wire are those of the test.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// No answer of a proxy on loopback takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Name and value of each field, in order, as sent.
    pub fields: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a field; names compare without case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects to a loopback port; `None` when nobody listens.
    pub async fn open(port: u16) -> Option<Self> {
        Self::open_from(Ipv4Addr::LOCALHOST, port).await
    }

    /// As [`Connection::open`], as the client of this address: all of 127.0.0.0/8 is loopback.
    ///
    /// # Panics
    /// When the address is not one of this machine.
    pub async fn open_from(client: Ipv4Addr, port: u16) -> Option<Self> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((client, 0).into()).unwrap();
        let stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await.ok()?;
        stream.set_nodelay(true).unwrap();
        Some(Self { stream, unread: Vec::new() })
    }

    /// Sends bytes as they are. A peer that has already closed is no error here: its answer may still be read.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
    }

    /// Reads one answer; `None` when the peer closes without one.
    pub async fn answer(&mut self) -> Option<Answer> {
        self.answer_to("GET").await
    }

    /// As [`Connection::answer`], for a request by `method`: an answer to HEAD has no body.
    pub async fn answer_to(&mut self, method: &str) -> Option<Answer> {
        tokio::time::timeout(PATIENCE, self.read_answer(method)).await.expect("an answer in time")
    }

    /// Whether the peer closes the connection without another byte.
    pub async fn is_closed_by_peer(&mut self) -> bool {
        self.unread.is_empty()
            && tokio::time::timeout(PATIENCE, self.stream.read(&mut [0; 1]))
                .await
                .is_ok_and(|n| matches!(n, Ok(0) | Err(_)))
    }

    /// Reads until `text` has come, and takes everything up to its end.
    ///
    /// # Panics
    /// When it does not come in time.
    pub async fn until(&mut self, text: &str) -> Vec<u8> {
        let read = async {
            loop {
                if let Some(at) = find(&self.unread, text.as_bytes()) {
                    return Some(self.unread.drain(..at + text.len()).collect());
                }
                if !self.read_more().await {
                    return None;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, read).await.expect("the text in time");
        found.unwrap_or_else(|| panic!("closed before {text:?}"))
    }

    /// Reads one answer of any size and throws its body away; its status and the length of the body.
    pub async fn skim(&mut self) -> Option<(u16, usize)> {
        let head = String::from_utf8(self.until("\r\n\r\n").await).ok()?;
        let (status, fields) = parse_head(&head);
        let length = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let Some(length) = length.and_then(|(_, value)| value.parse::<usize>().ok()) else {
            return Some((status, self.skim_chunks().await?));
        };
        self.drop_bytes(length).await.then_some((status, length))
    }

    async fn skim_chunks(&mut self) -> Option<usize> {
        let mut total = 0;
        loop {
            let line = self.until("\r\n").await;
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
            if !self.drop_bytes(size + 2).await {
                return None;
            }
            total += size;
            if size == 0 {
                return Some(total);
            }
        }
    }

    async fn drop_bytes(&mut self, mut bytes: usize) -> bool {
        loop {
            let taken = bytes.min(self.unread.len());
            self.unread.drain(..taken);
            bytes -= taken;
            if bytes == 0 {
                return true;
            }
            if !self.read_more().await {
                return false;
            }
        }
    }

    /// Bytes that were read past the last answer, then the stream itself.
    #[must_use]
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.unread)
    }

    async fn read_answer(&mut self, method: &str) -> Option<Answer> {
        let head_end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at;
            }
            if !self.read_more().await {
                return None;
            }
        };
        let head: Vec<u8> = self.unread.drain(..head_end + 4).collect();
        let (status, fields) = parse_head(&String::from_utf8_lossy(&head));
        let mut answer = Answer { status, fields, body: Vec::new() };
        let bodyless = method == "HEAD" || status == 204 || status == 304 || status < 200;
        answer.body = match (bodyless, answer.field("transfer-encoding"), answer.field("content-length")) {
            (true, ..) => Vec::new(),
            (_, Some(_), _) => self.read_chunked().await?,
            (_, _, Some(length)) => {
                let length = length.parse().ok()?;
                self.read_exactly(length).await?
            }
            _ => {
                while self.read_more().await {}
                std::mem::take(&mut self.unread)
            }
        };
        Some(answer)
    }

    async fn read_more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                true
            }
        }
    }

    async fn read_exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.unread.len() < length {
            if !self.read_more().await {
                return None;
            }
        }
        Some(self.unread.drain(..length).collect())
    }

    async fn read_chunked(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            while find(&self.unread, b"\r\n").is_none() {
                if !self.read_more().await {
                    return None;
                }
            }
            let line: Vec<u8> = self.unread.drain(..find(&self.unread, b"\r\n")? + 2).collect();
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
            let chunk = self.read_exactly(size + 2).await?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Some(body);
            }
        }
    }
}

/// Sends one request exactly as written and reads the answer; `None` when the connection ends without one.
pub async fn send(port: u16, request: impl AsRef<[u8]>) -> Option<Answer> {
    let request = request.as_ref();
    let method = String::from_utf8_lossy(request.split(|b| *b == b' ').next()?).into_owned();
    let mut connection = Connection::open(port).await?;
    connection.send(request).await;
    connection.answer_to(&method).await
}

/// A plain GET for `localhost`.
pub async fn get(port: u16, path: &str) -> Option<Answer> {
    get_host(port, "localhost", path).await
}

/// A plain GET for this host.
pub async fn get_host(port: u16, host: &str, path: &str) -> Option<Answer> {
    send(port, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await
}

fn parse_head(head: &str) -> (u16, Vec<(String, String)>) {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let field = |line: &str| line.split_once(':').map(|(n, v)| (n.to_owned(), v.trim().to_owned()));
    (status, lines.filter_map(field).collect())
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
