//! JSON of another party, read strictly.
//!
//! `serde_json` keeps the last of two equal members and allows 128 levels. A token in which two readers see two
//! different subjects is an attack (RFC 8725 section 2.4), so here one pass both builds the value and refuses: names
//! are compared after unescaping (`"sub"` and `"\u0073ub"` are equal), every string is checked to be UTF-8, also in
//! members that nobody reads.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use thiserror::Error;

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
    match parse(text)? {
        Value::Object(map) => Ok(map),
        _ => Err(JsonRefused::NoObject),
    }
}

/// The string that an object has under a name, read without anything else of it: a hint, not a reading. What is there
/// twice, or is no object, has none.
pub(crate) fn peek_string(text: &[u8], name: &str) -> Option<String> {
    struct Peek<'n>(&'n str);

    impl<'de> Visitor<'de> for Peek<'_> {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<String>, A::Error> {
            let mut found = None;
            while let Some(name) = members.next_key_seed(Name)? {
                if name != self.0 {
                    members.next_value::<IgnoredAny>()?;
                } else if found.replace(members.next_value::<String>()?).is_some() {
                    return Ok(None);
                }
            }
            Ok(found)
        }
    }

    serde_json::Deserializer::from_slice(text).deserialize_map(Peek(name)).ok().flatten()
}

fn parse(text: &[u8]) -> Result<Value, JsonRefused> {
    let refused = Cell::new(JsonRefused::Malformed);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { depth: 0, refused: &refused }.deserialize(&mut reader).map_err(|_| refused.get())?;
    reader.end().map_err(|_| JsonRefused::Malformed)?;
    Ok(value)
}

/// A reader of one value below `depth` levels, for a caller that reads the outermost object itself.
pub(crate) fn strict(depth: usize, refused: &Cell<JsonRefused>) -> Strict<'_> {
    Strict { depth, refused }
}

/// The name of a member; borrowed from the text where it has no escapes.
pub(crate) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// Builds one value at `depth` and leaves the reason in `refused` when it cannot.
#[derive(Clone, Copy)]
pub(crate) struct Strict<'r> {
    depth: usize,
    refused: &'r Cell<JsonRefused>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, why: JsonRefused) -> E {
        self.refused.set(why);
        E::custom(why)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(self.refuse(JsonRefused::TooDeep));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            match map.entry(name) {
                Entry::Vacant(free) => free.insert(members.next_value_seed(inner)?),
                Entry::Occupied(_) => return Err(self.refuse(JsonRefused::DuplicateMember)),
            };
        }
        Ok(Value::Object(map))
    }
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
