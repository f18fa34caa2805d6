//! The steps that backends take with a path. Each returns what it makes of it, or nothing when it has nothing to do.

use std::str;

use unicode_normalization::{UnicodeNormalization, is_nfkc};

/// What each step but decoding makes of the path.
pub(super) fn all(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let steps = [turn_backslashes, merge_slashes, resolve_dots, drop_parameters, shorten_overlong, compose];
    let cuts = [b'\0', b'\r', b'\n', b'#', b'?'];
    steps
        .into_iter()
        .filter_map(move |step| step(path))
        .chain(cuts.into_iter().filter_map(move |end| cut(path, end)))
}

/// Percent triplets become bytes, once. What is no triplet stays.
pub(super) fn decode(path: &[u8]) -> Option<Vec<u8>> {
    if !path.contains(&b'%') {
        return None;
    }
    let decoded: Vec<u8> = percent_encoding::percent_decode(path).collect();
    (decoded != path).then_some(decoded)
}

/// `\` is `/` (IIS, WHATWG URL, many Windows programs).
fn turn_backslashes(path: &[u8]) -> Option<Vec<u8>> {
    path.contains(&b'\\').then(|| path.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect())
}

/// `//` is `/`.
fn merge_slashes(path: &[u8]) -> Option<Vec<u8>> {
    if !path.windows(2).any(|pair| pair == b"//") {
        return None;
    }
    let mut merged = path.to_vec();
    merged.dedup_by(|a, b| (*a, *b) == (b'/', b'/'));
    Some(merged)
}

/// `.` and `..` are resolved (RFC 3986 5.2.4); above the root is the root.
fn resolve_dots(path: &[u8]) -> Option<Vec<u8>> {
    let relative = path.strip_prefix(b"/").unwrap_or(path);
    let is_dots = |segment: &[u8]| matches!(segment, b"." | b"..");
    if !relative.split(|&byte| byte == b'/').any(is_dots) {
        return None;
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut ends_in_dots = false;
    for segment in relative.split(|&byte| byte == b'/') {
        ends_in_dots = is_dots(segment);
        match segment {
            b"." => {}
            b".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let mut resolved = Vec::with_capacity(path.len());
    for segment in &kept {
        resolved.push(b'/');
        resolved.extend_from_slice(segment);
    }
    if ends_in_dots || resolved.is_empty() {
        resolved.push(b'/');
    }
    Some(resolved)
}

/// `/a;b=c/d` is `/a/d` (RFC 3986 3.3 leaves it to them; servlet containers do it).
fn drop_parameters(path: &[u8]) -> Option<Vec<u8>> {
    if !path.contains(&b';') {
        return None;
    }
    let mut is_parameter = false;
    Some(
        path.iter()
            .copied()
            .filter(|&byte| {
                is_parameter = byte != b'/' && (is_parameter || byte == b';');
                !is_parameter
            })
            .collect(),
    )
}

/// The path ends at the first of this byte.
fn cut(path: &[u8], end: u8) -> Option<Vec<u8>> {
    let at = path.iter().position(|&byte| byte == end)?;
    path.get(..at).map(<[u8]>::to_vec)
}

/// Two-byte forms of ASCII (`C0 AF` for `/`), which old decoders take though UTF-8 forbids them (RFC 3629 3).
fn shorten_overlong(path: &[u8]) -> Option<Vec<u8>> {
    if !path.iter().any(|byte| matches!(byte, 0xc0 | 0xc1)) {
        return None;
    }
    let mut short = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        match (first, after) {
            (0xc0 | 0xc1, [second @ 0x80..=0xbf, after @ ..]) => {
                short.push(((first & 1) << 6) | (second & 0x3f));
                rest = after;
            }
            _ => {
                short.push(first);
                rest = after;
            }
        }
    }
    (short != path).then_some(short)
}

/// NFKC: full-width `．` and `／` and their like become ASCII.
fn compose(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let text = str::from_utf8(path).ok()?;
    (!is_nfkc(text)).then(|| text.nfkc().collect::<String>().into_bytes())
}

/// The path without regard to letter case by the rules of Unicode; nothing for ASCII, whose comparison does it.
///
/// Up and down again comes close to full case folding: `ſ` is `s`, `ß` is `ss`, `ı` is `i`.
pub(super) fn fold(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let text = str::from_utf8(path).ok()?;
    Some(
        text.nfkc()
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
            .collect::<String>()
            .into_bytes(),
    )
}
