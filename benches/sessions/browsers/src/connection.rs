//! One kept HTTP/1.1 connection: a request out, a whole answer in.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer that takes longer is a failure.
const DEADLINE: Duration = Duration::from_secs(20);

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What a sign-in needs of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) cookies: Vec<String>,
    pub(crate) keeps_connection: bool,
    length: Length,
}

/// How the end of the body is known.
#[derive(Debug, Default, PartialEq, Eq)]
enum Length {
    #[default]
    None,
    Bytes(usize),
    Chunked,
}

impl Connection {
    pub(crate) fn open(authority: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Looks at a page.
    pub(crate) fn get(&mut self, authority: &str, target: &str, cookies: &str) -> io::Result<Answer> {
        let cookie = if cookies.is_empty() { String::new() } else { format!("cookie: {cookies}\r\n") };
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: {authority}\r\naccept: text/html\r\nsec-fetch-mode: navigate\r\n\
             sec-fetch-dest: document\r\n{cookie}\r\n"
        );
        self.stream.write_all(request.as_bytes())?;
        self.buffer.clear();
        let head = self.until(|read| end_of(read, b"\r\n\r\n"))?;
        let text = self.buffer.get(..head).and_then(|head| std::str::from_utf8(head).ok());
        let answer = text.and_then(read_head).ok_or(ErrorKind::InvalidData)?;
        let body_end = self.until(|read| {
            let body = read.get(head..)?;
            match answer.length {
                Length::None => Some(head),
                Length::Bytes(length) => (body.len() >= length).then_some(head + length),
                Length::Chunked if body.starts_with(b"0\r\n\r\n") => Some(head + 5),
                Length::Chunked => end_of(body, b"\r\n0\r\n\r\n").map(|end| head + end),
            }
        })?;
        match body_end == self.buffer.len() {
            true => Ok(answer),
            false => Err(Error::new(ErrorKind::InvalidData, "more than an answer came")),
        }
    }

    /// Reads until `find` says where what is waited for ends.
    fn until(&mut self, find: impl Fn(&[u8]) -> Option<usize>) -> io::Result<usize> {
        let mut block = [0; 16 * 1024];
        loop {
            if let Some(end) = find(&self.buffer) {
                return Ok(end);
            }
            match self.stream.read(&mut block)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => self.buffer.extend_from_slice(block.get(..count).unwrap_or_default()),
            }
        }
    }
}

/// Where the first occurrence of `mark` ends.
fn end_of(read: &[u8], mark: &[u8]) -> Option<usize> {
    read.windows(mark.len()).position(|window| window == mark).map(|at| at + mark.len())
}

fn read_head(text: &str) -> Option<Answer> {
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, keeps_connection: true, ..Answer::default() };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "location" => answer.location = Some(value.to_owned()),
            "set-cookie" => answer.cookies.push(value.to_owned()),
            "connection" => answer.keeps_connection = !value.eq_ignore_ascii_case("close"),
            "content-length" => answer.length = Length::Bytes(value.parse().ok()?),
            "transfer-encoding" => answer.length = Length::Chunked,
            _ => {}
        }
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_far_as_a_sign_in_needs_it() {
        let head = "HTTP/1.1 303 See Other\r\nLocation: /x\r\nset-cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n\
                    content-length: 12\r\nconnection: close\r\n\r\n";
        let expected = Answer {
            status: 303,
            location: Some("/x".to_owned()),
            cookies: vec!["a=1; Path=/".to_owned(), "b=2".to_owned()],
            keeps_connection: false,
            length: Length::Bytes(12),
        };
        assert_eq!(read_head(head), Some(expected));
        assert_eq!(read_head("HTTP/1.1 x\r\n\r\n"), None);
    }
}
