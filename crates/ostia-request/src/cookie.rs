//! Cookie fields, byte for byte: what is not ours goes on as it came.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::COOKIE;
use memchr::memchr;

#[cfg(test)]
mod tests;

/// A `Cookie` field without some of its cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// None of them was there: send the field on as it is.
    Unchanged,
    /// The rest, joined by `; `; each cookie byte for byte as it came.
    Changed(Vec<u8>),
    /// Nothing is left: drop the field.
    Empty,
}

/// The cookies of a field (RFC 6265 4.2.1) as name and value, in order, repeated names included.
///
/// Exact to the byte: only SP and HTAB are blanks (other blanks, Unicode's too, belong to the name, as for the browser
/// that kept the cookie), quotes stay. A piece without `=` is a name with an empty value; empty pieces are passed over.
pub fn pairs(field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    pieces(field).map(pair)
}

/// All `Cookie` fields of a request as one: HTTP/2 may send a field a cookie (RFC 9113 8.2.3).
///
/// Allocates only to join several. `None` when there is no cookie field.
#[must_use]
pub fn joined(headers: &HeaderMap) -> Option<Cow<'_, [u8]>> {
    let mut fields = headers.get_all(COOKIE).iter();
    let first = fields.next()?.as_bytes();
    let Some(second) = fields.next() else { return Some(Cow::Borrowed(first)) };
    let mut all = first.to_vec();
    for field in std::iter::once(second).chain(fields) {
        all.extend_from_slice(b"; ");
        all.extend_from_slice(field.as_bytes());
    }
    Some(Cow::Owned(all))
}

/// Cuts the cookies out whose name `is_ours`. Allocates only when there are some.
pub fn without(field: &[u8], is_ours: impl Fn(&[u8]) -> bool) -> Cut {
    if !pairs(field).any(|(name, _)| is_ours(name)) {
        return Cut::Unchanged;
    }
    let mut rest = Vec::with_capacity(field.len());
    for piece in pieces(field).filter(|piece| !is_ours(pair(piece).0)) {
        if !rest.is_empty() {
            rest.extend_from_slice(b"; ");
        }
        rest.extend_from_slice(piece);
    }
    if rest.is_empty() { Cut::Empty } else { Cut::Changed(rest) }
}

/// What stands between semicolons, blanks around it removed; empty pieces left out.
fn pieces(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    // Sealed sessions are long, so the search for the next semicolon is worth its crate.
    let split = std::iter::from_fn(move || {
        let now = rest?;
        let end = memchr(b';', now);
        rest = end.and_then(|end| now.get(end + 1..));
        now.get(..end.unwrap_or(now.len()))
    });
    split.map(trim).filter(|piece| !piece.is_empty())
}

fn pair(piece: &[u8]) -> (&[u8], &[u8]) {
    match piece.iter().position(|&byte| byte == b'=') {
        Some(at) => {
            (trim(piece.get(..at).unwrap_or_default()), trim(piece.get(at + 1..).unwrap_or_default()))
        }
        None => (piece, b""),
    }
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
