//! The request target: origin form or absolute form, of plain ASCII, with nothing in it that ends it elsewhere.

use std::str;

use crate::HeadRefused;

#[cfg(test)]
mod tests;

/// The form in which a target came (RFC 9112 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`.
    Origin,
    /// `http://host/path?query`. The upstream gets the origin form of it.
    Absolute,
}

/// A target, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) form: TargetForm,
    /// The host and port of an absolute form.
    pub(crate) authority: Option<&'a [u8]>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// Nothing in the path has another usual reading.
    pub(crate) is_plain: bool,
}

/// Form, authority, and all from the path on.
type Division<'a> = (TargetForm, Option<&'a [u8]>, &'a [u8]);

/// Takes a target apart and refuses what may be read in two ways.
pub(crate) fn examine(target: &[u8]) -> Result<Target<'_>, HeadRefused> {
    let (form, authority, rest) = divide(target)?;
    let (path, query) = match rest.iter().position(|&byte| byte == b'?') {
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 1..)),
        None => (rest, None),
    };
    if let Some(query) = query {
        examine_query(query)?;
    }
    let is_plain = examine_path(path)?;
    // An absolute form without path means `/` (RFC 9110 4.2.3).
    let path = if path.is_empty() { "/" } else { text(path)? };
    Ok(Target { form, authority, path, query: query.map(text).transpose()?, is_plain })
}

fn divide(target: &[u8]) -> Result<Division<'_>, HeadRefused> {
    match target {
        [b'/', ..] => return Ok((TargetForm::Origin, None, target)),
        b"*" => return Err(HeadRefused::TargetAsterisk),
        _ => {}
    }
    let after_scheme = [&b"http://"[..], b"https://"].into_iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let Some(rest) = after_scheme else { return Err(refusal(target).unwrap_or(HeadRefused::TargetForm)) };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, b""));
    Ok((TargetForm::Absolute, Some(authority), rest))
}

/// Whether the path is plain: no `%`, no `;`, no `//`, no dot segment.
///
/// The loops have no early exit, so that they run many bytes at once.
fn examine_path(path: &[u8]) -> Result<bool, HeadRefused> {
    let is_refused = path.iter().fold(false, |found, &byte| {
        found | (byte <= b' ') | (byte >= 0x7f) | (byte == b'#') | (byte == b'\\')
    });
    if is_refused {
        return Err(refusal(path).unwrap_or(HeadRefused::TargetControl));
    }
    if path.contains(&b'%') {
        examine_triplets(path)?;
        return Ok(false);
    }
    Ok(is_plain(path))
}

/// Whether no backend sees anything else in a path, letter case apart: visible ASCII without `%`, `;`, `\\`, `#`, `?`,
/// without `//` and without dot segments.
#[must_use]
pub fn is_plain(path: &[u8]) -> bool {
    let is_special = path.iter().fold(false, |found, &byte| {
        found
            | !(b'!'..0x7f).contains(&byte)
            | (byte == b'%')
            | (byte == b';')
            | (byte == b'#')
            | (byte == b'?')
            | (byte == b'\\')
    });
    !is_special && !has_empty_or_dot_segment(path)
}

/// An empty segment before the last, `.` or `..`. Each shows as `//` or `/.`, which are looked for first.
fn has_empty_or_dot_segment(path: &[u8]) -> bool {
    let after = path.get(1..).unwrap_or_default();
    let is_suspect = path
        .iter()
        .zip(after)
        .fold(false, |found, (&byte, &next)| found | ((byte == b'/') & ((next == b'/') | (next == b'.'))));
    if !is_suspect {
        return false;
    }
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let mut segments = path.split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if segment == b"." || segment == b".." || segment.is_empty() && !is_last {
            return true;
        }
    }
    false
}

/// A triplet in which backends disagree: `%zz`, `%4`, `%00`.
fn examine_triplets(path: &[u8]) -> Result<(), HeadRefused> {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        match rest.get(at + 1..at + 3) {
            Some(b"00") => return Err(HeadRefused::TargetNul),
            Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {}
            _ => return Err(HeadRefused::TargetPercent),
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    Ok(())
}

/// Backslashes and lone percent signs pass in a query: every browser sends them as they are typed there (WHATWG URL,
/// query percent-encode set), and no policy is decided by a query.
fn examine_query(query: &[u8]) -> Result<(), HeadRefused> {
    let is_refused =
        query.iter().fold(false, |found, &byte| found | (byte <= b' ') | (byte >= 0x7f) | (byte == b'#'));
    if is_refused { Err(refusal(query).unwrap_or(HeadRefused::TargetControl)) } else { Ok(()) }
}

/// The first byte that no part of a target may have, by name.
fn refusal(bytes: &[u8]) -> Option<HeadRefused> {
    bytes
        .iter()
        .find_map(|byte| match byte {
            b'#' => Some(HeadRefused::TargetFragment),
            0..=b' ' | 0x7f => Some(HeadRefused::TargetControl),
            0x80.. => Some(HeadRefused::TargetNotAscii),
            _ => None,
        })
        .or_else(|| bytes.contains(&b'\\').then_some(HeadRefused::TargetBackslash))
}

fn text(ascii: &[u8]) -> Result<&str, HeadRefused> {
    str::from_utf8(ascii).map_err(|_| HeadRefused::TargetNotAscii)
}
