//! Text → tree: YAML 1.2 without its dark corners.
//!
//! The events come from the parser under serde-saphyr. Serde's own way stops at the first error; a tree with
//! positions lets every section report all of its errors in one run. Anchors, aliases, tags, directives and several
//! documents are refused: no configuration needs them, and each has hidden something from a reader before.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, StrInput};

use crate::codes;
use crate::findings::{Finding, Findings};
use crate::source::{Source, Span};
use crate::tree::property::expand;
use crate::tree::{Entry, Node, Scalar, Value, join_index, join_key};

/// Bounds of a document.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;
const MAX_NODES: usize = 64 * 1024;
const MAX_DEPTH: usize = 24;

/// Looks up a variable; `None` leaves `${VAR}` as it is written.
pub(crate) type Variables<'a> = Option<&'a dyn Fn(&str) -> Option<String>>;

/// Reads one document. `None` when the text is not YAML, or nothing is in it; the reason is among the findings.
pub(crate) fn read(source: &Source, variables: Variables<'_>, findings: &Findings) -> Option<Node> {
    if source.text().len() > MAX_BYTES {
        findings.add(Finding::of_file(codes::TOO_LARGE, "the file is larger than 1 MiB"));
        return None;
    }
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        emit_comments: false,
    };
    let parser = Parser::new_from_str_with_options(source.text(), options);
    let mut reader = Reader { parser, variables, findings, nodes: 0 };
    match reader.document() {
        Ok(root) => root,
        Err(stop) => {
            findings.add(stop.finding());
            hide_by_looks(source, findings);
            None
        }
    }
}

/// A block map begins nowhere in particular; its first key is where one looks.
fn first_word(value: &Value) -> Option<Span> {
    match value {
        Value::Map(entries) => entries.first().map(|entry| entry.key_span),
        _ => None,
    }
}

/// Whether the value of a key may be a secret, misspelt keys included.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let named = ["secret", "passw", "passphrase", "api_key"].iter().any(|word| key.contains(word));
    !key.ends_with("_file") && (named || strsim::osa_distance(&key, "client_secret") <= 3)
}

/// After a syntax error there is no tree to say where the secrets are: hides the rest of each line after a key that
/// looks like one, and the deeper lines below it.
fn hide_by_looks(source: &Source, findings: &Findings) {
    let mut start = 0;
    let mut hidden_indent = None;
    for line in source.text().split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let end = start + line.len();
        if hidden_indent.is_some_and(|hidden| indent > hidden && !line.trim().is_empty()) {
            findings.hide(Span::new(start, end));
        } else {
            let word = |text: &str| is_secret(text.rsplit([' ', '{', ',', '"', '\'']).next().unwrap_or(text));
            let colon = line.match_indices(':').find(|(at, _)| {
                let before = line.get(..*at).unwrap_or("");
                word(before.trim_end().trim_end_matches(['"', '\'']))
            });
            hidden_indent = colon.map(|_| indent);
            if let Some((at, _)) = colon {
                findings.hide(Span::new(start + at + 1, end));
            }
        }
        start = end;
    }
}

/// Why the reading stopped.
enum Stop {
    Syntax(ScanError),
    TooLarge(Span),
    TooDeep(Span),
    Ended,
}

impl Stop {
    fn finding(self) -> Finding {
        match self {
            Self::Syntax(error) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                Finding::new(codes::SYNTAX, Span::new(at, at), "", format!("not YAML: {}", error.kind()))
                    .label("the text cannot be read from here on")
            }
            Self::TooLarge(span) => {
                Finding::new(codes::TOO_LARGE, span, "", format!("more than {MAX_NODES} values in one file"))
            }
            Self::TooDeep(span) => {
                Finding::new(codes::TOO_LARGE, span, "", format!("more than {MAX_DEPTH} levels deep"))
            }
            Self::Ended => Finding::of_file(codes::SYNTAX, "not YAML: the text ends too early"),
        }
    }
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        Self::Syntax(error)
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    variables: Variables<'a>,
    findings: &'a Findings,
    nodes: usize,
}

type Next<'a> = (Event<'a>, Span);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Next<'a>, Stop> {
        let (event, span) = self.parser.next_event().ok_or(Stop::Ended)??;
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start).max(start);
        Ok((event, Span::new(start, end)))
    }

    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    self.refuse(
                        span,
                        "",
                        "a second document",
                        "keep one document in a file: remove the `---`",
                    );
                    break;
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, span, "", 0)?),
            }
        }
        if root.as_ref().is_none_or(|node| node.value == Value::Null) {
            self.findings.add(Finding::of_file(codes::EMPTY_FILE, "the file has nothing in it"));
            return Ok(None);
        }
        Ok(root)
    }

    fn node(&mut self, event: Event<'a>, span: Span, path: &str, depth: usize) -> Result<Node, Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Stop::TooLarge(span));
        }
        if depth > MAX_DEPTH {
            return Err(Stop::TooDeep(span));
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_decoration(span, path, anchor, tag.is_some());
                self.scalar(&text, style, span, path)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_decoration(span, path, anchor, tag.is_some());
                self.list(path, depth)?
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_decoration(span, path, anchor, tag.is_some());
                self.map(path, depth)?
            }
            _ => {
                self.refuse(span, path, "an alias (`*name`)", "write the value out");
                Value::Broken
            }
        };
        Ok(Node { span: first_word(&value).unwrap_or(span), value })
    }

    fn scalar(&self, text: &str, style: ScalarStyle, span: Span, path: &str) -> Value {
        let plain = style == ScalarStyle::Plain;
        if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Value::Null;
        }
        let variables = match style {
            ScalarStyle::Plain | ScalarStyle::DoubleQuoted => self.variables,
            _ => None,
        };
        let expanded = variables.map_or(Ok(None), |variable| expand(text, variable));
        match expanded {
            Ok(None) => Value::Scalar(Scalar { text: text.to_owned(), plain, from_environment: false }),
            Ok(Some(text)) => Value::Scalar(Scalar { text, plain, from_environment: true }),
            Err(refused) => {
                self.findings.add(
                    Finding::new(codes::VARIABLE, span, path, refused.to_string())
                        .help("single quotes keep a `${` as it is"),
                );
                Value::Broken
            }
        }
    }

    fn list(&mut self, path: &str, depth: usize) -> Result<Value, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::List(items));
            }
            let path = join_index(path, items.len());
            items.push(self.node(event, span, &path, depth + 1)?);
        }
    }

    fn map(&mut self, path: &str, depth: usize) -> Result<Value, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        loop {
            let (event, key_span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Map(entries));
            }
            let key = self.key(event, key_span, path, depth)?;
            let (event, span) = self.next()?;
            let Some(key) = key else {
                self.node(event, span, path, depth + 1)?;
                continue;
            };
            let path = join_key(path, &key);
            let value = self.node(event, span, &path, depth + 1)?;
            if is_secret(&key) {
                self.hide(&value);
            }
            match seen.entry(key.clone()) {
                Occupied(first) => self.refuse_twice(&key, key_span, *first.get(), &path),
                Vacant(vacant) => {
                    vacant.insert(key_span);
                    entries.push(Entry { key, key_span, value });
                }
            }
        }
    }

    /// A key is a plain or quoted word; anything else is refused and skipped.
    fn key(
        &mut self,
        event: Event<'a>,
        span: Span,
        path: &str,
        depth: usize,
    ) -> Result<Option<String>, Stop> {
        if let Event::Scalar(text, _, anchor, tag) = &event {
            self.refuse_decoration(span, path, *anchor, tag.is_some());
            self.nodes += 1;
            return Ok(Some(text.clone().into_owned()));
        }
        self.node(event, span, path, depth + 1)?;
        self.refuse(span, path, "a key that is not a word", "a key is one word before a colon");
        Ok(None)
    }

    /// Keeps the scalars of a secret out of every snippet.
    fn hide(&self, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.hide(item)),
            Value::Scalar(_) | Value::Broken => self.findings.hide(node.span),
            Value::Null | Value::Map(_) => {}
        }
    }

    fn refuse_decoration(&self, span: Span, path: &str, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.refuse(span, path, "an anchor (`&name`)", "write the value out where it is needed");
        }
        if tagged {
            self.refuse(span, path, "a tag (`!name`)", "remove the tag");
        }
    }

    fn refuse(&self, span: Span, path: &str, what: &str, help: &str) {
        let message = format!("{what} is not read in a configuration");
        self.findings.add(Finding::new(codes::YAML_FEATURE, span, path, message).help(help));
    }

    fn refuse_twice(&self, key: &str, again: Span, first: Span, path: &str) {
        self.findings.add(
            Finding::new(codes::DUPLICATE_KEY, again, path, format!("`{key}` stands here twice"))
                .label("again here")
                .related(first, "first here")
                .help(format!("keep one `{key}`; only one of the two could have been in force")),
        );
    }
}
