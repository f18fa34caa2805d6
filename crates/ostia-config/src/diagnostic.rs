//! What is wrong with a configuration, and where.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

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
}

/// Everything that was found in one run, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Whether the configuration is refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|found| found.severity == Severity::Error)
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

    /// For people: rustc's look, with the snippet and a caret; ends with a newline unless empty.
    #[must_use]
    pub fn render_text(&self) -> String {
        String::new()
    }

    /// For machines: a JSON array of [`Diagnostic`]s.
    #[must_use]
    pub fn render_json(&self) -> String {
        String::from("[]")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render_text())
    }
}

impl std::error::Error for Diagnostics {}
