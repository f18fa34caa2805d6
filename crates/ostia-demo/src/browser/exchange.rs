//! One HTTP/1.1 request and its answer over a connection of their own (RFC 9112).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::{Position, Url};

use super::connection::{Connection, Trust, connect};

/// The largest answer that is read.
const LARGEST: usize = 16 * 1024 * 1024;
/// The longest head of an answer.
const LONGEST_HEAD: usize = 64 * 1024;
/// The time for the whole exchange.
const DEADLINE: Duration = Duration::from_secs(10);

/// A request.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its method.
    pub method: String,
    /// Where it goes.
    pub url: Url,
    /// What is sent as the target; path and query of `url` when absent.
    pub target: Option<String>,
    /// Fields in their order and spelling. `Host`, `Connection` and `Content-Length` are added unless given.
    pub headers: Vec<(String, String)>,
    /// Its content.
    pub body: Vec<u8>,
}

impl Outgoing {
    /// A request without fields or content.
    #[must_use]
    pub fn new(method: &str, url: Url) -> Self {
        Self { method: method.to_owned(), url, target: None, headers: Vec::new(), body: Vec::new() }
    }

    /// The same with one more field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with the content of a form.
    #[must_use]
    pub fn form(mut self, body: String) -> Self {
        self.body = body.into_bytes();
        self.header("Content-Type", "application/x-www-form-urlencoded")
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn bytes(&self) -> Vec<u8> {
        let target = match &self.target {
            Some(target) => target.as_str(),
            None => &self.url[Position::BeforePath..Position::AfterQuery],
        };
        let mut head = format!("{} {target} HTTP/1.1\r\n", self.method);
        let mut add = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        if !self.has("host") {
            add("Host", &self.url[Position::BeforeHost..Position::AfterPort]);
        }
        for (name, value) in &self.headers {
            add(name, value);
        }
        if !self.has("connection") {
            add("Connection", "close");
        }
        if !self.has("content-length") && (!self.body.is_empty() || self.method == "POST") {
            add("Content-Length", &self.body.len().to_string());
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its status.
    pub status: u16,
    /// Fields in their order; bytes beyond ASCII are read as Latin-1.
    pub headers: Vec<(String, String)>,
    /// Its content, without transfer coding.
    pub body: Vec<u8>,
}

impl Incoming {
    /// The first field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    /// Every field of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The content as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The content as JSON, `null` when it is not.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeFailed {
    /// This client goes nowhere else.
    #[error("{0} is not a loopback address")]
    NotLoopback(String),
    /// Nobody listens.
    #[error("no connection to {to}")]
    Connect {
        /// The origin.
        to: String,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate is not the expected one, or the peer does not speak TLS.
    #[error("no TLS connection: {0}")]
    Tls(#[source] io::Error),
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[from] io::Error),
    /// What came is not HTTP/1.1.
    #[error("the answer is not HTTP: {0}")]
    Malformed(&'static str),
    /// More than 16 MiB, or a head above 64 KiB.
    #[error("the answer is too large")]
    TooLarge,
    /// Nothing complete in 10 s.
    #[error("no complete answer in 10 s")]
    TimedOut,
}

/// Sends a request and reads the whole answer. Interim answers (1xx) are passed over.
///
/// # Errors
/// As [`ExchangeFailed`] says.
pub async fn exchange(request: &Outgoing, trust: &Trust) -> Result<Incoming, ExchangeFailed> {
    let work = async {
        let mut connection = connect(&request.url, trust).await?;
        connection.write_all(&request.bytes()).await?;
        connection.flush().await?;
        let mut reader = Reader { connection, buffer: Vec::new() };
        loop {
            let (status, headers) = reader.head().await?;
            if status >= 200 {
                let body = reader.body(status, &headers, &request.method).await?;
                return Ok(Incoming { status, headers, body });
            }
        }
    };
    tokio::time::timeout(DEADLINE, work).await.map_err(|_| ExchangeFailed::TimedOut)?
}

type Fields = Vec<(String, String)>;

struct Reader {
    connection: Box<dyn Connection>,
    /// Read, not yet used.
    buffer: Vec<u8>,
}

impl Reader {
    /// One more piece from the peer; `false` at its end.
    async fn fill(&mut self) -> Result<bool, ExchangeFailed> {
        if self.buffer.len() > LARGEST {
            return Err(ExchangeFailed::TooLarge);
        }
        match self.connection.read_buf(&mut self.buffer).await {
            Ok(read) => Ok(read > 0),
            // A peer that closes TLS without saying so; what was announced is still counted.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes before the next `mark`, which is used up.
    async fn until(&mut self, mark: &[u8]) -> Result<Vec<u8>, ExchangeFailed> {
        loop {
            if let Some(at) = self.buffer.windows(mark.len()).position(|window| window == mark) {
                let mut found: Vec<u8> = self.buffer.drain(..at + mark.len()).collect();
                found.truncate(at);
                return Ok(found);
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(ExchangeFailed::TooLarge);
            }
            if !self.fill().await? {
                return Err(ExchangeFailed::Malformed("it ends too early"));
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>, ExchangeFailed> {
        while self.buffer.len() < length {
            if !self.fill().await? {
                return Err(ExchangeFailed::Malformed("it ends too early"));
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    async fn head(&mut self) -> Result<(u16, Fields), ExchangeFailed> {
        let head = self.until(b"\r\n\r\n").await?;
        let head: String = head.iter().map(|&byte| char::from(byte)).collect();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        let status = status.and_then(|rest| rest.get(..3)).and_then(|digits| digits.parse().ok());
        let status = status.ok_or(ExchangeFailed::Malformed("no status line"))?;
        let field = |line: &str| line.split_once(':').map(|(n, v)| (n.to_owned(), v.trim().to_owned()));
        let fields: Option<Fields> = lines.map(field).collect();
        Ok((status, fields.ok_or(ExchangeFailed::Malformed("a field without a colon"))?))
    }

    /// RFC 9112 section 6.3.
    async fn body(&mut self, status: u16, fields: &Fields, method: &str) -> Result<Vec<u8>, ExchangeFailed> {
        let value = |name: &str| {
            fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        if method == "HEAD" || status == 204 || status == 304 {
            return Ok(Vec::new());
        }
        if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.chunks().await;
        }
        if let Some(length) = value("content-length") {
            let length = length.parse().map_err(|_| ExchangeFailed::Malformed("Content-Length"))?;
            return if length > LARGEST { Err(ExchangeFailed::TooLarge) } else { self.exactly(length).await };
        }
        while self.fill().await? {}
        Ok(std::mem::take(&mut self.buffer))
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, ExchangeFailed> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n").await?;
            let digits = line.split(|&byte| byte == b';').next().unwrap_or_default();
            let size =
                std::str::from_utf8(digits).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
            let size = size.ok_or(ExchangeFailed::Malformed("chunk size"))?;
            if size > LARGEST || body.len() > LARGEST {
                return Err(ExchangeFailed::TooLarge);
            }
            if size == 0 {
                while !self.until(b"\r\n").await?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.exactly(size).await?);
            if !self.until(b"\r\n").await?.is_empty() {
                return Err(ExchangeFailed::Malformed("chunk end"));
            }
        }
    }
}
