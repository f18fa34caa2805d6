//! Where findings gather while a configuration is read.

use std::cell::RefCell;

use crate::diagnostic::{Diagnostic, Diagnostics, Related, Severity};
use crate::source::{Source, Span};

/// A finding without its file: positions are byte ranges until the end of the reading.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    code: &'static str,
    span: Option<Span>,
    path: String,
    message: String,
    label: String,
    help: Option<String>,
    related: Vec<(Span, String)>,
}

impl Finding {
    /// `code` says by its first letter whether this is an error or a warning.
    pub(crate) fn new(
        code: &'static str,
        span: Span,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { span: Some(span), ..Self::of_file(code, message) }.at(path)
    }

    /// A finding about the file as a whole.
    pub(crate) fn of_file(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            span: None,
            path: String::new(),
            message: message.into(),
            label: String::new(),
            help: None,
            related: Vec::new(),
        }
    }

    fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// A few words under the caret.
    #[must_use]
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Help that may be absent, such as a suggestion.
    #[must_use]
    pub(crate) fn help_if(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    #[must_use]
    pub(crate) fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related.push((span, message.into()));
        self
    }

    fn severity(&self) -> Severity {
        if self.code.starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    fn placed(self, source: &Source) -> Diagnostic {
        let severity = self.severity();
        let span = self.span.map(|span| source.first_line(span));
        let (line, column) = span.map_or((0, 0), |span| source.position(span.start));
        let related = self.related.into_iter().map(|(span, message)| {
            let span = source.first_line(span);
            let (line, column) = source.position(span.start);
            Related { line, column, message, span }
        });
        Diagnostic {
            code: self.code,
            severity,
            file: source.name().clone(),
            line,
            column,
            path: self.path,
            message: self.message,
            help: self.help,
            related: related.collect(),
            label: self.label,
            span,
        }
    }
}

/// The findings of one reading, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: RefCell<Vec<Finding>>,
    secrets: RefCell<Vec<Span>>,
    meant: RefCell<Vec<String>>,
}

impl Findings {
    pub(crate) fn add(&self, finding: Finding) {
        self.list.borrow_mut().push(finding);
    }

    /// Stars instead of this span in every snippet.
    pub(crate) fn hide(&self, span: Span) {
        self.secrets.borrow_mut().push(span);
    }

    /// What [`Self::hide`] was told so far.
    pub(crate) fn hidden(&self) -> Vec<Span> {
        self.secrets.borrow().clone()
    }

    /// The text with stars for every secret that is known so far.
    pub(crate) fn masked(&self, source: &Source) -> String {
        source.masked(&self.secrets.borrow())
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list.borrow().iter().any(|finding| finding.severity() == Severity::Error)
    }

    /// A key at this path was probably meant by one that is misspelt.
    pub(crate) fn meant(&self, path: String) {
        self.meant.borrow_mut().push(path);
    }

    /// Whether nothing was found so far: then [`Self::spoils`] need not be asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.borrow().is_empty() && self.meant.borrow().is_empty()
    }

    /// Whether an error stands at the path or below it, or the key there is misspelt: then what was read is only a
    /// stand-in, and a check that rests on it keeps silent.
    pub(crate) fn spoils(&self, path: &str) -> bool {
        if self.meant.borrow().iter().any(|meant| meant == path) {
            return true;
        }
        self.list.borrow().iter().any(|finding| {
            finding.severity() == Severity::Error
                && finding
                    .path
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Gives every finding its line and column, in the order of the file.
    pub(crate) fn finish(self, source: &Source) -> Diagnostics {
        let mut list = self.list.into_inner();
        list.sort_by_key(|finding| finding.span.map_or((0, 0), |span| (1, span.start)));
        let list = list.into_iter().map(|finding| finding.placed(source)).collect();
        Diagnostics::new(list, source.masked(&self.secrets.into_inner()))
    }
}
