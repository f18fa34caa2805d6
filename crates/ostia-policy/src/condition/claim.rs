//! A claim and the values that satisfy it.

use std::fmt;

use ostia_config::policy::{ClaimCondition, ClaimPath, ValueTest};
use ostia_identity::{Identity, Json, JsonValue};

use crate::decision::Reason;
use crate::glob::{Glob, Stops};
use crate::truth::Truth;

/// A claim and what one of its values must be.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) path: ClaimPath,
    wanted: Wanted,
    /// A text is cut here.
    separator: Option<char>,
}

#[derive(Debug)]
enum Wanted {
    /// One of these; sorted.
    Exactly(Box<[String]>),
    Text(Box<TextTest>),
    Number(NumberTest),
    Boolean(bool),
}

/// Every list that is not empty must hold the text.
#[derive(Debug)]
struct TextTest {
    values: Box<[String]>,
    prefixes: Box<[String]>,
    suffixes: Box<[String]>,
    globs: Box<[Glob]>,
}

#[derive(Clone, Copy, Debug)]
struct NumberTest {
    at_least: f64,
    at_most: f64,
    above: f64,
    below: f64,
}

impl Claim {
    /// `None` when nothing is asked of it.
    pub(crate) fn new(condition: &ClaimCondition) -> Option<Self> {
        let is_list_by_definition = matches!(condition.claim.as_str(), "scope" | "scp");
        let separator = condition.test.separator.or(is_list_by_definition.then_some(' '));
        Some(Self { path: condition.claim.clone(), wanted: Wanted::new(&condition.test)?, separator })
    }

    /// What the identity says about it.
    pub(crate) fn value<'i>(&self, identity: &'i Identity) -> Option<JsonValue<'i>> {
        identity.claims.at(self.path.as_str(), self.path.segments())
    }

    /// A test of texts knows whole strings only: of `"role": 0`, `true` or an object nothing can be said. `scope` and
    /// `scp` are lists separated by spaces by definition (RFC 8693 section 4.2); no other claim is cut unless the
    /// policy says so, since a display name with a space in it must not be two groups.
    pub(crate) fn judge(&self, identity: &Identity) -> (Truth, Reason) {
        let Some(value) = self.value(identity) else {
            return (Truth::Unknown, Reason::ClaimMissing);
        };
        let truth = match value.read() {
            Json::List(elements) => self.among(elements),
            one => self.one(&one),
        };
        (truth, Reason::ClaimDiffers)
    }

    fn among<'i>(&self, list: impl Iterator<Item = JsonValue<'i>>) -> Truth {
        let mut truth = Truth::No;
        for one in list {
            match self.one(&one.read()) {
                Truth::Yes => return Truth::Yes,
                Truth::Unknown => truth = Truth::Unknown,
                Truth::No => {}
            }
        }
        truth
    }

    fn one(&self, value: &Json<'_>) -> Truth {
        match (value, &self.wanted) {
            (Json::Text(text), Wanted::Exactly(_) | Wanted::Text(_)) => self.is_met_by(text).into(),
            (Json::Number(number), Wanted::Number(test)) => {
                number.as_f64().map_or(Truth::Unknown, |number| test.is_met_by(number).into())
            }
            (Json::Bool(truth), Wanted::Boolean(wanted)) => (truth == wanted).into(),
            _ => Truth::Unknown,
        }
    }

    fn is_met_by(&self, text: &str) -> bool {
        let whole = self.wanted.is_met_by(text);
        match self.separator {
            Some(separator) => whole || text.split(separator).any(|one| self.wanted.is_met_by(one)),
            None => whole,
        }
    }
}

impl Wanted {
    fn new(test: &ValueTest) -> Option<Self> {
        let numbers = [test.at_least, test.at_most, test.above, test.below];
        if let Some(truth) = test.boolean {
            return Some(Self::Boolean(truth));
        }
        if numbers.iter().any(Option::is_some) {
            return Some(Self::Number(NumberTest {
                at_least: test.at_least.unwrap_or(f64::NEG_INFINITY),
                at_most: test.at_most.unwrap_or(f64::INFINITY),
                above: test.above.unwrap_or(f64::NEG_INFINITY),
                below: test.below.unwrap_or(f64::INFINITY),
            }));
        }
        let mut values = test.values.clone();
        values.sort_unstable();
        values.dedup();
        if test.prefixes.is_empty() && test.suffixes.is_empty() && test.globs.is_empty() {
            return (!values.is_empty()).then(|| Self::Exactly(values.into()));
        }
        Some(Self::Text(Box::new(TextTest {
            values: values.into(),
            prefixes: test.prefixes.clone().into(),
            suffixes: test.suffixes.clone().into(),
            globs: test.globs.iter().map(|glob| Glob::new(glob, Stops::Nowhere)).collect(),
        })))
    }

    fn is_met_by(&self, text: &str) -> bool {
        match self {
            Self::Exactly(values) => is_among(values, text),
            Self::Text(test) => test.is_met_by(text),
            Self::Number(_) | Self::Boolean(_) => false,
        }
    }
}

fn is_among(values: &[String], text: &str) -> bool {
    const FEW: usize = 8;
    if values.len() <= FEW {
        return values.iter().any(|value| value == text);
    }
    values.binary_search_by(|value| value.as_str().cmp(text)).is_ok()
}

impl TextTest {
    fn is_met_by(&self, text: &str) -> bool {
        (self.values.is_empty() || is_among(&self.values, text))
            && (self.prefixes.is_empty()
                || self.prefixes.iter().any(|prefix| text.starts_with(prefix.as_str())))
            && (self.suffixes.is_empty()
                || self.suffixes.iter().any(|suffix| text.ends_with(suffix.as_str())))
            && (self.globs.is_empty() || self.globs.iter().any(|glob| glob.matches(text.as_bytes(), false)))
    }
}

impl NumberTest {
    fn is_met_by(self, number: f64) -> bool {
        // `above` and `below` default to the infinities, which no JSON number reaches.
        number >= self.at_least && number <= self.at_most && number > self.above && number < self.below
    }
}

/// What is wanted, in words.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |words: &[String]| words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or ");
        match &self.wanted {
            Wanted::Exactly(values) => f.write_str(&list(values)),
            Wanted::Boolean(truth) => write!(f, "{truth}"),
            Wanted::Number(test) => {
                let bounds = [
                    ("at least", test.at_least),
                    ("at most", test.at_most),
                    ("above", test.above),
                    ("below", test.below),
                ];
                let words = bounds.iter().filter(|(_, bound)| bound.is_finite());
                let words: Vec<String> = words.map(|(word, bound)| format!("{word} {bound}")).collect();
                f.write_str(&words.join(" and "))
            }
            Wanted::Text(test) => {
                let globs: Vec<String> = test.globs.iter().map(|glob| glob.as_str().to_owned()).collect();
                let parts = [
                    ("", list(&test.values)),
                    ("prefix ", list(&test.prefixes)),
                    ("suffix ", list(&test.suffixes)),
                    ("glob ", list(&globs)),
                ];
                let words = parts.iter().filter(|(_, words)| !words.is_empty());
                let words: Vec<String> = words.map(|(kind, words)| format!("{kind}{words}")).collect();
                f.write_str(&words.join(" and "))
            }
        }
    }
}
