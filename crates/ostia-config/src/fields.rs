//! A section's map opened by its table: unknown keys told, values read by their shape, defaults filled in.

use crate::codes;
use crate::describe::{Key, Need, Section, Shape, nearest};
use crate::findings::Finding;
use crate::source::Span;
use crate::tree::{Entry, Node, Scalar, Value, join_index, join_key};
use crate::value::{Context, Place, Read, Word};

/// A section of the text. One that is absent is opened empty: all defaults.
pub(crate) struct Fields<'a> {
    pub(crate) cx: &'a Context<'a>,
    section: &'static Section,
    entries: &'a [Entry],
    pub(crate) path: String,
    /// Where to point when a key is missing.
    pub(crate) span: Span,
}

impl<'a> Fields<'a> {
    /// Opens a map and tells what does not belong there. `span` is where the section is named.
    pub(crate) fn open(
        cx: &'a Context<'a>,
        node: Option<&'a Node>,
        section: &'static Section,
        path: impl Into<String>,
        span: Span,
    ) -> Self {
        let mut fields = Self { cx, section, entries: &[], path: path.into(), span };
        match node.map(|node| (node, &node.value)) {
            Some((_, Value::Map(entries))) => {
                fields.entries = entries;
                fields.look_for_strangers();
                fields.look_for_missing();
            }
            Some((_, Value::Broken)) | None => {}
            Some((node, _)) => cx.wrong_type(node, &Shape::Section(section), &fields.path),
        }
        fields
    }

    fn look_for_strangers(&self) {
        for entry in self.entries {
            match self.section.key(&entry.key) {
                Some(key) if key.is_later() => {
                    self.cx.not_yet(entry.key_span, &self.sub(&entry.key), &format!("`{}`", entry.key));
                }
                Some(key) if entry.value.value == Value::Null => self.tell_nothing(entry, key),
                Some(_) => {}
                None => self.tell_stranger(entry),
            }
        }
    }

    fn tell_stranger(&self, entry: &Entry) {
        let names = self.section.keys.iter().map(|key| key.name);
        let known: Vec<&str> =
            self.section.keys.iter().filter(|key| !key.is_later()).map(|key| key.name).collect();
        let near = nearest(&entry.key, names);
        if let Some(near) = near {
            self.cx.findings.meant(self.sub(near));
        }
        let help = near.map_or_else(
            || format!("known here: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("`{}` is not a key of {}", entry.key, self.section.title);
        let finding = Finding::new(codes::UNKNOWN_KEY, entry.key_span, self.sub(&entry.key), message);
        self.cx.findings.add(finding.label("unknown key").help(help));
    }

    fn tell_nothing(&self, entry: &Entry, key: &Key) {
        let finding = Finding::new(
            codes::NO_VALUE,
            entry.key_span,
            self.sub(&entry.key),
            format!("`{}` has no value", entry.key),
        );
        self.cx.findings.add(finding.help(format!("write {}, or remove the key", key.shape.words())));
    }

    fn look_for_missing(&self) {
        for key in self.section.keys {
            let own_check = !matches!(key.need, Need::Required) || key.own_check;
            if !own_check && !self.has(key.name) && !self.is_meant(key.name) {
                let message = format!("{} has no `{}`", self.name(), key.name);
                let finding = Finding::new(codes::MISSING_KEY, self.span, self.sub(key.name), message);
                self.cx.findings.add(finding.help(format!("add `{}: …`, {}", key.name, key.shape.words())));
            }
        }
    }

    fn name(&self) -> String {
        if self.path.is_empty() { "the configuration".to_owned() } else { format!("`{}`", self.path) }
    }

    /// The path of a key of this section.
    pub(crate) fn sub(&self, key: &str) -> String {
        join_key(&self.path, key)
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key that is written and not null.
    pub(crate) fn node(&self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.value).filter(|node| node.value != Value::Null)
    }

    /// Whether a key is absent because it is misspelt.
    pub(crate) fn is_meant(&self, key: &str) -> bool {
        !self.has(key) && !self.cx.findings.is_empty() && self.cx.findings.spoils(&self.sub(key))
    }

    /// Whether a value must not be quoted in a message.
    pub(crate) fn is_veiled(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| matches!(&node.value, Value::Scalar(scalar) if scalar.is_veiled()))
    }

    /// The value of a key for a message; as written when a variable is in it.
    pub(crate) fn shown(&self, key: &str) -> String {
        match self.node(key).map(|node| (node, &node.value)) {
            Some((node, Value::Scalar(scalar))) => scalar.shown(self.cx.source, node.span),
            _ => String::new(),
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Where a key is written, or where its section is named.
    pub(crate) fn key_span(&self, key: &str) -> Span {
        self.entry(key).map_or(self.span, |entry| entry.key_span)
    }

    /// Where a value is written, or where its section is named.
    pub(crate) fn value_span(&self, key: &str) -> Span {
        self.node(key).map_or(self.span, |node| node.span)
    }

    fn shape(&self, key: &str) -> Shape {
        let known = self.section.key(key);
        debug_assert!(known.is_some(), "{} has no key {key} in its table", self.section.title);
        known.map_or(Shape::Unread, |key| key.shape)
    }

    /// The value of a key; `None` when it is absent or wrong.
    pub(crate) fn optional<T: Read>(&self, key: &str) -> Option<T> {
        let node = self.node(key)?;
        T::read(Place { cx: self.cx, node, shape: self.shape(key), path: &self.sub(key) })
    }

    /// [`Fields::optional`] for one of the shapes that a key may take.
    pub(crate) fn optional_as<T: Read>(&self, key: &str, shape: Shape) -> Option<T> {
        T::read(Place { cx: self.cx, node: self.node(key)?, shape, path: &self.sub(key) })
    }

    /// The value of a key, else its default, else (only beside a finding) a stand-in, so that the reading goes on:
    /// with a finding there is no configuration, so it never leaves the loader.
    pub(crate) fn get<T: Read + Default>(&self, key: &str) -> T {
        self.filled(key).unwrap_or_default()
    }

    /// The value of a key, else its default; `None` only beside a finding.
    pub(crate) fn filled<T: Read>(&self, key: &str) -> Option<T> {
        self.optional(key).or_else(|| self.default_of(key))
    }

    fn default_of<T: Read>(&self, key: &str) -> Option<T> {
        let Some(Key { need: Need::Default(yaml), .. }) = self.section.key(key) else { return None };
        T::read(Place {
            cx: self.cx,
            node: &default_node(yaml),
            shape: self.shape(key),
            path: &self.sub(key),
        })
    }

    /// A word of the key's closed set.
    pub(crate) fn word(&self, key: &str) -> &'static str {
        self.get::<Word>(key).0
    }

    /// A section below this one; empty when absent.
    pub(crate) fn section(&self, key: &str) -> Fields<'a> {
        let shape = self.shape(key);
        let Shape::Section(section) = shape else {
            debug_assert!(false, "{key} is not a section");
            return Fields {
                cx: self.cx,
                section: self.section,
                entries: &[],
                path: self.sub(key),
                span: self.span,
            };
        };
        Fields::open(self.cx, self.node(key), section, self.sub(key), self.key_span(key))
    }

    /// The entries of a map with free keys, each with its path.
    pub(crate) fn map(&self, key: &str) -> Vec<(&'a Entry, String)> {
        let path = self.sub(key);
        match self.node(key).map(|node| (node, &node.value)) {
            Some((_, Value::Map(entries))) => {
                entries.iter().map(|entry| (entry, join_key(&path, &entry.key))).collect()
            }
            Some((_, Value::Broken)) | None => Vec::new(),
            Some((node, _)) => {
                self.cx.wrong_type(node, &self.shape(key), &path);
                Vec::new()
            }
        }
    }

    /// The items of a list, each with its path.
    pub(crate) fn list(&self, key: &str) -> Vec<(&'a Node, String)> {
        let path = self.sub(key);
        match self.node(key).map(|node| (node, &node.value)) {
            Some((_, Value::List(items))) => {
                items.iter().enumerate().map(|(index, item)| (item, join_index(&path, index))).collect()
            }
            Some((_, Value::Broken)) | None => Vec::new(),
            Some((node, _)) => {
                self.cx.wrong_type(node, &self.shape(key), &path);
                Vec::new()
            }
        }
    }
}

/// The text of a default as a node. Defaults are filled in ten thousand times where there are as many routes, so no
/// parser looks at them; they are words, words in quotes, and lists of words.
pub(crate) fn default_node(yaml: &str) -> Node {
    let within = |open, close| yaml.strip_prefix(open).and_then(|text| text.strip_suffix(close));
    if let Some(quoted) = within('"', '"') {
        let scalar = Scalar { text: quoted.to_owned(), plain: false, from_environment: false, hidden: false };
        return Node { span: Span::default(), value: Value::Scalar(scalar) };
    }
    let Some(list) = within('[', ']') else { return Node::detached(yaml) };
    let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
    Node { span: Span::default(), value: Value::List(words.map(Node::detached).collect()) }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A context around a snippet of YAML.

    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::environment::Environment;
    use crate::findings::Findings;
    use crate::source::Source;
    use crate::value::Bytes;

    /// Reads a key as its table says, where the type follows from the shape.
    pub(crate) fn read_as_shaped(fields: &Fields<'_>, key: &str) {
        let told = match fields.shape(key) {
            Shape::Bool => fields.optional::<bool>(key).is_some(),
            Shape::Integer { .. } => fields.optional::<u64>(key).is_some(),
            Shape::Number { .. } => fields.optional::<f64>(key).is_some(),
            Shape::Duration { .. } => fields.optional::<Duration>(key).is_some(),
            Shape::Size { .. } => fields.optional::<Bytes>(key).is_some(),
            Shape::Word(_) => fields.optional::<Word>(key).is_some(),
            Shape::Several(Shape::Word(_)) => fields.optional::<Vec<Word>>(key).is_some(),
            Shape::Several(Shape::Integer { .. }) => fields.optional::<Vec<u64>>(key).is_some(),
            Shape::List(_) | Shape::Several(_) | Shape::OneOrMany(_) => {
                fields.optional::<Vec<String>>(key).is_some()
            }
            _ => fields.optional::<String>(key).is_some(),
        };
        assert!(told, "{key}");
    }

    pub(crate) fn with_yaml(yaml: &str, test: impl FnOnce(&Context<'_>, &Node)) {
        let (source, findings, environment) =
            (Source::new("test", yaml), Findings::default(), Environment::empty());
        let node = crate::tree::read::read(&source, None, &findings).expect("the test's YAML is good");
        let cx = Context {
            source: &source,
            findings: &findings,
            environment: &environment,
            base_dir: Path::new(""),
        };
        test(&cx, &node);
    }
}
