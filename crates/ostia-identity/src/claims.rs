//! The statements of an issuer about a subject.

use serde_json::{Map, Value};

use crate::ClaimPath;

/// The claims of a verified token, or of a session that was made from one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims(Map<String, Value>);

/// What a claim says, as policies and headers read it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClaimValue<'a>(pub &'a Value);

impl Claims {
    /// Wraps a verified set of claims.
    #[must_use]
    pub fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// The claim with exactly this top-level name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ClaimValue<'_>> {
        self.0.get(name).map(ClaimValue)
    }

    /// The claim at a path of segments: first the whole path as the name of a top-level claim, then segment by
    /// segment through objects.
    #[must_use]
    pub fn at(&self, whole: &str, segments: &[String]) -> Option<ClaimValue<'_>> {
        if let Some(value) = self.0.get(whole) {
            return Some(ClaimValue(value));
        }
        let (first, rest) = segments.split_first()?;
        if rest.is_empty() {
            return if first == whole { None } else { self.get(first) };
        }
        let mut value = self.0.get(first)?;
        for segment in rest {
            value = value.as_object()?.get(segment)?;
        }
        Some(ClaimValue(value))
    }

    /// [`Claims::at`] for a path of this crate.
    #[must_use]
    pub fn find(&self, path: &ClaimPath) -> Option<ClaimValue<'_>> {
        self.at(path.as_str(), path.segments())
    }

    /// The string of a top-level claim; `None` when it is absent or something else.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// All of them.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Gives the claims away, to be stored in a session.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Adds or replaces a claim; used by the issuer's side (groups of several claims become `groups`).
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes a claim away.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}

impl<'a> ClaimValue<'a> {
    /// The strings of this claim: itself, or the elements of a list that are strings. Numbers, booleans and objects
    /// are no strings: `0` never equals `admin`.
    pub fn strings(self) -> impl Iterator<Item = &'a str> {
        let (one, many) = match self.0 {
            Value::String(text) => (Some(text.as_str()), [].as_slice()),
            Value::Array(list) => (None, list.as_slice()),
            _ => (None, [].as_slice()),
        };
        one.into_iter().chain(many.iter().filter_map(Value::as_str))
    }

    /// Whether [`ClaimValue::strings`] tells everything: a string, or a list of nothing but strings. Of any other
    /// value it cannot be said that it does *not* hold a name.
    #[must_use]
    pub fn is_textual(self) -> bool {
        match self.0 {
            Value::String(_) => true,
            Value::Array(list) => list.iter().all(Value::is_string),
            _ => false,
        }
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
            assert_eq!(ClaimValue(&value).strings().count(), 0, "{value}");
            assert!(!ClaimValue(&value).is_textual(), "{value}");
        }
        assert!(ClaimValue(&json!([])).is_textual());
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
