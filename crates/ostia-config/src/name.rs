//! A name that the operator gave to a section.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The name of a provider, policy, upstream, route or listener: 1 to 64 characters of `A-Z a-z 0-9 - _ .`.
///
/// Names that Ostia makes up are outside this grammar, so they never meet one that was written: a group of servers is
/// named after the address that a route wrote (`10.0.0.10:8080`, `[::1]:8080`), a route after its host and path
/// (`portal.example.com/finance/`, `*/`).
///
/// Cheap to clone; safe as a metric label and in a log line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Wraps a name whose grammar has been checked.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}
