//! One named policy: conditions that must all hold.

use std::sync::Arc;

use ostia_config::Name;
use ostia_identity::Identity;

use crate::condition::{Condition, Verdict};
use crate::facts::Facts;
use crate::truth::Truth;

/// A compiled policy. Policies that it names are held by `Arc`: nothing is looked up while deciding.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Name,
    /// Never empty; cheap ones first.
    pub(crate) conditions: Box<[Condition]>,
}

impl Rule {
    /// All conditions together. The first that does not hold accounts for it; without one, the first that is unknown.
    pub(crate) fn judge<'r>(&'r self, identity: &Identity, facts: &Facts) -> Verdict<'r> {
        let mut verdict = Verdict::HELD;
        for condition in &self.conditions {
            let one = condition.judge(identity, facts);
            match one.truth {
                Truth::No => return one,
                Truth::Unknown if verdict.truth == Truth::Yes => verdict = one,
                Truth::Unknown | Truth::Yes => {}
            }
        }
        verdict
    }
}

/// Policies by reference, as `any` and `all` hold them.
pub(crate) type Rules = Box<[Arc<Rule>]>;
