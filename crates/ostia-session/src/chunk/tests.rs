//! Tests.

use super::{CHUNK_CHARS, Gathered, NoValue, Presented, chunk_of, chunks_for};
use crate::seal::OpenRefused;

fn gathered<'a>(cookies: &[(&str, &'a str)]) -> Gathered<'a, 4> {
    let mut gathered = Gathered::NONE;
    for (name, value) in cookies {
        gathered.offer("c", name.as_bytes(), value.as_bytes());
    }
    gathered
}

/// Version 1, so many chunks; the rest does not matter here.
fn value(chunks: u8, chars: usize) -> String {
    let mut text = base64_simd::URL_SAFE_NO_PAD.encode_to_string([1, chunks, 0]);
    text.extend(std::iter::repeat_n('A', chars.saturating_sub(4)));
    text
}

#[test]
fn chunk_names_are_exact() {
    for (name, expected) in [
        ("c", Some(0)),
        ("c.1", Some(1)),
        ("c.3", Some(3)),
        ("c.4", None),
        ("c.0", None),
        ("c.", None),
        ("c.01", None),
        ("C", None),
        ("cc", None),
        ("", None),
        ("c.1 ", None),
    ] {
        assert_eq!(chunk_of("c", 4, name.as_bytes()), expected, "{name}");
    }
}

#[test]
fn chunks_that_do_not_fit_together_are_no_value() {
    let (one, two, five) = (value(1, 80), value(2, CHUNK_CHARS), value(5, CHUNK_CHARS));
    let full = "A".repeat(CHUNK_CHARS);
    let long = value(1, CHUNK_CHARS + 4);
    let malformed = NoValue::Refused(OpenRefused::Malformed);
    for (what, cookies, expected) in [
        ("nothing", vec![], NoValue::Absent),
        ("two of one name", vec![("c", one.as_str()), ("c", one.as_str())], NoValue::Ambiguous),
        ("two of one later name", vec![("c", &two), ("c.1", "AAAA"), ("c.1", "AAAA")], NoValue::Ambiguous),
        ("the first is missing", vec![("c.1", &full)], NoValue::Incomplete),
        ("the second is missing", vec![("c", &two)], NoValue::Incomplete),
        ("one left over", vec![("c", &one), ("c.1", "AAAA")], NoValue::Incomplete),
        ("one left over after a gap", vec![("c", &one), ("c.3", "AAAA")], NoValue::Incomplete),
        ("the first is short", vec![("c", &two[..400]), ("c.1", "AAAA")], NoValue::Incomplete),
        ("the last is empty", vec![("c", &two), ("c.1", "")], NoValue::Incomplete),
        ("a chunk is too long", vec![("c", &long)], NoValue::Incomplete),
        (
            "more chunks than there are",
            vec![("c", &five), ("c.1", &full), ("c.2", &full), ("c.3", &full)],
            NoValue::Incomplete,
        ),
        ("no chunks at all", vec![("c", "AQAA")], NoValue::Incomplete),
        ("empty", vec![("c", "")], malformed),
        ("not base64url", vec![("c", "AQEA+/==")], malformed),
        ("a bit in the padding", vec![("c", "AQEAAB")], malformed),
        ("another version", vec![("c", "AgEAAA")], NoValue::Refused(OpenRefused::UnknownVersion)),
    ] {
        assert_eq!(gathered(&cookies).sealed().map(|bytes| bytes.to_vec()), Err(expected), "{what}");
    }
}

#[test]
fn whole_chunks_are_one_value() {
    let (one, two) = (value(1, 80), value(2, CHUNK_CHARS));
    assert_eq!(gathered(&[("c", &one), ("other", "x")]).sealed().unwrap().len(), 60);
    assert_eq!(gathered(&[("c.1", "AAAA"), ("c", &two)]).sealed().unwrap().len(), CHUNK_CHARS / 4 * 3 + 3);
}

#[test]
fn what_was_presented_is_known_for_the_answer() {
    let presented = gathered(&[("c", "x"), ("c.2", "x")]).presented();
    assert_eq!([0, 1, 2, 3].map(|chunk| presented.has(chunk)), [true, false, true, false]);
    assert!(Presented::NONE.is_empty() && Presented::ALL.has(3));
    assert!(!Presented::ALL.has(64));
}

#[test]
fn a_full_cookie_holds_what_its_characters_hold() {
    let most = CHUNK_CHARS / 4 * 3 - 34;
    assert_eq!([chunks_for(0), chunks_for(most), chunks_for(most + 1)], [1, 1, 2]);
}
