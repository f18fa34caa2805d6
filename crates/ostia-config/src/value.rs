//! A node on its way to a type: read, or refused where it stands.

mod kinds;

use std::path::Path;

use crate::codes;
use crate::describe::{Grammar, Shape};
use crate::environment::Environment;
use crate::findings::{Finding, Findings};
use crate::source::{Source, Span};
use crate::tree::{Node, Scalar, Value};

pub(crate) use kinds::{Bytes, Word, duration_words};

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

/// A type that is written as one scalar with a grammar of its own.
pub(crate) trait FromText: Sized {
    const GRAMMAR: Grammar;

    fn from_text(text: &str) -> Result<Self, Wrong>;
}

/// A type that can be read from a node. `None` means that a finding says why not.
pub(crate) trait Read: Sized {
    fn read(place: Place<'_>) -> Option<Self>;
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
