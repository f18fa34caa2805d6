//! `with:` of an extension: a part of the file whose types only the extension knows.
//!
//! The part is kept as the tree it is; [`With::read`] turns it into the extension's type later. What does not fit is
//! told with line and column, as everything else in the file.

mod reading;

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::codes;
use crate::diagnostic::Diagnostics;
use crate::findings::{Finding, Findings};
use crate::source::{Source, Span};
use crate::tree::{Node, Value};

#[cfg(test)]
mod tests;

/// The configuration of an extension, not yet read.
#[derive(Clone)]
pub struct With {
    /// `None`: there is no `with`.
    pub(crate) node: Option<Node>,
    pub(crate) path: String,
    /// Where the extension is named.
    pub(crate) span: Span,
    /// The file, secrets hidden.
    pub(crate) source: Arc<Source>,
}

/// Why a `with:` cannot be used; rendered like every other finding.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.render_text().trim_end())]
pub struct WithRefused(Diagnostics);

impl WithRefused {
    /// The finding.
    #[must_use]
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.0
    }
}

impl With {
    /// Reads the part as a type. Without a `with` the type is read from an empty map, so that its defaults hold.
    ///
    /// # Errors
    /// What does not fit, with its place in the file. Values of variables are not shown.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, WithRefused> {
        let empty = Node { span: self.span, value: Value::Map(Vec::new()) };
        let node = self.node.as_ref().unwrap_or(&empty);
        reading::read(node, &self.path).map_err(|misread| {
            let (span, path) = misread.place.unwrap_or_else(|| (self.span, self.path.clone()));
            self.tell(span, &path, &misread.message)
        })
    }

    /// A refusal of the whole part, for rules that the type alone does not hold.
    #[must_use]
    pub fn refuse(&self, message: &str) -> WithRefused {
        let span = self.node.as_ref().map_or(self.span, |node| node.span);
        self.tell(span, &self.path, message)
    }

    /// A refusal of the extension's name.
    #[must_use]
    pub fn refuse_name(&self, message: &str) -> WithRefused {
        self.tell(self.span, &self.path, message)
    }

    fn tell(&self, span: Span, path: &str, message: &str) -> WithRefused {
        let findings = Findings::default();
        findings.add(Finding::new(codes::EXTENSION, span, path, format!("`{path}`: {message}")));
        WithRefused(findings.finish(&self.source))
    }
}

/// Places do not count: the same words are the same configuration wherever they stand.
impl PartialEq for With {
    fn eq(&self, other: &Self) -> bool {
        match (&self.node, &other.node) {
            (Some(one), Some(other)) => same(&one.value, &other.value),
            (None, None) => true,
            _ => false,
        }
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Scalar(one), Value::Scalar(other)) => {
            one.text == other.text && (one.plain == other.plain || !has_looks(&one.text))
        }
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| same(&one.value, &other.value))
        }
        (Value::Map(one), Value::Map(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| one.key == other.key && same(&one.value.value, &other.value.value))
        }
        (Value::Null, Value::Null) => true,
        _ => false,
    }
}

/// Whether quotes make a difference: without them the text would be a number or a truth value.
fn has_looks(text: &str) -> bool {
    matches!(text, "true" | "false") || text.parse::<f64>().is_ok()
}

/// What stands there may be a secret.
impl fmt::Debug for With {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("With").field("path", &self.path).finish_non_exhaustive()
    }
}
