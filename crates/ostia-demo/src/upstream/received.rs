//! A request as it arrived.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest head that is read.
const LONGEST_HEAD: usize = 1024 * 1024;
/// The largest content that is read.
const LARGEST: usize = 256 * 1024 * 1024;

/// A request, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The target, nothing decoded.
    pub target: String,
    /// `HTTP/1.1`, as a rule.
    pub version: String,
    /// Names and values in their order and spelling, duplicates too. Bytes beyond ASCII are read as Latin-1, so that
    /// every byte is one character.
    pub headers: Vec<(String, String)>,
    /// Fields after a chunked content.
    pub trailers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

impl Received {
    /// The first field of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The target up to the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The value of a plain query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let query = self.target.split_once('?')?.1;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, v)| v)
    }
}

/// Reads requests from a connection, one after the other.
pub(super) struct Reader<R> {
    stream: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The stream, to answer on.
    pub(super) fn stream(&mut self) -> &mut R {
        &mut self.stream
    }

    /// What was read and not used, with the stream itself: for a protocol that takes over.
    pub(super) fn into_parts(self) -> (R, Vec<u8>) {
        (self.stream, self.buffer)
    }

    /// The head of the next request, without its content; `None` when the peer is done.
    pub(super) async fn head(&mut self) -> io::Result<Option<Received>> {
        let Some(head) = self.until(b"\r\n\r\n").await? else { return Ok(None) };
        let head = text(&head);
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().splitn(3, ' ').map(str::to_owned);
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no request line"));
        };
        let headers = lines.filter_map(field).collect();
        Ok(Some(Received { method, target, version, headers, ..Received::default() }))
    }

    /// Reads the content that belongs to this head (RFC 9112 section 6.3).
    pub(super) async fn content(&mut self, request: &mut Received) -> io::Result<()> {
        let is_chunked = request
            .header("transfer-encoding")
            .is_some_and(|coding| coding.to_ascii_lowercase().ends_with("chunked"));
        if is_chunked {
            return self.chunks(request).await;
        }
        let length = request.header("content-length").unwrap_or("0");
        let length =
            length.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "Content-Length"))?;
        request.body = self.exactly(length).await?;
        Ok(())
    }

    async fn chunks(&mut self, request: &mut Received) -> io::Result<()> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "chunk");
        loop {
            let line = self.until(b"\r\n").await?.ok_or_else(invalid)?;
            let line = text(&line);
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16).map_err(|_| invalid())?;
            if size == 0 {
                break;
            }
            if request.body.len().saturating_add(size) > LARGEST {
                return Err(invalid());
            }
            request.body.extend(self.exactly(size).await?);
            if self.until(b"\r\n").await?.is_none_or(|rest| !rest.is_empty()) {
                return Err(invalid());
            }
        }
        loop {
            let line = self.until(b"\r\n").await?.ok_or_else(invalid)?;
            if line.is_empty() {
                return Ok(());
            }
            request.trailers.extend(field(&text(&line)));
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > LARGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "content is too large"));
        }
        while self.buffer.len() < length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// The bytes before the next `mark`, which is used up; `None` at the end of the stream.
    async fn until(&mut self, mark: &[u8]) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = self.buffer.windows(mark.len()).position(|window| window == mark) {
                let mut found: Vec<u8> = self.buffer.drain(..at + mark.len()).collect();
                found.truncate(at);
                return Ok(Some(found));
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "head is too long"));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}
