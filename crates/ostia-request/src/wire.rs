//! The bytes of an HTTP/1 head before any parser has repaired them.
//!
//! Pingora's parser takes a bare LF for a line end, writes `%20` for a blank in the target, cuts a fragment off and
//! drops a `Content-Length` beside a `Transfer-Encoding`. Whoever sees only its result cannot refuse these, so they are
//! refused here, by the listener that reads the head.

use crate::{HeadRefused, field, framing, target};

#[cfg(test)]
mod tests;

/// Examines a whole head, from the request line to the empty line that ends it (RFC 9112 2 to 5).
///
/// Judges the form, and of the meaning only what is lost later; [`crate::examine`] judges the rest. One empty line
/// before the request line is passed over (RFC 9112 2.2). Does not allocate.
///
/// # Errors
/// [`HeadRefused`] for what a lenient parser would repair without a word.
pub fn examine(head: &[u8]) -> Result<(), HeadRefused> {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    let lines = head.strip_suffix(b"\r\n\r\n").ok_or(HeadRefused::Line)?;
    let mut lines = lines.split(|&byte| byte == b'\n');
    let mut once = Once::default();
    let first = lines.next().ok_or(HeadRefused::Line)?;
    let mut rest = lines.peekable();
    // All lines but the last still have the CR of their CRLF; the suffix had that of the last.
    request_line(if rest.peek().is_some() { strip_cr(first)? } else { first })?;
    while let Some(line) = rest.next() {
        field_line(if rest.peek().is_some() { strip_cr(line)? } else { line }, &mut once)?;
    }
    once.examine()
}

/// Fields of which a message has one, or not both.
#[derive(Default)]
struct Once {
    hosts: usize,
    lengths: usize,
    codings: usize,
}

impl Once {
    fn count(&mut self, name: &[u8]) {
        for (known, count) in [
            (&b"host"[..], &mut self.hosts),
            (b"content-length", &mut self.lengths),
            (b"transfer-encoding", &mut self.codings),
        ] {
            *count += usize::from(name.eq_ignore_ascii_case(known));
        }
    }

    fn examine(&self) -> Result<(), HeadRefused> {
        match self {
            Self { lengths: 1.., codings: 1.., .. } => Err(HeadRefused::LengthWithCoding),
            Self { lengths: 2.., .. } => Err(HeadRefused::LengthRepeated),
            Self { codings: 2.., .. } => Err(HeadRefused::TransferCoding),
            Self { hosts: 2.., .. } => Err(HeadRefused::HostRepeated),
            _ => Ok(()),
        }
    }
}

fn strip_cr(line: &[u8]) -> Result<&[u8], HeadRefused> {
    line.strip_suffix(b"\r").ok_or(HeadRefused::Line)
}

/// `method SP request-target SP HTTP-version`, with exactly these two blanks (RFC 9112 3).
fn request_line(line: &[u8]) -> Result<(), HeadRefused> {
    let (method, rest) = divide(line, b' ').ok_or(HeadRefused::Line)?;
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return Err(HeadRefused::Line);
    }
    if method == b"CONNECT" {
        return Err(HeadRefused::Method);
    }
    let at = rest.iter().rposition(|&byte| byte == b' ').ok_or(HeadRefused::Line)?;
    let (target, version) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
    match version {
        b"HTTP/1.1" | b"HTTP/1.0" => {}
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(HeadRefused::Version);
        }
        _ => return Err(HeadRefused::Line),
    }
    target::examine(target).map(|_| ())
}

/// `field-name ":" OWS field-value OWS` (RFC 9112 5): no blank before the colon, no folded line.
fn field_line(line: &[u8], once: &mut Once) -> Result<(), HeadRefused> {
    let (name, value) = divide(line, b':').ok_or(HeadRefused::Line)?;
    if name.is_empty() || !name.iter().copied().all(is_token) {
        return Err(if matches!(name.first(), Some(b' ' | b'\t')) {
            HeadRefused::Line
        } else {
            HeadRefused::FieldName
        });
    }
    if field::has_control(value) {
        return Err(HeadRefused::FieldValue);
    }
    if name.eq_ignore_ascii_case(b"content-length") {
        framing::parse_length(value.trim_ascii())?;
    }
    once.count(name);
    Ok(())
}

fn divide(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == at)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// RFC 9110 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
