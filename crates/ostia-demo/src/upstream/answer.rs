//! The answer of the upstream server.

use std::fmt::Write;

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type", content_type.to_owned())], body: body.into() }
    }

    pub(super) fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", format!("{text}\n"))
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The bytes on the wire. A HEAD request gets no content.
    pub(super) fn bytes(&self, server: &str, method: &str) -> Vec<u8> {
        let mut head = head(self.status, server, &self.headers);
        let has_content = self.status >= 200 && self.status != 204 && self.status != 304;
        if has_content {
            _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if has_content && method != "HEAD" {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// Status line and fields, without the empty line. The reason phrase is empty (RFC 9112 section 4).
pub(super) fn head(status: u16, server: &str, headers: &[(&'static str, String)]) -> String {
    let mut head = format!("HTTP/1.1 {status} \r\nX-Demo-Server: {server}\r\n");
    for (name, value) in headers {
        _ = write!(head, "{name}: {value}\r\n");
    }
    head
}
