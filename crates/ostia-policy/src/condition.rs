//! One condition of a policy, and whether an identity meets it.

use std::sync::Arc;

use ipnet::IpNet;
use ostia_config::Name;
use ostia_config::policy::{ClaimCondition, ClaimPath};
use ostia_identity::{ClaimValue, Identity};
use serde_json::Value;

use crate::decision::Reason;
use crate::facts::Facts;
use crate::rule::Rule;
use crate::truth::Truth;

/// What a policy asks for.
#[derive(Debug)]
pub(crate) enum Condition {
    /// The identity is of one of these.
    Provider(Box<[Name]>),
    /// The request comes from one of these.
    Source(Box<[IpNet]>),
    /// This scope was granted.
    Scope(Box<str>),
    /// A claim has one of some values.
    Claim(Claim),
    /// This policy holds.
    All(Arc<Rule>),
    /// One of these policies holds.
    Any(Box<[Arc<Rule>]>),
    /// This policy is known not to hold.
    Not(Arc<Rule>),
}

/// A claim and the values that satisfy it.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) path: ClaimPath,
    /// Sorted.
    pub(crate) values: Box<[String]>,
    is_spaced: bool,
}

/// A condition's truth, with the reason and the leaf that account for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict<'r> {
    pub(crate) truth: Truth,
    pub(crate) reason: Reason,
    pub(crate) deciding: Option<&'r Condition>,
}

impl Verdict<'_> {
    pub(crate) const HELD: Self = Self { truth: Truth::Yes, reason: Reason::PolicyHeld, deciding: None };
}

impl Condition {
    /// Allocates nothing; short-circuits where the rest cannot change the truth.
    pub(crate) fn judge<'r>(&'r self, identity: &Identity, facts: &Facts) -> Verdict<'r> {
        let leaf = |truth, reason| Verdict { truth, reason, deciding: Some(self) };
        match self {
            Self::Provider(names) => leaf(
                names.iter().any(|name| name.as_str() == &*identity.provider).into(),
                Reason::ProviderOther,
            ),
            Self::Source(networks) => leaf(
                networks.iter().any(|network| network.contains(&facts.source)).into(),
                Reason::SourceOutside,
            ),
            Self::Scope(scope) => {
                leaf(identity.scopes.iter().any(|granted| **granted == **scope).into(), Reason::ScopeMissing)
            }
            Self::Claim(claim) => {
                let (truth, reason) = claim.judge(identity);
                leaf(truth, reason)
            }
            Self::All(rule) => rule.judge(identity, facts),
            Self::Any(rules) => any(rules, identity, facts),
            Self::Not(rule) => {
                let inner = rule.judge(identity, facts);
                match inner.truth {
                    Truth::Yes => leaf(Truth::No, Reason::Excluded),
                    Truth::No => Verdict::HELD,
                    Truth::Unknown => inner,
                }
            }
        }
    }

    /// Its name for logs and pages.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Claim(claim) => Some(claim.path.as_str()),
            Self::Scope(scope) => Some(scope),
            Self::All(rule) | Self::Not(rule) => Some(rule.name.as_str()),
            Self::Provider(_) | Self::Source(_) | Self::Any(_) => None,
        }
    }
}

/// The first policy that holds; else unknown if one is. Of several the nearest reason accounts for it.
fn any<'r>(rules: &'r [Arc<Rule>], identity: &Identity, facts: &Facts) -> Verdict<'r> {
    // Compilation makes no empty list; it would hold for nobody.
    let mut nearest = Verdict { truth: Truth::No, reason: Reason::NoIdentity, deciding: None };
    for rule in rules {
        let verdict = rule.judge(identity, facts);
        if verdict.truth == Truth::Yes {
            return verdict;
        }
        if (verdict.truth, verdict.reason) > (nearest.truth, nearest.reason) {
            nearest = verdict;
        }
    }
    nearest
}

impl Claim {
    pub(crate) fn new(condition: &ClaimCondition) -> Self {
        let mut values = condition.values.clone();
        values.sort_unstable();
        values.dedup();
        let is_spaced = matches!(condition.claim.as_str(), "scope" | "scp");
        Self { path: condition.claim.clone(), values: values.into(), is_spaced }
    }

    /// What the identity says about it.
    pub(crate) fn value<'i>(&self, identity: &'i Identity) -> Option<ClaimValue<'i>> {
        identity.claims.at(self.path.as_str(), self.path.segments())
    }

    /// Whole strings only: of `"role": 0`, `true` or an object nothing can be said. `scope` and `scp` are lists
    /// separated by spaces by definition (RFC 8693 section 4.2); no other claim is cut, since a display name with a
    /// space in it must not be two groups.
    fn judge(&self, identity: &Identity) -> (Truth, Reason) {
        let Some(value) = self.value(identity) else {
            return (Truth::Unknown, Reason::ClaimMissing);
        };
        let truth = match value.0 {
            Value::String(text) => self.is_met_by(text).into(),
            Value::Array(list) => self.among(list),
            _ => Truth::Unknown,
        };
        (truth, Reason::ClaimDiffers)
    }

    fn among(&self, list: &[Value]) -> Truth {
        let mut truth = Truth::No;
        for one in list {
            match one {
                Value::String(text) if self.is_met_by(text) => return Truth::Yes,
                Value::String(_) => {}
                _ => truth = Truth::Unknown,
            }
        }
        truth
    }

    fn is_met_by(&self, text: &str) -> bool {
        self.is_wanted(text) || (self.is_spaced && text.split(' ').any(|one| self.is_wanted(one)))
    }

    fn is_wanted(&self, text: &str) -> bool {
        const FEW: usize = 8;
        if self.values.len() <= FEW {
            return self.values.iter().any(|value| value == text);
        }
        self.values.binary_search_by(|value| value.as_str().cmp(text)).is_ok()
    }
}
