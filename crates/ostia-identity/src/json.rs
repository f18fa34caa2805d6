//! JSON of another party, read strictly.
//!
//! `serde_json` keeps the last of two equal members and allows 128 levels. A token in which two readers see two
//! different subjects is an attack (RFC 8725 section 2.4), so here one pass both builds the value and refuses: names
//! are compared after unescaping (`"sub"` and `"\u0073ub"` are equal), every string is checked to be UTF-8, also in
//! members that nobody reads.

//!
//! What is read stays where it stood: a [`Document`] is the text with a list of places, so that reading a token costs a
//! few allocations and not two for each of its members.

mod document;
mod index;
mod reader;
mod text;
mod value;

use serde_json::{Map, Value};
use thiserror::Error;

pub(crate) use document::Document;
pub(crate) use index::Index;
pub use value::{Elements, Json, JsonValue, Members};

/// How deep lists and objects may nest; the outermost counts as one.
pub const MAX_DEPTH: usize = 16;

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JsonRefused {
    /// Not JSON, not UTF-8, a number out of range, or something after the end.
    #[error("is not JSON")]
    Malformed,
    /// The outermost value is no object.
    #[error("is no JSON object")]
    NoObject,
    /// Two members of one object have the same name.
    #[error("has a member twice")]
    DuplicateMember,
    /// More than [`MAX_DEPTH`] levels.
    #[error("is nested too deeply")]
    TooDeep,
}

/// Reads one object.
///
/// # Errors
/// [`JsonRefused`] as its variants say.
pub fn parse_object(text: &[u8]) -> Result<Map<String, Value>, JsonRefused> {
    Ok(Document::parse_object(text.to_vec())?.root().members().map(Members::to_map).unwrap_or_default())
}

/// The string that an object has under a name: a hint, not a reading. What is there twice, or is no object, has none;
/// other members may be there twice.
pub(crate) fn peek_string(text: Vec<u8>, name: &str) -> Option<String> {
    let document = Document::skim(text).ok()?;
    let mut named = document.root().members()?.filter(|(other, _)| *other == name);
    let (_, only) = named.next()?;
    if named.next().is_some() { None } else { only.as_str().map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ambiguous_or_malformed_is_refused() {
        let deep =
            |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels)).into_bytes();
        let many = format!(r#"{{"a":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000)).into_bytes();
        let cases: [(&str, Vec<u8>, JsonRefused); 15] = [
            ("empty", b"".to_vec(), JsonRefused::Malformed),
            ("a list", b"[]".to_vec(), JsonRefused::NoObject),
            ("a string", b"\"a\"".to_vec(), JsonRefused::NoObject),
            ("trailing", b"{} {}".to_vec(), JsonRefused::Malformed),
            ("byte order mark", b"\xef\xbb\xbf{}".to_vec(), JsonRefused::Malformed),
            ("trailing comma", br#"{"a":1,}"#.to_vec(), JsonRefused::Malformed),
            ("comment", br#"{"a":1/**/}"#.to_vec(), JsonRefused::Malformed),
            ("NaN", br#"{"a":NaN}"#.to_vec(), JsonRefused::Malformed),
            ("number out of range", br#"{"a":1e400}"#.to_vec(), JsonRefused::Malformed),
            (
                "invalid UTF-8 in an unread member",
                b"{\"a\":{\"b\":\"\xff\"}}".to_vec(),
                JsonRefused::Malformed,
            ),
            ("lone surrogate", br#"{"a":"\ud800"}"#.to_vec(), JsonRefused::Malformed),
            ("duplicate", br#"{"a":1,"b":2,"a":1}"#.to_vec(), JsonRefused::DuplicateMember),
            (
                "escaped duplicate deep inside",
                br#"{"x":[{"a":1,"\u0061":2}]}"#.to_vec(),
                JsonRefused::DuplicateMember,
            ),
            ("17 levels", deep(17), JsonRefused::TooDeep),
            ("10,000 levels", many, JsonRefused::TooDeep),
        ];
        for (name, text, why) in cases {
            assert_eq!(parse_object(&text), Err(why), "{name}");
        }
        assert!(parse_object(&deep(16)).is_ok());
    }

    #[test]
    fn a_plain_object_reads_as_serde_json_reads_it() {
        let text = r#" {"s":"\u00e9\n","n":-1,"u":18446744073709551615,"f":1.5,"b":true,"z":null,"l":[1,{"o":{}}]} "#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(Value::Object(parse_object(text.as_bytes()).unwrap()), expected);
    }
}
