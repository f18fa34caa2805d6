//! For people: which route a request would take, and why.

use std::fmt;

/// The way of one request through the table; `Display` prints it line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    lines: Vec<String>,
}

impl Explanation {
    pub(crate) fn new(lines: Vec<String>) -> Self {
        Self { lines }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
