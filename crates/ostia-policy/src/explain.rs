//! A decision with everything that led to it, for people.

use std::fmt::{self, Write as _};

use ostia_identity::{ClaimValue, Identity};

use crate::condition::{Claim, Condition};
use crate::decision::{Decision, Reason};
use crate::facts::Facts;
use crate::gate::{Allowed, Gate};
use crate::rule::Rule;
use crate::truth::Truth;

/// How many values of a claim are shown, and how many characters of each.
const SHOWN_VALUES: usize = 16;
const SHOWN_CHARACTERS: usize = 64;

/// The answer of a gate with the tree of its policies. Its first line names the deciding condition:
///
/// ```text
/// deny finance: groups has ["staff"], needs "finance"
///   no      finance
///     no      groups has ["staff"], needs "finance"
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the request may pass; always what [`Gate::decide`] says.
    pub allowed: bool,
    /// Who decided.
    pub policy: String,
    /// Why.
    pub reason: Reason,
    /// The deciding condition in words.
    pub sentence: String,
    /// Every policy of the route with all its conditions.
    pub lines: Vec<Line>,
}

/// One policy or condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How far inside, from 1.
    pub depth: usize,
    /// Whether it holds.
    pub truth: Truth,
    /// What it says.
    pub text: String,
}

impl Explanation {
    pub(crate) fn of(gate: &Gate, identity: Option<&Identity>, facts: &Facts) -> Self {
        let decision = gate.decide(identity, facts);
        let mut lines = Vec::new();
        if let (Allowed::Policies(_, rules), Some(identity)) = (&gate.allow, identity) {
            let asked = Asked { identity, facts };
            rules.iter().for_each(|rule| asked.rule(rule, 1, "", &mut lines));
        }
        Self {
            allowed: decision.allowed,
            policy: decision.policy.to_owned(),
            reason: decision.reason,
            sentence: sentence(gate, &decision, identity, facts),
            lines,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.allowed { "allow" } else { "deny" };
        write!(f, "{verb} {}: {}", self.policy, self.sentence)?;
        for line in &self.lines {
            write!(f, "\n{:width$}{:<7} {}", "", line.truth.word(), line.text, width = line.depth * 2)?;
        }
        Ok(())
    }
}

fn sentence(gate: &Gate, decision: &Decision<'_>, identity: Option<&Identity>, facts: &Facts) -> String {
    match (decision.reason, decision.deciding, identity) {
        (Reason::Anyone, ..) => "the route is open to the world".to_owned(),
        (Reason::Authenticated, ..) => "every identity of the route's providers may enter".to_owned(),
        (Reason::PolicyHeld, ..) => "all its conditions hold".to_owned(),
        (_, Some(condition), Some(identity)) => Asked { identity, facts }.condition(condition),
        (_, None, Some(identity)) => {
            format!(
                "the identity is of provider {}, the route needs {}",
                identity.provider,
                list(&gate.providers, " or ")
            )
        }
        (_, _, None) => "there is no identity".to_owned(),
    }
}

/// Whom the conditions are asked about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    identity: &'a Identity,
    facts: &'a Facts,
}

impl Asked<'_> {
    fn rule(self, rule: &Rule, depth: usize, prefix: &str, lines: &mut Vec<Line>) {
        let truth = rule.judge(self.identity, self.facts).truth;
        lines.push(Line { depth, truth, text: format!("{prefix}{}", rule.name) });
        for condition in &rule.conditions {
            self.conditions(condition, depth + 1, lines);
        }
    }

    fn conditions(self, condition: &Condition, depth: usize, lines: &mut Vec<Line>) {
        let truth = condition.judge(self.identity, self.facts).truth;
        match condition {
            Condition::All(rule) => self.rule(rule, depth, "all: ", lines),
            Condition::Any(rules) => {
                lines.push(Line { depth, truth, text: "any of".to_owned() });
                rules.iter().for_each(|rule| self.rule(rule, depth + 1, "", lines));
            }
            Condition::Not(rule) => {
                lines.push(Line { depth, truth, text: "not".to_owned() });
                self.rule(rule, depth + 1, "", lines);
            }
            leaf => lines.push(Line { depth, truth, text: self.condition(leaf) }),
        }
    }

    fn condition(self, condition: &Condition) -> String {
        match condition {
            Condition::Provider(names) => {
                format!("provider is {}, needs {}", self.identity.provider, list(names, " or "))
            }
            Condition::Source(networks) => {
                format!("source is {}, needs {}", self.facts.source, list(networks, " or "))
            }
            Condition::Scope(scope) => {
                format!("scopes are [{}], need {scope}", list(&self.identity.scopes, ", "))
            }
            Condition::Claim(claim) => self.claim(claim),
            Condition::Not(rule) => format!("{} holds", rule.name),
            Condition::All(rule) => format!("{} does not hold", rule.name),
            Condition::Any(rules) => {
                format!("none holds of {}", list(rules.iter().map(|rule| &rule.name), ", "))
            }
        }
    }

    fn claim(self, claim: &Claim) -> String {
        let needed = list(claim.values.iter().map(|value| format!("{value:?}")), " or ");
        match claim.value(self.identity) {
            Some(value) => format!("{} has {}, needs {needed}", claim.path, shown(value)),
            None => format!("{} is missing, needs {needed}", claim.path),
        }
    }
}

/// The strings of a claim, quoted and bounded; what is no string only by its kind.
fn shown(value: ClaimValue<'_>) -> String {
    let mut text = String::from("[");
    let count = value.strings().count();
    for (index, one) in value.strings().take(SHOWN_VALUES).enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let one: String = one.chars().take(SHOWN_CHARACTERS).collect();
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{one:?}");
    }
    if count > SHOWN_VALUES {
        let _ = write!(text, ", {} more", count - SHOWN_VALUES);
    }
    text.push(']');
    if value.is_textual() { text } else { text + " and values that are no strings" }
}

fn list(items: impl IntoIterator<Item = impl fmt::Display>, separator: &str) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(separator)
}
