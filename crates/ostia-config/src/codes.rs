//! Every code a diagnostic may carry, with what `ostia explain` says about it.

/// One kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `E` and four digits for an error, `W` for a warning. Never reused.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// Why it is refused and what to do, in Markdown.
    pub explanation: &'static str,
}

/// All codes in order.
pub const ALL: &[Code] = &[];
