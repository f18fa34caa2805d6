//! Bodies of the fuzz targets, as ordinary functions: the corpus replays on a stable compiler.
//!
//! Each takes any bytes, must not panic, and asserts what must hold for all of them. [`TARGETS`] names them as the
//! folders of `corpus/` are named.

use crate::head::Scan;
use crate::http2;

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 3] = [("proxy_header", proxy_header), ("head", head), ("frames", frames)];

/// The most fields that the reader takes here.
const FIELDS: usize = 20;

/// The first bytes of a connection from a trusted proxy: any bytes, whole and cut anywhere.
pub fn proxy_header(data: &[u8]) {
    crate::proxy_protocol::fuzz(data);
}

/// A head of HTTP/1, which is the same however it drips in, and which nobody can read in another way.
pub fn head(data: &[u8]) {
    let whole = Scan::new(FIELDS).advance(data);
    let mut dripping = Scan::new(FIELDS);
    let mut dripped = Ok(None);
    for end in 0..=data.len() {
        dripped = dripping.advance(data.get(..end).unwrap_or_default());
        if !matches!(dripped, Ok(None)) {
            break;
        }
    }
    // The reason may be another one: the first fault that is seen is told.
    assert_eq!(whole.ok(), dripped.ok(), "bytes read alike however they are cut");
    let Ok(Some(length)) = whole else { return };
    let head = data.get(..length).unwrap_or_default();
    let text = head.strip_prefix(b"\r\n").unwrap_or(head);
    let text = text.strip_suffix(b"\r\n\r\n");
    assert!(text.is_some(), "a head ends with an empty line");
    let text = text.unwrap_or_default();
    let without_ends = text.split(|byte| *byte == b'\n').collect::<Vec<_>>();
    let (last, lines) = without_ends.split_last().unwrap_or((&text, &[]));
    assert!(lines.iter().all(|line| line.ends_with(b"\r")), "every line ends with CR LF");
    assert!(!last.contains(&b'\r') && !text.contains(&0), "no CR and no NUL elsewhere");
    assert!(lines.iter().all(|line| line.iter().filter(|byte| **byte == b'\r').count() == 1));
    assert!(without_ends.len() <= FIELDS + 1, "no more fields than allowed");
    let names = without_ends.iter().skip(1).filter_map(|line| line.split(|byte| *byte == b':').next());
    let framing = names.filter(|name| {
        name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
    });
    assert!(framing.count() <= 1, "one length or one coding");
}

/// The frames of HTTP/2, which are the same however the bytes are cut.
pub fn frames(data: &[u8]) {
    let whole = http2::frames_of([data].into_iter());
    for size in [1, 2, 7, 9, 10] {
        assert_eq!(whole, http2::frames_of(data.chunks(size)), "in pieces of {size}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_replays() {
        ostia_testkit::replay(env!("CARGO_MANIFEST_DIR"), &super::TARGETS, usize::MAX);
    }
}
