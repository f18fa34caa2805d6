//! One named policy: conditions that must all hold.

use std::sync::Arc;

use ostia_config::Name;

use crate::asked::Asked;
use crate::condition::{Condition, Verdict};
use crate::decision::StepUp;
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
    pub(crate) fn judge<'r>(&'r self, asked: Asked<'_>) -> Verdict<'r> {
        let mut verdict = Verdict::HELD;
        for condition in &self.conditions {
            let one = condition.judge(asked);
            match one.truth {
                Truth::No => return one,
                Truth::Unknown if verdict.truth == Truth::Yes => verdict = one,
                Truth::Unknown | Truth::Yes => {}
            }
        }
        verdict
    }

    /// Whether signing in again could change anything.
    pub(crate) fn has_step_up(&self) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Acr(_) | Condition::MaxAge(_) => true,
            Condition::All(rule) | Condition::Not(rule) => rule.has_step_up(),
            Condition::Any(rules) => rules.iter().any(|rule| rule.has_step_up()),
            _ => false,
        })
    }

    /// Adds what signing in again has to bring, to a rule that would hold then: `asked` is without it.
    pub(crate) fn step_up<'r>(&'r self, asked: Asked<'_>, wanted: &mut StepUpWanted<'r>) {
        let after = Asked { stepped_up: true, ..asked };
        for condition in &self.conditions {
            match condition {
                Condition::All(rule) => rule.step_up(asked, wanted),
                Condition::Any(rules) if condition.judge(asked).truth != Truth::Yes => {
                    if let Some(rule) = rules.iter().find(|rule| rule.judge(after).truth == Truth::Yes) {
                        rule.step_up(asked, wanted);
                    }
                }
                Condition::Acr(classes) if condition.judge(asked).truth != Truth::Yes => {
                    wanted.because(condition);
                    wanted.step_up.acr = classes;
                }
                Condition::MaxAge(most) if condition.judge(asked).truth != Truth::Yes => {
                    wanted.because(condition);
                    let most = wanted.step_up.max_age.map_or(*most, |other| other.min(*most));
                    wanted.step_up.max_age = Some(most);
                }
                _ => {}
            }
        }
    }
}

/// What signing in again has to bring, and the first condition that wants it.
#[derive(Default)]
pub(crate) struct StepUpWanted<'r> {
    pub(crate) step_up: StepUp<'r>,
    pub(crate) deciding: Option<&'r Condition>,
}

impl<'r> StepUpWanted<'r> {
    fn because(&mut self, condition: &'r Condition) {
        self.deciding.get_or_insert(condition);
    }
}

/// Policies by reference, as `any` and `all` hold them.
pub(crate) type Rules = Box<[Arc<Rule>]>;
