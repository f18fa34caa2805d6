//! `policies`: who may enter.

use std::fmt;

use ipnet::IpNet;

use crate::Name;

/// One named policy. Every condition that is present must hold; a policy without conditions does not exist.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Its key under `policies`.
    pub name: Name,
    /// `claims`: every listed claim must have one of its listed values, as a whole string, or a list of strings in
    /// which one element equals one of them.
    pub claims: Vec<ClaimCondition>,
    /// `provider`: the identity comes from one of these.
    pub providers: Vec<Name>,
    /// `scope`: the token has all of these scopes. A session has the scopes that were granted at login.
    pub scopes: Vec<String>,
    /// `source`: the client's address is in one of these networks.
    pub sources: Vec<IpNet>,
    /// `any`: at least one of these policies allows.
    pub any: Vec<Name>,
    /// `all`: each of these policies allows.
    pub all: Vec<Name>,
    /// `not`: none of these policies allows.
    pub not: Vec<Name>,
}

/// One claim and the values that satisfy it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimCondition {
    /// Where the claim is.
    pub claim: ClaimPath,
    /// At least one.
    pub values: Vec<String>,
}

/// The way to a claim: `groups`, `realm_access.roles`, or a URL-named claim (`https://example.com/roles`), which is
/// one segment.
///
/// A path is first looked up as the name of a top-level claim as it stands, then segment by segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimPath {
    text: String,
    segments: Vec<String>,
}

impl ClaimPath {
    /// Reads a path; `None` when it is empty or has an empty segment. A path with `://` is one segment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let segments: Vec<String> = if text.contains("://") {
            vec![text.to_owned()]
        } else {
            text.split('.').map(str::to_owned).collect()
        };
        if segments.iter().any(String::is_empty) {
            return None;
        }
        Some(Self { text: text.to_owned(), segments })
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its parts, at least one.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.segments
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
