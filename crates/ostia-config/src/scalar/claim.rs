//! Claims: their names and the ways to them.

use crate::describe::Grammar;
use crate::policy::ClaimPath;
use crate::value::{FromText, Wrong};

impl FromText for ClaimPath {
    const GRAMMAR: Grammar =
        Grammar { name: "a claim such as `groups` or `realm_access.roles`", pattern: "" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let path = String::from_text(text).ok().and_then(|text| Self::parse(&text));
        path.ok_or_else(|| {
            Wrong::new("is not a claim").help("names with dots between them: `realm_access.roles`")
        })
    }
}

/// The name of a top-level claim.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClaimName(pub(crate) String);

impl FromText for ClaimName {
    const GRAMMAR: Grammar = Grammar { name: "the name of a claim", pattern: "" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        String::from_text(text).map(Self)
    }
}
