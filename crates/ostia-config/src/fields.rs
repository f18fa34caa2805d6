//! A section's map opened by its table: unknown keys told, values read by their shape, defaults filled in.

use std::path::Path;
use std::time::Duration;

use crate::codes;
use crate::describe::{Grammar, Key, Need, Section, Shape, did_you_mean, nearest, one_of};
use crate::environment::Environment;
use crate::findings::{Finding, Findings};
use crate::source::{Source, Span};
use crate::tree::{Entry, Node, Scalar, Value, join_index, join_key};

/// What every reading needs.
pub(crate) struct Context<'a> {
    pub(crate) source: &'a Source,
    pub(crate) findings: &'a Findings,
    pub(crate) environment: &'a Environment,
    /// Relative files are beside the configuration.
    pub(crate) base_dir: &'a Path,
}

/// A value on its way to a type.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) cx: &'a Context<'a>,
    pub(crate) node: &'a Node,
    pub(crate) shape: Shape,
    pub(crate) path: &'a str,
}

/// A text that is no `Self`.
#[derive(Debug, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) code: &'static str,
    /// What is wrong with it, to stand after the text and a colon.
    pub(crate) reason: String,
    pub(crate) help: Option<String>,
}

impl Wrong {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { code: codes::BAD_VALUE, reason: reason.into(), help: None }
    }

    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// A type that is written as one scalar with a grammar of its own.
pub(crate) trait FromText: Sized {
    const GRAMMAR: Grammar;

    fn from_text(text: &str) -> Result<Self, Wrong>;
}

/// A type that can be read from a node. `None` means that a finding says why not.
pub(crate) trait Read: Sized {
    fn read(place: Place<'_>) -> Option<Self>;
}

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
        path: &str,
        span: Span,
    ) -> Self {
        let mut fields = Self { cx, section, entries: &[], path: path.to_owned(), span };
        match node.map(|node| (node, &node.value)) {
            Some((_, Value::Map(entries))) => {
                fields.entries = entries;
                fields.look_for_strangers();
                fields.look_for_missing();
            }
            Some((_, Value::Broken)) | None => {}
            Some((node, _)) => cx.wrong_type(node, &Shape::Section(section), path),
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
        !self.has(key) && self.cx.findings.spoils(&self.sub(key))
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
        self.optional(key).or_else(|| self.default_of(key)).unwrap_or_default()
    }

    fn default_of<T: Read>(&self, key: &str) -> Option<T> {
        let Some(Key { need: Need::Default(yaml), .. }) = self.section.key(key) else { return None };
        let node = default_node(yaml)?;
        T::read(Place { cx: self.cx, node: &node, shape: self.shape(key), path: &self.sub(key) })
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
        Fields::open(self.cx, self.node(key), section, &self.sub(key), self.key_span(key))
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

/// The text of a default as a node.
fn default_node(yaml: &str) -> Option<Node> {
    if yaml.starts_with(['[', '{', '"']) {
        let findings = Findings::default();
        return crate::tree::read::read(&Source::new("default", yaml), None, &findings);
    }
    Some(Node::detached(yaml))
}

impl Context<'_> {
    pub(crate) fn wrong_type(&self, node: &Node, shape: &Shape, path: &str) {
        if node.value == Value::Broken {
            return;
        }
        let what = if path.is_empty() { "the configuration".to_owned() } else { format!("`{path}`") };
        let message = format!("{what} is {}, but takes {}", node.kind(), shape.words());
        self.findings.add(Finding::new(codes::WRONG_TYPE, node.span, path, message));
    }

    /// `what` is a key or word in backquotes, or a phrase.
    pub(crate) fn not_yet(&self, span: Span, path: &str, what: &str) {
        let message = format!("{what} is not supported yet");
        let help = "the language has it, this release does not; nothing is ignored silently, so remove it";
        self.findings.add(Finding::new(codes::NOT_YET, span, path, message).help(help));
    }
}

impl<'a> Place<'a> {
    /// The scalar here; tells when there is none.
    pub(crate) fn scalar(&self) -> Option<&'a Scalar> {
        if let Value::Scalar(scalar) = &self.node.value {
            return Some(scalar);
        }
        self.cx.wrong_type(self.node, &self.shape, self.path);
        None
    }

    /// Tells what is wrong with the value here. The help may quote the value, so it is left out where that must not be
    /// shown.
    pub(crate) fn refuse(&self, mut wrong: Wrong) {
        let shown = match &self.node.value {
            Value::Scalar(scalar) => {
                wrong.help = wrong.help.filter(|_| !scalar.is_veiled());
                format!("`{}` ", scalar.shown(self.cx.source, self.node.span))
            }
            _ => String::new(),
        };
        let message = format!("`{}`: {shown}{}", self.path, wrong.reason);
        let finding = Finding::new(wrong.code, self.node.span, self.path, message);
        self.cx.findings.add(finding.help_if(wrong.help));
    }

    fn with(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// A value between two bounds.
    fn between<T: PartialOrd>(&self, value: T, min: &T, max: &T, show: impl Fn(&T) -> String) -> Option<T> {
        if value < *min || value > *max {
            let reason = format!("is not between {} and {}", show(min), show(max));
            self.refuse(Wrong::new(reason).code(codes::OUT_OF_BOUNDS));
            return None;
        }
        Some(value)
    }
}

impl<T: FromText> Read for T {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        T::from_text(&scalar.text).map_err(|wrong| place.refuse(wrong)).ok()
    }
}

impl Read for bool {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        match (scalar.plain, scalar.text.as_str()) {
            (true, "true") => Some(true),
            (true, "false") => Some(false),
            _ => {
                place.refuse(Wrong::new("is not `true` or `false`").code(codes::WRONG_TYPE));
                None
            }
        }
    }
}

impl Read for u64 {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let digits = scalar.plain && scalar.text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = scalar.text.len() > 1 && scalar.text.starts_with('0');
        let number = scalar.text.parse::<u64>().ok().filter(|_| digits && !leading_zero);
        let Some(number) = number else {
            place.refuse(Wrong::new("is not a whole number").code(codes::WRONG_TYPE));
            return None;
        };
        let Shape::Integer { min, max } = place.shape else { return Some(number) };
        place.between(number, &min, &max, u64::to_string)
    }
}

macro_rules! narrower_integers {
    ($($integer:ty),*) => {$(
        impl Read for $integer {
            fn read(place: Place<'_>) -> Option<Self> {
                <$integer>::try_from(u64::read(place)?).ok()
            }
        }
    )*};
}

narrower_integers!(u16, u32, usize);

impl Read for f64 {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let digits = scalar.plain && scalar.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let Some(number) = scalar.text.parse::<f64>().ok().filter(|_| digits) else {
            place.refuse(Wrong::new("is not a number").code(codes::WRONG_TYPE));
            return None;
        };
        let Shape::Number { min, max } = place.shape else { return Some(number) };
        place.between(number, &min, &max, f64::to_string)
    }
}

impl Read for Duration {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let Ok(duration) = humantime::parse_duration(&scalar.text) else {
            place.refuse(
                Wrong::new("is not a duration").help("a number with a unit: `500ms`, `30s`, `5m`, `1h 30m`"),
            );
            return None;
        };
        let Shape::Duration { min, max } = place.shape else { return Some(duration) };
        place.between(duration, &min, &max, |bound| duration_words(*bound))
    }
}

/// A duration in its largest whole unit.
pub(crate) fn duration_words(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("days", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let whole = units.iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) if duration.subsec_nanos().is_multiple_of(1_000_000) => {
            format!("{}{name}", millis / unit)
        }
        _ => humantime::format_duration(duration).to_string(),
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bytes(pub(crate) u64);

impl Read for Bytes {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let Ok(size) = scalar.text.parse::<bytesize::ByteSize>() else {
            place.refuse(Wrong::new("is not a size").help("a number with a unit: `512B`, `64KiB`, `100MiB`"));
            return None;
        };
        let Shape::Size { min, max } = place.shape else { return Some(Self(size.0)) };
        place
            .between(size.0, &min, &max, |bound| bytesize::ByteSize(*bound).display().iec().to_string())
            .map(Self)
    }
}

/// A word of a closed set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Word(pub(crate) &'static str);

impl Read for Word {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let Shape::Word(words) = place.shape else { return None };
        let text = scalar.text.as_str();
        if let Some(word) = words.now.iter().find(|word| **word == text) {
            return Some(Self(word));
        }
        if words.later.contains(&text) {
            place.cx.not_yet(place.node.span, place.path, &format!("`{text}`"));
            return None;
        }
        let help = did_you_mean(text, words.now.iter().chain(words.later).copied());
        let wrong = Wrong::new(format!("is not {}", one_of(words.now)));
        place.refuse(Wrong { help, ..wrong });
        None
    }
}

impl<T: Read> Read for Vec<T> {
    /// Every item is read, so that all that are wrong are told; one wrong item spoils the list.
    fn read(place: Place<'_>) -> Option<Self> {
        let (item, single, none) = match place.shape {
            Shape::List(item) => (*item, false, true),
            Shape::Several(item) => (*item, false, false),
            Shape::OneOrMany(item) => (*item, true, false),
            other => (other, true, false),
        };
        match &place.node.value {
            Value::List(items) if items.is_empty() && !none => {
                let message = format!("`{}` is an empty list", place.path);
                place.cx.findings.add(
                    Finding::new(codes::EMPTY_LIST, place.node.span, place.path, message)
                        .help("name at least one, or remove the key"),
                );
                None
            }
            Value::List(items) => {
                let read: Vec<Option<T>> = items
                    .iter()
                    .enumerate()
                    .map(|(index, node)| {
                        let path = join_index(place.path, index);
                        T::read(Place { cx: place.cx, node, shape: item, path: &path })
                    })
                    .collect();
                read.into_iter().collect()
            }
            _ if single => Some(vec![T::read(place.with(item))?]),
            _ => {
                place.cx.wrong_type(place.node, &place.shape, place.path);
                None
            }
        }
    }
}

impl Default for Word {
    /// Stands where a wrong word was told; matches nothing.
    fn default() -> Self {
        Self("")
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A context around a snippet of YAML.

    use super::*;

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
