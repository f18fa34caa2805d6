//! A value of a JSON text that was read strictly, as its readers see it.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Number, Value};

use super::document::{Document, Node};

/// One value: a claim, or a part of it. Two words wide, and borrowed.
#[derive(Clone, Copy)]
pub struct JsonValue<'a> {
    document: &'a Document,
    at: u32,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// A string, without its escapes.
    Text(&'a str),
    /// A list.
    List(Elements<'a>),
    /// An object.
    Object(Members<'a>),
}

impl<'a> JsonValue<'a> {
    pub(super) fn new(document: &'a Document, at: u32) -> Self {
        Self { document, at }
    }

    /// What it is.
    #[must_use]
    pub fn read(self) -> Json<'a> {
        self.document.node(self.at).read(self.document, self.at)
    }

    /// The string that it is.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        self.document.text(self.at)
    }

    /// The truth value that it is.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.document.node(self.at) {
            Node::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The whole number from 0 that it is, written without fraction and exponent.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self.document.node(self.at) {
            Node::Unsigned(whole) => Some(whole),
            _ => None,
        }
    }

    /// The number that it is, rounded where that is needed.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self.read() {
            Json::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The elements, when it is a list.
    #[must_use]
    pub fn elements(self) -> Option<Elements<'a>> {
        match self.read() {
            Json::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// Names and values, when it is an object.
    #[must_use]
    pub fn members(self) -> Option<Members<'a>> {
        match self.read() {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member of this name, when it is an object.
    #[must_use]
    pub fn member(self, name: &str) -> Option<Self> {
        self.members()?.find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The strings of a claim: itself, or the elements of a list that are strings. Numbers, booleans and objects are no
    /// strings: `0` never equals `admin`.
    pub fn strings(self) -> impl Iterator<Item = &'a str> + Clone {
        self.as_str().into_iter().chain(self.elements().into_iter().flatten().filter_map(Self::as_str))
    }

    /// Whether [`JsonValue::strings`] tells everything: a string, or a list of nothing but strings. Of any other value
    /// it cannot be said that it does *not* hold a name.
    #[must_use]
    pub fn is_textual(self) -> bool {
        match self.read() {
            Json::Text(_) => true,
            Json::List(mut elements) => elements.all(|element| element.as_str().is_some()),
            _ => false,
        }
    }

    /// A copy that stands for itself.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self.read() {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Bool(truth),
            Json::Number(number) => Value::Number(number),
            Json::Text(text) => Value::String(text.to_owned()),
            Json::List(elements) => Value::Array(elements.map(Self::to_value).collect()),
            Json::Object(members) => Value::Object(members.to_map()),
        }
    }

    pub(crate) fn place(self) -> u32 {
        self.at
    }
}

impl PartialEq for JsonValue<'_> {
    /// The order of members does not count.
    fn eq(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}

impl fmt::Debug for JsonValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_value(), f)
    }
}

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.read() {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(truth) => serializer.serialize_bool(truth),
            Json::Number(number) => number.serialize(serializer),
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(elements) => {
                let mut list = serializer.serialize_seq(None)?;
                for element in elements {
                    list.serialize_element(&element)?;
                }
                list.end()
            }
            Json::Object(members) => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in members {
                    map.serialize_entry(name, &value)?;
                }
                map.end()
            }
        }
    }
}

/// The elements of a list, in its order.
#[derive(Clone, Debug)]
pub struct Elements<'a>(Siblings<'a>);

/// The members of an object, in its order.
#[derive(Clone, Debug)]
pub struct Members<'a>(Siblings<'a>);

#[derive(Clone, Debug)]
struct Siblings<'a> {
    document: &'a Document,
    at: u32,
    behind: u32,
}

impl<'a> Siblings<'a> {
    /// The next one, which stands `before` places from here.
    fn next(&mut self, before: u32) -> Option<JsonValue<'a>> {
        let at = self.at + before;
        if at >= self.behind {
            return None;
        }
        self.at = self.document.behind(at);
        Some(JsonValue::new(self.document, at))
    }
}

impl<'a> Elements<'a> {
    pub(super) fn new(document: &'a Document, at: u32, behind: u32) -> Self {
        Self(Siblings { document, at, behind })
    }

    /// The first that is left.
    #[must_use]
    pub fn first(&self) -> Option<JsonValue<'a>> {
        self.clone().next()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = JsonValue<'a>;

    fn next(&mut self) -> Option<JsonValue<'a>> {
        self.0.next(0)
    }
}

impl<'a> Members<'a> {
    pub(super) fn new(document: &'a Document, at: u32, behind: u32) -> Self {
        Self(Siblings { document, at, behind })
    }

    /// A copy that stands for itself.
    #[must_use]
    pub fn to_map(self) -> Map<String, Value> {
        self.map(|(name, value)| (name.to_owned(), value.to_value())).collect()
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, JsonValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let value = self.0.next(1)?;
        Some((self.0.document.text_at(value.at - 1), value))
    }
}
