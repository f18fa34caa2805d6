//! A JSON text and where each of its values stands: three allocations, however many members it has.

use serde_json::Value;

use super::index::Index;
use super::reader::{Purpose, Reader};
use super::value::JsonValue;
use super::{Json, JsonRefused};

/// A part of a text, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// One value, or the name of a member, which stands right before its value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    /// Of the text as it was received.
    Text(Span),
    /// Of the text that is ours: what had escapes, or was put in later.
    Own(Span),
    /// The elements follow, up to here.
    List {
        behind: u32,
    },
    /// Names and values follow in turns, up to here.
    Object {
        behind: u32,
    },
}

/// A value with all that is in it. Strings without escapes are read where they stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    text: String,
    own: String,
    nodes: Vec<Node>,
}

impl Document {
    /// Reads one object, strictly.
    pub(crate) fn parse_object(text: Vec<u8>) -> Result<Self, JsonRefused> {
        Self::read_object(text, Purpose::Values).map(|(document, _)| document)
    }

    /// Reads one object, strictly, with an index of its members.
    pub(crate) fn parse_indexed(text: Vec<u8>) -> Result<(Self, Index), JsonRefused> {
        Self::read_object(text, Purpose::Index)
    }

    /// Reads one object that may have members twice.
    pub(super) fn skim(text: Vec<u8>) -> Result<Self, JsonRefused> {
        Self::read_object(text, Purpose::Hint).map(|(document, _)| document)
    }

    fn read_object(text: Vec<u8>, purpose: Purpose) -> Result<(Self, Index), JsonRefused> {
        let text = String::from_utf8(text).map_err(|_| JsonRefused::Malformed)?;
        let Reader { nodes, own, index, .. } = Reader::read(&text, purpose)?;
        match nodes.first() {
            Some(Node::Object { .. }) => Ok((Self { text, own, nodes }, index)),
            _ => Err(JsonRefused::NoObject),
        }
    }

    /// The outermost value.
    pub(crate) fn root(&self) -> JsonValue<'_> {
        self.value(0)
    }

    /// The value at this place.
    pub(crate) fn value(&self, at: u32) -> JsonValue<'_> {
        JsonValue::new(self, at)
    }

    /// The text at this place: a name or a value; empty where something else stands.
    pub(crate) fn text_at(&self, at: u32) -> &str {
        self.text(at).unwrap_or_default()
    }

    /// The text at this place, when there is one.
    #[inline]
    pub(super) fn text(&self, at: u32) -> Option<&str> {
        match self.node(at) {
            Node::Text(span) => Some(part(&self.text, span)),
            Node::Own(span) => Some(part(&self.own, span)),
            _ => None,
        }
    }

    /// Whether this text stands at this place.
    pub(super) fn is_text(&self, at: u32, text: &[u8]) -> bool {
        let (whole, span) = match self.node(at) {
            Node::Text(span) => (&self.text, span),
            Node::Own(span) => (&self.own, span),
            _ => return false,
        };
        whole.as_bytes().get(span.start as usize..span.end as usize) == Some(text)
    }

    pub(super) fn node(&self, at: u32) -> Node {
        self.nodes.get(at as usize).copied().unwrap_or(Node::Null)
    }

    /// The place behind the value at this one.
    pub(super) fn behind(&self, at: u32) -> u32 {
        match self.node(at) {
            Node::List { behind } | Node::Object { behind } => behind,
            _ => at + 1,
        }
    }

    /// About what it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + self.own.capacity() + self.nodes.capacity() * size_of::<Node>()
    }

    /// Puts a text behind everything else.
    pub(crate) fn push_text(&mut self, text: &str) -> u32 {
        let start = place(self.own.len());
        self.own.push_str(text);
        self.push(Node::Own(Span { start, end: place(self.own.len()) }))
    }

    /// Puts a value behind everything else.
    pub(crate) fn push_value(&mut self, value: &Value) -> u32 {
        match value {
            Value::Null => self.push(Node::Null),
            Value::Bool(truth) => self.push(Node::Bool(*truth)),
            Value::Number(number) => self.push(Node::of_number(number)),
            Value::String(text) => self.push_text(text),
            Value::Array(list) => {
                let at = self.push(Node::List { behind: 0 });
                for element in list {
                    self.push_value(element);
                }
                self.close(at, Node::List { behind: self.next() })
            }
            Value::Object(members) => {
                let at = self.push(Node::Object { behind: 0 });
                for (name, member) in members {
                    self.push_text(name);
                    self.push_value(member);
                }
                self.close(at, Node::Object { behind: self.next() })
            }
        }
    }

    fn next(&self) -> u32 {
        place(self.nodes.len())
    }

    fn push(&mut self, node: Node) -> u32 {
        let at = self.next();
        self.nodes.push(node);
        at
    }

    fn close(&mut self, at: u32, whole: Node) -> u32 {
        if let Some(node) = self.nodes.get_mut(at as usize) {
            *node = whole;
        }
        at
    }
}

impl Node {
    pub(super) fn of_number(number: &serde_json::Number) -> Self {
        match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(whole), ..) => Self::Unsigned(whole),
            (_, Some(whole), _) => Self::Negative(whole),
            (_, _, Some(float)) => Self::Float(float),
            _ => Self::Null,
        }
    }

    pub(super) fn read<'a>(self, document: &'a Document, at: u32) -> Json<'a> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(truth) => Json::Bool(truth),
            Self::Unsigned(whole) => Json::Number(whole.into()),
            Self::Negative(whole) => Json::Number(whole.into()),
            Self::Float(float) => serde_json::Number::from_f64(float).map_or(Json::Null, Json::Number),
            Self::Text(span) => Json::Text(part(&document.text, span)),
            Self::Own(span) => Json::Text(part(&document.own, span)),
            Self::List { behind } => Json::List(super::Elements::new(document, at + 1, behind)),
            Self::Object { behind } => Json::Object(super::Members::new(document, at + 1, behind)),
        }
    }
}

fn part(text: &str, span: Span) -> &str {
    text.get(span.start as usize..span.end as usize).unwrap_or_default()
}

/// A place in a text or among nodes. Nobody holds documents of 4 GiB: readers refuse them, and what is put in later is
/// part of an answer whose size is bounded.
pub(super) fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
