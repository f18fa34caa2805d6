//! The way to a claim: `groups`, `realm_access.roles`, `https://example.com/roles`.

use std::fmt;

/// A path is looked up as the name of a top-level claim as it stands, then segment by segment through objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimPath {
    whole: Box<str>,
    segments: Box<[String]>,
}

impl ClaimPath {
    /// A path that somebody else has cut; the configuration does, where a URL is one segment.
    #[must_use]
    pub fn new(whole: &str, segments: &[String]) -> Self {
        Self { whole: whole.into(), segments: segments.into() }
    }

    /// A top-level claim.
    #[must_use]
    pub fn top_level(name: &str) -> Self {
        Self { whole: name.into(), segments: [name.to_owned()].into() }
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// Its parts, at least one.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.segments
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole)
    }
}
