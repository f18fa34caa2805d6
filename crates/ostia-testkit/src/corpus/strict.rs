//! A reader of HTTP/1.1 requests that repairs nothing: what it accepts has one reading (RFC 9112).

use std::fmt;

/// Why bytes have no single reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambiguous(String);

impl fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The target, byte for byte.
    pub target: String,
    /// Names in lower case, values without blanks around them.
    pub fields: Vec<(String, Vec<u8>)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

impl Request {
    /// The values of a field.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_slice())
    }

    pub(crate) fn shown(&self) -> String {
        format!("`{} {}` with {} bytes of body", self.method, self.target, self.body.len())
    }
}

/// What a connection carried.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// Requests that are complete.
    pub whole: Vec<Request>,
    /// The last one is not.
    pub is_cut: bool,
}

/// Reads every request of a connection.
///
/// # Errors
/// At the first byte that another reader could take differently.
pub fn requests(mut bytes: &[u8]) -> Result<Carried, Ambiguous> {
    let mut carried = Carried::default();
    while !bytes.is_empty() {
        match request(bytes)? {
            Some((request, length)) => {
                carried.whole.push(request);
                bytes = &bytes[length..];
            }
            None => {
                carried.is_cut = true;
                break;
            }
        }
    }
    Ok(carried)
}

fn fault<T>(what: impl Into<String>) -> Result<T, Ambiguous> {
    Err(Ambiguous(what.into()))
}

/// The first request and its length; `None` when it is cut.
pub(super) fn request(bytes: &[u8]) -> Result<Option<(Request, usize)>, Ambiguous> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        // A head that ends for lenient readers only would wait here for ever.
        return if bytes.contains(&0) || has_bare_line_end(bytes) {
            fault("a bare line end")
        } else {
            Ok(None)
        };
    };
    let head = &bytes[..end];
    if head.contains(&0) || has_bare_line_end(head) {
        return fault("a NUL, CR or LF inside of a head");
    }
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let (method, target) = request_line(lines.next().unwrap_or_default())?;
    let fields = lines.map(field).collect::<Result<Vec<_>, _>>()?;
    let request = Request { method, target, fields, body: Vec::new() };
    if request.values("host").count() != 1 {
        return fault(format!("{} Host fields", request.values("host").count()));
    }
    let body = body(&request, &bytes[end + 4..])?;
    Ok(body.map(|(body, length)| (Request { body, ..request }, end + 4 + length)))
}

fn has_bare_line_end(bytes: &[u8]) -> bool {
    let is_bare = |(at, byte): (usize, &u8)| match byte {
        b'\n' => at == 0 || bytes[at - 1] != b'\r',
        b'\r' => bytes.get(at + 1).is_some_and(|next| *next != b'\n'),
        _ => false,
    };
    bytes.iter().enumerate().any(is_bare)
}

fn request_line(line: &[u8]) -> Result<(String, String), Ambiguous> {
    let shown = || format!("the request line `{}`", line.escape_ascii());
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, b"HTTP/1.1" | b"HTTP/1.0"] = words.as_slice() else { return fault(shown()) };
    let is_target = target.iter().all(|byte| matches!(byte, 0x21..=0x7e) && !matches!(byte, b'#' | b'\\'));
    if !is_token(method) || target.is_empty() || !is_target {
        return fault(shown());
    }
    Ok((String::from_utf8_lossy(method).into_owned(), String::from_utf8_lossy(target).into_owned()))
}

fn field(line: &[u8]) -> Result<(String, Vec<u8>), Ambiguous> {
    let shown = || format!("the field line `{}`", line.escape_ascii());
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return fault(shown()) };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let is_control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if !is_token(name) || value.iter().any(is_control) {
        return fault(shown());
    }
    Ok((String::from_utf8_lossy(name).to_lowercase(), value.to_vec()))
}

fn is_token(bytes: &[u8]) -> bool {
    let is_mark = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_mark)
}

/// The body and its length on the wire; `None` when it is cut.
fn body(request: &Request, rest: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Ambiguous> {
    let lengths: Vec<_> = request.values("content-length").collect();
    let codings: Vec<_> = request.values("transfer-encoding").collect();
    match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Ok(Some((Vec::new(), 0))),
        ([length], []) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            let Ok(length) = String::from_utf8_lossy(length).parse::<usize>() else {
                return fault("a length that is too large");
            };
            Ok(rest.get(..length).map(|body| (body.to_vec(), length)))
        }
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => chunked(rest),
        _ => fault(format!("{} lengths and {} codings", lengths.len(), codings.len())),
    }
}

fn chunked(rest: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Ambiguous> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = rest[at..].windows(2).position(|window| window == b"\r\n") else {
            return if has_bare_line_end(&rest[at..]) {
                fault("a chunk size that ends oddly")
            } else {
                Ok(None)
            };
        };
        let digits = &rest[at..at + line];
        if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return fault(format!("the chunk size `{}`", digits.escape_ascii()));
        }
        let Ok(size) = usize::from_str_radix(&String::from_utf8_lossy(digits), 16) else {
            return fault("a chunk size that is too large");
        };
        at += line + 2;
        if size == 0 {
            return last_chunk(rest, at, body);
        }
        let Some(data) = rest.get(at..at + size + 2) else { return Ok(None) };
        let Some(data) = data.strip_suffix(b"\r\n") else { return fault("a chunk that ends oddly") };
        body.extend_from_slice(data);
        at += size + 2;
    }
}

/// Trailers may follow; none of the corpus may arrive, but they are no second reading.
fn last_chunk(rest: &[u8], mut at: usize, body: Vec<u8>) -> Result<Option<(Vec<u8>, usize)>, Ambiguous> {
    loop {
        let Some(line) = rest[at..].windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
        let trailer = &rest[at..at + line];
        at += line + 2;
        if trailer.is_empty() {
            return Ok(Some((body, at)));
        }
        field(trailer)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_one_reading_is_read() {
        let bytes = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
                      GET /b HTTP/1.1\r\nHost: a\r\n\r\nPUT /c HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhal";
        let carried = requests(bytes).unwrap();
        let whole: Vec<_> = carried.whole.iter().map(|r| (r.target.as_str(), r.body.as_slice())).collect();
        assert_eq!((whole, carried.is_cut), (vec![("/a", &b"hello"[..]), ("/b", b"")], true));
    }

    #[test]
    fn what_has_two_readings_is_a_fault() {
        for bytes in [
            &b"GET / HTTP/1.1\nHost: a\n\n"[..],
            b"GET / HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n X: 1\r\n\r\n",
            b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n",
        ] {
            assert!(requests(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
