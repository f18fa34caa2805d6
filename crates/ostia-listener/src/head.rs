//! The strict reading of an HTTP/1 request head, before anything can repair it.
//!
//! Pingora mends some heads on its way: a bare LF ends a line, a space in the target becomes `%20`, a fragment is
//! cut off, `Content-Length` beside `Transfer-Encoding` disappears. What is mended cannot be judged afterwards, so
//! such heads are refused here. Everything else (Host, codings, field hygiene) is judged later on the parsed head.

use memchr::{memchr, memchr3_iter};

/// Why a request head was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadRefused {
    /// The request line is not `method SP target SP HTTP/1.0 or 1.1` (RFC 9112 section 3).
    #[error("the request line is malformed")]
    RequestLine,
    /// A line ends with LF alone (RFC 9112 section 2.2).
    #[error("a line ends without CR")]
    BareLf,
    /// A CR without LF (RFC 9112 section 2.2).
    #[error("a CR stands alone")]
    BareCr,
    /// A NUL byte (RFC 9110 section 5.5).
    #[error("the head contains NUL")]
    Nul,
    /// A field line that begins with white space (RFC 9112 section 5.2).
    #[error("a field line is folded")]
    ObsoleteFold,
    /// A field name that is no token, or is followed by white space (RFC 9112 section 5.1).
    #[error("a field name is malformed")]
    FieldName,
    /// `Content-Length` beside `Transfer-Encoding`, or one of them twice (RFC 9112 section 6.3).
    #[error("the length of the body is ambiguous")]
    AmbiguousFraming,
    /// More bytes than `limits.header_bytes`.
    #[error("the head is too large")]
    TooLarge,
    /// More fields than `limits.headers`.
    #[error("the head has too many fields")]
    TooManyFields,
    /// Not complete within `limits.header_timeout`.
    #[error("the head did not arrive in time")]
    Timeout,
    /// The engine could not read it, or found it malformed by its own rules: two hosts, a length that is no number, a
    /// forbidden byte in an HTTP/2 path.
    #[error("the request is malformed")]
    Engine,
    /// The first chunk of the body is malformed (RFC 9112 section 7.1).
    #[error("the chunked body is malformed")]
    Chunks,
    /// HTTP/2: earlier streams of the connection were reset and are still being cleared away.
    #[error("too many streams were reset")]
    TooManyStreams,
}

impl HeadRefused {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 13] = [
        Self::RequestLine,
        Self::BareLf,
        Self::BareCr,
        Self::Nul,
        Self::ObsoleteFold,
        Self::FieldName,
        Self::AmbiguousFraming,
        Self::TooLarge,
        Self::TooManyFields,
        Self::Timeout,
        Self::Engine,
        Self::Chunks,
        Self::TooManyStreams,
    ];

    /// The reason in metrics and logs.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::RequestLine => "request_line",
            Self::BareLf => "bare_lf",
            Self::BareCr => "bare_cr",
            Self::Nul => "nul",
            Self::ObsoleteFold => "obsolete_fold",
            Self::FieldName => "field_name",
            Self::AmbiguousFraming => "ambiguous_framing",
            Self::TooLarge => "header_too_large",
            Self::TooManyFields => "too_many_fields",
            Self::Timeout => "header_timeout",
            Self::Engine => "malformed",
            Self::Chunks => "malformed_chunks",
            Self::TooManyStreams => "too_many_streams",
        }
    }

    /// The status that the client gets.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TooLarge | Self::TooManyFields => 431,
            Self::Timeout => 408,
            _ => 400,
        }
    }
}

/// How much of a head has been read. Each byte is looked at once, however it drips in.
#[derive(Debug)]
pub(crate) struct Scan {
    max_fields: usize,
    /// Where the line being read begins.
    line: usize,
    /// Up to where the bytes have been searched.
    seen: usize,
    fields: usize,
    has_request_line: bool,
    has_content_length: bool,
    has_transfer_encoding: bool,
    has_upgrade: bool,
}

impl Scan {
    pub(crate) fn new(max_fields: usize) -> Self {
        Self {
            max_fields,
            line: 0,
            seen: 0,
            fields: 0,
            has_request_line: false,
            has_content_length: false,
            has_transfer_encoding: false,
            has_upgrade: false,
        }
    }

    /// Goes on where the last call ended; `buf` holds the same bytes and more. `Some(length)` when the head is
    /// complete, its empty line included.
    pub(crate) fn advance(&mut self, buf: &[u8]) -> Result<Option<usize>, HeadRefused> {
        let from = self.seen;
        for hit in memchr3_iter(b'\r', b'\n', 0, buf.get(from..).unwrap_or_default()) {
            let at = from + hit;
            match (buf.get(at), buf.get(at + 1)) {
                (Some(0), _) => return Err(HeadRefused::Nul),
                (Some(b'\r'), Some(b'\n')) => {}
                (Some(b'\r'), Some(_)) => return Err(HeadRefused::BareCr),
                (Some(b'\r'), None) => {
                    self.seen = at;
                    return self.first_byte_may_begin_a_request(buf).map(|()| None);
                }
                _ => {
                    let end = at.checked_sub(1).filter(|end| *end >= self.line);
                    let end = end.filter(|end| buf.get(*end) == Some(&b'\r')).ok_or(HeadRefused::BareLf)?;
                    let line = buf.get(self.line..end).unwrap_or_default();
                    if self.line_ends(line)? {
                        return Ok(Some(at + 1));
                    }
                    self.line = at + 1;
                }
            }
        }
        self.seen = buf.len();
        self.first_byte_may_begin_a_request(buf)?;
        Ok(None)
    }

    /// Whether the head names a transfer coding; which one is judged later, `chunked` is the only one that passes.
    pub(crate) fn is_chunked(&self) -> bool {
        self.has_transfer_encoding
    }

    /// Whether the request asks for another protocol.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.has_upgrade
    }

    /// True when the line is the empty one after the last field.
    fn line_ends(&mut self, line: &[u8]) -> Result<bool, HeadRefused> {
        if self.has_request_line {
            if line.is_empty() {
                return Ok(true);
            }
            self.field(line)?;
        } else if line.is_empty() {
            // RFC 9112 section 2.2: one empty line before the request line is ignored.
            if self.line != 0 {
                return Err(HeadRefused::RequestLine);
            }
        } else {
            request_line(line)?;
            self.has_request_line = true;
        }
        Ok(false)
    }

    fn field(&mut self, line: &[u8]) -> Result<(), HeadRefused> {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(HeadRefused::ObsoleteFold);
        }
        self.fields += 1;
        if self.fields > self.max_fields {
            return Err(HeadRefused::TooManyFields);
        }
        let name = memchr(b':', line).and_then(|colon| line.get(..colon)).unwrap_or_default();
        if !is_token(name) {
            return Err(HeadRefused::FieldName);
        }
        let seen = match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => &mut self.has_content_length,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => &mut self.has_transfer_encoding,
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.has_upgrade = true;
                return Ok(());
            }
            _ => return Ok(()),
        };
        if std::mem::replace(seen, true) || (self.has_content_length && self.has_transfer_encoding) {
            return Err(HeadRefused::AmbiguousFraming);
        }
        Ok(())
    }

    /// A TLS hello or other noise is refused at its first byte and need not run into the deadline.
    fn first_byte_may_begin_a_request(&self, buf: &[u8]) -> Result<(), HeadRefused> {
        match buf.get(self.line) {
            Some(first) if !self.has_request_line && *first != b'\r' && !is_token_byte(*first) => {
                Err(HeadRefused::RequestLine)
            }
            _ => Ok(()),
        }
    }
}

/// `method SP target SP version`, RFC 9112 section 3, without the fragment that Pingora would cut off (RFC 9112
/// section 3.2: a target has none). Bytes above 0x7f pass: they go on unchanged and are judged with the path.
fn request_line(line: &[u8]) -> Result<(), HeadRefused> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let is_method = method.is_some_and(is_token);
    let is_target = target.is_some_and(|t| !t.is_empty() && t.iter().all(|b| is_target_byte(*b)));
    let is_version = matches!(version, Some(b"HTTP/1.1" | b"HTTP/1.0"));
    if is_method && is_target && is_version { Ok(()) } else { Err(HeadRefused::RequestLine) }
}

fn is_target_byte(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && byte != b'#'
}

/// RFC 9110 section 5.6.2.
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let marks = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut at = 0;
        while at < marks.len() {
            #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
            {
                table[marks[at] as usize] = true;
            }
            at += 1;
        }
        table
    };
    TOKEN.get(usize::from(byte)).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests;
