//! The statements of an issuer about a subject.

use serde_json::{Map, Value};

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
        let mut value = self.0.get(first)?;
        for segment in rest {
            value = value.as_object()?.get(segment)?;
        }
        Some(ClaimValue(value))
    }

    /// All of them.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Adds or replaces a claim; used by the issuer's side (groups of several claims become `groups`).
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
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
}
