//! A YAML document as a tree in which every node knows where it stands.

pub(crate) mod property;
pub(crate) mod read;
mod veil;

use crate::source::{Source, Span};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// A scalar: the whole token. A flow collection: its opening bracket. A block collection: its first line.
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// The kinds of value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something that has been complained about already.
    Broken,
}

/// A scalar is a text until a section says what it must be: nothing is guessed from its looks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar {
    /// After escapes and `${VAR}`.
    pub(crate) text: String,
    /// Written without quotes: only then it can be a number, `true` or `false`.
    pub(crate) plain: bool,
    /// A variable's value is in the text: messages show the reference instead.
    pub(crate) from_environment: bool,
    /// A secret, or a URL with user information: messages show nothing of it.
    pub(crate) hidden: bool,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl Node {
    /// A scalar that stands nowhere: the text of a default.
    pub(crate) fn detached(text: &str) -> Self {
        let scalar = Scalar { text: text.to_owned(), plain: true, from_environment: false, hidden: false };
        Self { span: Span::default(), value: Value::Scalar(scalar) }
    }

    /// What the node is, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Broken => "something unreadable",
        }
    }

    /// Whether the value of a key came from the environment, or is not to be shown.
    pub(crate) fn is_veiled(&self, key: &str) -> bool {
        self.get(key).is_some_and(|node| matches!(&node.value, Value::Scalar(scalar) if scalar.is_veiled()))
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    fn step(&self, step: Step<'_>) -> Option<&Node> {
        match (step, &self.value) {
            (Step::Key(key), _) => self.get(key),
            (Step::Index(index), Value::List(items)) => items.get(index),
            (Step::Index(_), _) => None,
        }
    }

    /// The node at a path, if the path exists.
    pub(crate) fn find(&self, path: &[Step<'_>]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| node.step(*step))
    }

    /// Where the last step of a path is written: a key's own span, or the span of a list's item. Falls back to the
    /// nearest thing on the way that exists.
    pub(crate) fn locate(&self, path: &[Step<'_>]) -> Span {
        let mut here = self;
        let mut span = self.span;
        for step in path {
            span = match (*step, &here.value) {
                (Step::Key(key), Value::Map(_)) => match here.entry(key) {
                    Some(entry) => entry.key_span,
                    None => return span,
                },
                (Step::Index(index), Value::List(items)) => match items.get(index) {
                    Some(item) => item.span,
                    None => return span,
                },
                _ => return span,
            };
            match here.step(*step) {
                Some(next) => here = next,
                None => return span,
            }
        }
        span
    }
}

impl Scalar {
    /// Whether the text must not be quoted in a message.
    pub(crate) fn is_veiled(&self) -> bool {
        self.from_environment || self.hidden
    }

    /// The text for a message: as written when a variable is in it.
    pub(crate) fn shown(&self, source: &Source, span: Span) -> String {
        let text = match (self.hidden, self.from_environment) {
            (true, _) => "…",
            (false, true) => source.slice(span),
            (false, false) => &self.text,
        };
        let mut shown: String =
            text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        if text.chars().count() > 60 {
            shown.push('…');
        }
        shown
    }
}

/// A path as text: `routes[0].upstream`.
pub(crate) fn path_text(steps: &[Step<'_>]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Key(key) => join_key(&path, key),
        Step::Index(index) => join_index(&path, *index),
    })
}

pub(crate) fn join_key(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { [path, ".", key].concat() }
}

pub(crate) fn join_index(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
