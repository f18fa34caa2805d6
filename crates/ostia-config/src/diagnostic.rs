//! What is wrong with a configuration, and where.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is used; somebody should look.
    Warning,
}

/// Another place that matters: "defined here".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What is there.
    pub message: String,
    #[serde(skip)]
    pub(crate) span: Span,
}

/// One finding. No field ever holds the value of a secret or of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable, as in `ostia explain E1204`; one of [`crate::codes::ALL`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file's name as it was given.
    pub file: Arc<str>,
    /// 1-based; 0 when the finding is about the file as a whole.
    pub line: usize,
    /// 1-based, in characters; 0 when the finding is about the file as a whole.
    pub column: usize,
    /// The way to the key, such as `routes[0].upstream`; empty for the file as a whole.
    pub path: String,
    /// One sentence.
    pub message: String,
    /// What to do, when there is more to say than the sentence says.
    pub help: Option<String>,
    /// Other places that matter.
    pub related: Vec<Related>,
    #[serde(skip)]
    pub(crate) label: String,
    #[serde(skip)]
    pub(crate) span: Option<Span>,
}

/// Everything that was found in one run, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// The text of the file, secrets hidden.
    text: Arc<str>,
}

impl Diagnostics {
    pub(crate) fn new(list: Vec<Diagnostic>, masked_text: String) -> Self {
        Self { list, text: masked_text.into() }
    }

    /// Whether the configuration is refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// What makes the configuration refused.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter().filter(|found| found.severity == Severity::Error)
    }

    /// What somebody should look at.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter().filter(|found| found.severity == Severity::Warning)
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// For people: rustc's look, with the snippet and a caret, findings parted by an empty line; ends with a newline
    /// unless empty.
    #[must_use]
    pub fn render_text(&self) -> String {
        self.render(&Renderer::plain())
    }

    /// [`Diagnostics::render_text`] with colours, for a terminal.
    #[must_use]
    pub fn render_styled(&self) -> String {
        self.render(&Renderer::styled())
    }

    /// For machines: a JSON array of [`Diagnostic`]s.
    #[must_use]
    pub fn render_json(&self) -> String {
        serde_json::to_string_pretty(&self.list).unwrap_or_else(|_| String::from("[]"))
    }

    fn render(&self, renderer: &Renderer) -> String {
        let renderer = renderer.clone().decor_style(DecorStyle::Unicode).term_width(120);
        let parts: Vec<String> =
            self.list.iter().map(|found| format!("{}\n", renderer.render(&[self.report(found)]))).collect();
        parts.join("\n")
    }

    fn report<'a>(&'a self, found: &'a Diagnostic) -> Group<'a> {
        let level = match found.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(&*found.message).id(found.code);
        let group = match found.span {
            Some(span) => title.element(self.snippet(found, span)),
            None => title.element(Origin::path(&*found.file)),
        };
        let group = match &found.help {
            Some(help) => group.element(Level::HELP.message(&**help)),
            None => group,
        };
        group.element(Level::NOTE.with_name(Some("more")).message(format!("ostia explain {}", found.code)))
    }

    fn snippet<'a>(
        &'a self,
        found: &'a Diagnostic,
        span: Span,
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let primary = AnnotationKind::Primary.span(self.in_text(span));
        let primary = if found.label.is_empty() { primary } else { primary.label(&*found.label) };
        let related = found
            .related
            .iter()
            .map(|other| AnnotationKind::Context.span(self.in_text(other.span)).label(&*other.message));
        Snippet::source(&*self.text).path(&*found.file).fold(true).annotation(primary).annotations(related)
    }

    /// Offsets are those of the source; should they ever miss, a caret that is a little off is better than a panic
    /// of the renderer.
    fn in_text(&self, span: Span) -> std::ops::Range<usize> {
        let start = self.text.floor_char_boundary(span.start);
        start..self.text.ceil_char_boundary(span.end).max(start)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render_text())
    }
}

impl std::error::Error for Diagnostics {}
