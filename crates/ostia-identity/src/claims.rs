//! The statements of an issuer about a subject.

use std::fmt;

use serde_json::{Map, Value};

use crate::ClaimPath;
use crate::json::{Document, Index, JsonRefused, JsonValue};

/// The claims of a verified token, or of a session that was made from one.
#[derive(Clone, Default)]
pub struct Claims {
    document: Document,
    /// The top level.
    index: Index,
}

impl Claims {
    /// Wraps a verified set of claims.
    #[must_use]
    pub fn new(claims: Map<String, Value>) -> Self {
        let mut whole = Self::default();
        for (name, value) in claims {
            whole.set(&name, value);
        }
        whole
    }

    /// Reads the claims of a JSON object, strictly.
    ///
    /// # Errors
    /// [`JsonRefused`] as its variants say.
    pub fn parse(text: Vec<u8>) -> Result<Self, JsonRefused> {
        let (document, index) = Document::parse_indexed(text)?;
        Ok(Self { document, index })
    }

    /// The claim with exactly this top-level name.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<JsonValue<'_>> {
        Some(self.document.value(self.index.find(&self.document, name)?.value))
    }

    /// The claim at a path of segments: first the whole path as the name of a top-level claim, then segment by
    /// segment through objects.
    #[must_use]
    pub fn at(&self, whole: &str, segments: &[String]) -> Option<JsonValue<'_>> {
        if let Some(value) = self.get(whole) {
            return Some(value);
        }
        let (first, rest) = segments.split_first()?;
        if rest.is_empty() {
            return if first == whole { None } else { self.get(first) };
        }
        rest.iter().try_fold(self.get(first)?, |value, segment| value.member(segment))
    }

    /// [`Claims::at`] for a path of this crate.
    #[must_use]
    pub fn find(&self, path: &ClaimPath) -> Option<JsonValue<'_>> {
        self.at(path.as_str(), path.segments())
    }

    /// The string of a top-level claim; `None` when it is absent or something else.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// All of them, in the order of the token.
    pub fn iter(&self) -> impl Iterator<Item = (&str, JsonValue<'_>)> {
        self.index
            .iter()
            .map(|member| (self.document.text_at(member.name), self.document.value(member.value)))
    }

    /// A copy that stands for itself.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_value())).collect()
    }

    /// Adds or replaces a claim; used by the issuer's side (groups of several claims become `groups`).
    pub fn set(&mut self, name: &str, value: Value) {
        let value = self.document.push_value(&value);
        if let Some(member) = self.index.find_mut(&self.document, name) {
            member.value = value;
            return;
        }
        let text = self.document.push_text(name);
        self.index.add(name, text, value);
    }

    /// Takes a claim away.
    pub fn remove(&mut self, name: &str) {
        self.index.remove(&self.document, name);
    }

    /// About what they take in memory, in bytes; costs nothing to ask.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.document.bytes() + self.index.bytes()
    }
}

impl PartialEq for Claims {
    /// The order does not count.
    fn eq(&self, other: &Self) -> bool {
        self.index.len() == other.index.len()
            && self.iter().all(|(name, value)| other.get(name).is_some_and(|other| other == value))
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        Claims::new(value.as_object().unwrap().clone())
    }

    fn path(text: &str) -> ClaimPath {
        let segments: Vec<String> = if text.contains("://") {
            vec![text.to_owned()]
        } else {
            text.split('.').map(str::to_owned).collect()
        };
        ClaimPath::new(text, &segments)
    }

    #[test]
    fn what_is_no_string_has_no_strings() {
        for value in [
            json!(0),
            json!(true),
            json!(null),
            json!({"admin": "admin"}),
            json!([0, [["admin"]], {"a": "admin"}]),
        ] {
            let claims = claims(json!({ "c": value }));
            let claim = claims.get("c").unwrap();
            assert_eq!(claim.strings().count(), 0, "{value}");
            assert!(!claim.is_textual(), "{value}");
        }
        assert!(claims(json!({ "c": [] })).get("c").unwrap().is_textual());
    }

    #[test]
    fn one_syntax_finds_nested_dotted_and_url_named_claims() {
        let claims = claims(json!({
            "groups": ["a", "b"],
            "realm_access": {"roles": ["r"], "x": {"y": "deep"}},
            "cognito.groups": "dotted",
            "https://example.com/roles": "url",
        }));
        let found = |text: &str| claims.find(&path(text)).map(|value| value.strings().collect::<Vec<_>>());
        assert_eq!(found("groups"), Some(vec!["a", "b"]));
        assert_eq!(found("realm_access.roles"), Some(vec!["r"]));
        assert_eq!(found("realm_access.x.y"), Some(vec!["deep"]));
        assert_eq!(found("cognito.groups"), Some(vec!["dotted"]));
        assert_eq!(found("https://example.com/roles"), Some(vec!["url"]));
        for missing in ["group", "groups.0", "realm_access.roles.r", "realm_access.none", "Groups", "cognito"]
        {
            assert_eq!(found(missing), None, "{missing}");
        }
    }
}
