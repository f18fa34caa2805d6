//! Text → tree: YAML 1.2 without its dark corners.
//!
//! The events come from the parser under serde-saphyr. Serde's own way stops at the first error; a tree with
//! positions lets every section report all of its errors in one run. Anchors, aliases, tags, directives and several
//! documents are refused: no configuration needs them, and each has hidden something from a reader before.

mod halves;
mod stop;

use std::collections::HashMap;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, StrInput, StructureStyle};

use crate::codes;
use crate::findings::{Finding, Findings};
use crate::source::{Source, Span};
use crate::tree::property::expand;
use crate::tree::read::stop::Stop;
use crate::tree::veil::{has_user_information, hide_by_looks, is_secret};
use crate::tree::{Entry, Node, Scalar, Step, Value, join_index, join_key};

/// Bounds of a document: ten thousand routes with all that is usually said of them, several times over.
pub(crate) const MAX_BYTES: usize = 8 * 1024 * 1024;
const MAX_NODES: usize = 512 * 1024;
const MAX_DEPTH: usize = 24;
/// So many different keys are known; the language has fewer, and free keys are not worth more.
const MAX_KNOWN: usize = 512;

/// Looks up a variable; `None` leaves `${VAR}` as it is written.
pub(crate) type Variables<'a> = Option<&'a (dyn Fn(&str) -> Option<String> + Sync)>;

/// Reads one document. `None` when the text is not YAML, or nothing is in it; the reason is among the findings.
pub(crate) fn read(source: &Source, variables: Variables<'_>, findings: &Findings) -> Option<Node> {
    if source.text().len() > MAX_BYTES {
        findings.add(Finding::of_file(codes::TOO_LARGE, "the file is larger than 8 MiB"));
        return None;
    }
    if let Some((root, hidden)) = halves::read(source.text(), variables, halves::WORTHWHILE) {
        hidden.into_iter().for_each(|span| findings.hide(span));
        return Some(root);
    }
    let whole = Part { start: 0, text: source.text(), depth: 0 };
    match whole.reader(variables, findings).document(whole.depth) {
        Ok(root) => root,
        Err(stop) => {
            findings.add(stop.finding());
            hide_by_looks(source, findings);
            None
        }
    }
}

/// A piece of a text that is YAML by itself.
#[derive(Clone, Copy)]
struct Part<'a> {
    /// Where it begins in the whole, in bytes.
    start: usize,
    text: &'a str,
    /// How deep in the whole its root is.
    depth: usize,
}

impl<'a> Part<'a> {
    fn reader(self, variables: Variables<'a>, findings: &'a Findings) -> Reader<'a> {
        let options = granit_parser::options! {
            disallow_directives: true,
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH - self.depth,
            emit_comments: false,
        };
        let parser = Parser::new_from_str_with_options(self.text, options);
        Reader { parser, start: self.start, variables, findings, nodes: 0, known: HashMap::new() }
    }

    /// What the part says, unless there is anything to complain of.
    fn read(self, variables: Variables<'_>) -> Option<halves::Read> {
        let findings = Findings::default();
        let mut reader = self.reader(variables, &findings);
        let root = reader.document(self.depth).ok()??;
        let nodes = reader.nodes;
        findings.is_empty().then_some(halves::Read { root, nodes, findings })
    }
}

/// From bracket to bracket. A block collection begins nowhere in particular.
fn flow_span(style: StructureStyle, start: Span, end: Span) -> Option<Span> {
    (style == StructureStyle::Flow).then(|| Span::new(start.start, end.end.max(start.end)))
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Where the text of the parser begins in the whole.
    start: usize,
    variables: Variables<'a>,
    findings: &'a Findings,
    nodes: usize,
    /// Keys that were looked at, and whether their values may be secrets: ten thousand routes have the same few.
    known: HashMap<String, bool>,
}

/// The way to a node. It becomes a text only where something is refused.
#[derive(Clone, Copy)]
enum Trail<'a> {
    Root,
    Step(&'a Trail<'a>, Step<'a>),
}

impl Trail<'_> {
    fn text(self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Step(before, Step::Key(key)) => join_key(&before.text(), key),
            Self::Step(before, Step::Index(index)) => join_index(&before.text(), index),
        }
    }
}

type Next<'a> = (Event<'a>, Span);

/// The keys of a map that is being read: most maps are small, and some have ten thousand keys.
#[derive(Default)]
struct Seen(HashMap<String, Span>);

impl Seen {
    /// From so many keys on, they are hashed.
    const MANY: usize = 24;

    /// Where the key stands already; `entries` are all of the map so far.
    fn before(&mut self, key: &str, entries: &[Entry]) -> Option<Span> {
        if entries.len() < Self::MANY {
            return entries.iter().find(|entry| entry.key == key).map(|entry| entry.key_span);
        }
        for entry in entries.get(self.0.len()..).unwrap_or_default() {
            self.0.insert(entry.key.clone(), entry.key_span);
        }
        self.0.get(key).copied()
    }
}

impl<'a> Reader<'a> {
    /// A span in bytes; a text in memory always has them.
    fn place(&self, span: granit_parser::Span) -> Span {
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start).max(start);
        Span::new(self.start + start, self.start + end)
    }

    /// The next event that says something; anchors and tags are refused on the way.
    fn next(&mut self) -> Result<Next<'a>, Stop> {
        loop {
            let (event, span) = self.parser.next_event().ok_or(Stop::Ended)??;
            if let Some(tag) = span.tag_span() {
                self.refuse(self.place(tag), Trail::Root, "a tag (`!name`)", "remove the tag");
            }
            if !matches!(event, Event::Anchor(..)) {
                return Ok((event, self.place(span)));
            }
            self.refuse(
                self.place(span),
                Trail::Root,
                "an anchor (`&name`)",
                "write the value out where it is needed",
            );
        }
    }

    /// The root of the only document; `depth` is how deep it is in the whole.
    fn document(&mut self, depth: usize) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    self.refuse(
                        span,
                        Trail::Root,
                        "a second document",
                        "keep one document in a file: remove the `---`",
                    );
                    break;
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, span, Trail::Root, depth)?),
            }
        }
        if root.as_ref().is_none_or(|node| node.value == Value::Null) {
            self.findings.add(Finding::of_file(codes::EMPTY_FILE, "the file has nothing in it"));
            return Ok(None);
        }
        Ok(root)
    }

    fn node(&mut self, event: Event<'a>, span: Span, path: Trail<'_>, depth: usize) -> Result<Node, Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Stop::TooLarge(span));
        }
        if depth > MAX_DEPTH {
            return Err(Stop::TooDeep(span));
        }
        match event {
            Event::Scalar(text, style, ..) => Ok(Node { span, value: self.scalar(&text, style, span, path) }),
            Event::SequenceStart(style, ..) => {
                let (items, end) = self.list(path, depth)?;
                Ok(Node { span: flow_span(style, span, end).unwrap_or(span), value: Value::List(items) })
            }
            Event::MappingStart(style, ..) => {
                let (entries, end) = self.map(path, depth)?;
                let first = entries.first().map_or(span, |entry| entry.key_span);
                Ok(Node { span: flow_span(style, span, end).unwrap_or(first), value: Value::Map(entries) })
            }
            _ => {
                self.refuse(span, path, "an alias (`*name`)", "write the value out");
                Ok(Node { span, value: Value::Broken })
            }
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, span: Span, path: Trail<'_>) -> Value {
        let plain = style == ScalarStyle::Plain;
        if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Value::Null;
        }
        let variables = match style {
            ScalarStyle::Plain | ScalarStyle::DoubleQuoted => self.variables,
            _ => None,
        };
        let expanded = variables.map_or(Ok(None), |variable| expand(text, variable));
        let hidden = has_user_information(text);
        if hidden {
            self.findings.hide(span);
        }
        match expanded {
            Ok(None) => {
                Value::Scalar(Scalar { text: text.to_owned(), plain, from_environment: false, hidden })
            }
            Ok(Some(text)) => Value::Scalar(Scalar { text, plain, from_environment: true, hidden }),
            Err(refused) => {
                self.findings.add(
                    Finding::new(codes::VARIABLE, span, path.text(), refused.to_string())
                        .help("single quotes keep a `${` as it is"),
                );
                Value::Broken
            }
        }
    }

    /// The items of a list and where it ends.
    fn list(&mut self, path: Trail<'_>, depth: usize) -> Result<(Vec<Node>, Span), Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((items, span));
            }
            let path = Trail::Step(&path, Step::Index(items.len()));
            items.push(self.node(event, span, path, depth + 1)?);
        }
    }

    /// The entries of a map and where it ends.
    fn map(&mut self, path: Trail<'_>, depth: usize) -> Result<(Vec<Entry>, Span), Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = Seen::default();
        loop {
            let (event, key_span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((entries, key_span));
            }
            let key = self.key(event, key_span, path, depth)?;
            let (event, span) = self.next()?;
            let Some(key) = key else {
                self.node(event, span, path, depth + 1)?;
                continue;
            };
            let path = Trail::Step(&path, Step::Key(&key));
            let mut value = self.node(event, span, path, depth + 1)?;
            if self.is_secret(&key) {
                self.hide(&mut value);
            }
            match seen.before(&key, &entries) {
                Some(first) => self.refuse_twice(&key, key_span, first, path),
                None => entries.push(Entry { key, key_span, value }),
            }
        }
    }

    /// A key is a plain or quoted word; anything else is refused and skipped.
    fn key(
        &mut self,
        event: Event<'a>,
        span: Span,
        path: Trail<'_>,
        depth: usize,
    ) -> Result<Option<String>, Stop> {
        if let Event::Scalar(text, ..) = &event {
            self.nodes += 1;
            return Ok(Some(text.clone().into_owned()));
        }
        self.node(event, span, path, depth + 1)?;
        self.refuse(span, path, "a key that is not a word", "a key is one word before a colon");
        Ok(None)
    }

    fn is_secret(&mut self, key: &str) -> bool {
        if let Some(is_secret) = self.known.get(key) {
            return *is_secret;
        }
        let is_secret = is_secret(key);
        if self.known.len() < MAX_KNOWN {
            self.known.insert(key.to_owned(), is_secret);
        }
        is_secret
    }

    /// Keeps the scalars of a secret out of every message and snippet.
    fn hide(&self, node: &mut Node) {
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| self.hide(item)),
            Value::Scalar(scalar) => {
                scalar.hidden = true;
                self.findings.hide(node.span);
            }
            Value::Broken => self.findings.hide(node.span),
            Value::Null | Value::Map(_) => {}
        }
    }

    fn refuse(&self, span: Span, path: Trail<'_>, what: &str, help: &str) {
        let message = format!("{what} is not read in a configuration");
        self.findings.add(Finding::new(codes::YAML_FEATURE, span, path.text(), message).help(help));
    }

    fn refuse_twice(&self, key: &str, again: Span, first: Span, path: Trail<'_>) {
        self.findings.add(
            Finding::new(codes::DUPLICATE_KEY, again, path.text(), format!("`{key}` stands here twice"))
                .label("again here")
                .related(first, "first here")
                .help(format!("keep one `{key}`; only one of the two could have been in force")),
        );
    }
}

#[cfg(test)]
mod tests;
