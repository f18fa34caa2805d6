//! A decision with everything that led to it, for people.

use std::fmt::{self, Write as _};

use ostia_identity::{Identity, Json, JsonValue};

use crate::asked::Asked;
use crate::condition::Condition;
use crate::condition::certificate::Certificate;
use crate::condition::claim::Claim;
use crate::condition::path::Path;
use crate::condition::step_up::signed_in_at;
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
    /// Whether it is the condition that decided.
    pub is_deciding: bool,
}

impl Explanation {
    pub(crate) fn of(gate: &Gate, identity: Option<&Identity>, facts: &Facts<'_>) -> Self {
        let decision = gate.decide(identity, facts);
        let mut lines = Vec::new();
        if let (Allowed::Policies(_, rules), Some(identity)) = (&gate.allow, identity) {
            let teller = Teller { asked: Asked::new(identity, facts), deciding: decision.deciding };
            rules.iter().for_each(|rule| teller.rule(rule, 1, "", &mut lines));
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

fn sentence(gate: &Gate, decision: &Decision<'_>, identity: Option<&Identity>, facts: &Facts<'_>) -> String {
    match (decision.reason, decision.deciding, identity) {
        (Reason::Anyone, ..) => "the route is open to the world".to_owned(),
        (Reason::Authenticated, ..) => "every identity of the route's providers may enter".to_owned(),
        (Reason::PolicyHeld, ..) => "all its conditions hold".to_owned(),
        (_, Some(condition), Some(identity)) => condition_in_words(condition, Asked::new(identity, facts)),
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

/// Writes the tree.
#[derive(Clone, Copy)]
struct Teller<'a> {
    asked: Asked<'a>,
    deciding: Option<&'a Condition>,
}

impl Teller<'_> {
    fn rule(self, rule: &Rule, depth: usize, prefix: &str, lines: &mut Vec<Line>) {
        let truth = rule.judge(self.asked).truth;
        lines.push(Line { depth, truth, text: format!("{prefix}{}", rule.name), is_deciding: false });
        for condition in &rule.conditions {
            self.conditions(condition, depth + 1, lines);
        }
    }

    fn conditions(self, condition: &Condition, depth: usize, lines: &mut Vec<Line>) {
        let truth = condition.judge(self.asked).truth;
        let is_deciding = self.deciding.is_some_and(|deciding| std::ptr::eq(deciding, condition));
        let mut say = |text: String| lines.push(Line { depth, truth, text, is_deciding });
        match condition {
            Condition::All(rule) => self.rule(rule, depth, "all: ", lines),
            Condition::Any(rules) => {
                say("any of".to_owned());
                rules.iter().for_each(|rule| self.rule(rule, depth + 1, "", lines));
            }
            Condition::Not(rule) => {
                say("not".to_owned());
                self.rule(rule, depth + 1, "", lines);
            }
            leaf => say(condition_in_words(leaf, self.asked)),
        }
    }
}

fn condition_in_words(condition: &Condition, asked: Asked<'_>) -> String {
    let Asked { identity, facts, .. } = asked;
    match condition {
        Condition::Method(methods) => format!("method is {}, needs {}", facts.method, list(methods, " or ")),
        Condition::Provider(names) => {
            format!("provider is {}, needs {}", identity.provider, list(names, " or "))
        }
        Condition::Source(networks) => {
            format!("source is {}, needs {}", facts.source, list(networks, " or "))
        }
        Condition::Host(hosts) => format!("host is {}, needs {}", facts.host, list(hosts, " or ")),
        Condition::Path(paths) => {
            let paths = list(paths.iter().map(Path::as_str), " or ");
            format!("path is {}, in every reading of it needs {paths}", facts.path.escape_debug())
        }
        Condition::Scope(scope) => {
            format!("scopes are [{}], need {scope}", list(&identity.scopes, ", "))
        }
        Condition::Amr(methods) => format!("{}, needs {}", said(identity, "amr"), list(methods, " or ")),
        Condition::Claim(claim) => claim_in_words(claim, identity),
        Condition::Certificate(certificate) => certificate_in_words(certificate, facts),
        Condition::Time(windows) => format!("the time must be in {}", list(windows, " or ")),
        Condition::When(expression) => expression.explain(identity, facts),
        Condition::Acr(classes) => format!("{}, needs {}", said(identity, "acr"), list(classes, " or ")),
        Condition::MaxAge(most) => {
            let age = signed_in_at(identity).and_then(|at| facts.now.duration_since(at).ok());
            let age = age.map_or("at an unknown time".to_owned(), |age| format!("{} s ago", age.as_secs()));
            format!("signed in {age}, needs at most {} s ago", most.as_secs())
        }
        Condition::Not(rule) => format!("{} holds", rule.name),
        Condition::All(rule) => format!("{} does not hold", rule.name),
        Condition::Any(rules) => {
            format!("none holds of {}", list(rules.iter().map(|rule| &rule.name), ", "))
        }
    }
}

fn claim_in_words(claim: &Claim, identity: &Identity) -> String {
    match claim.value(identity) {
        Some(value) => format!("{} has {}, needs {claim}", claim.path, shown(value)),
        None => format!("{} is missing, needs {claim}", claim.path),
    }
}

/// A top-level claim in words.
fn said(identity: &Identity, name: &str) -> String {
    match identity.claims.get(name) {
        Some(value) => format!("{name} is {}", shown(value)),
        None => format!("{name} is missing"),
    }
}

fn certificate_in_words(wanted: &Certificate, facts: &Facts<'_>) -> String {
    let Some(presented) = facts.certificate else { return "there is no client certificate".to_owned() };
    let globs = |name: &str, globs: &[crate::glob::Glob]| {
        (!globs.is_empty())
            .then(|| format!("{name} {}", list(globs.iter().map(|glob| glob.as_str()), " or ")))
    };
    let digests = (!wanted.sha256.is_empty()).then(|| format!("sha256 {}", list(&wanted.sha256, " or ")));
    let needs: Vec<String> = [
        globs("subject", &wanted.subjects),
        globs("san", &wanted.names),
        globs("issuer", &wanted.issuers),
        digests,
    ]
    .into_iter()
    .flatten()
    .collect();
    let subject: String = presented.subject.chars().take(4 * SHOWN_CHARACTERS).collect();
    format!("client certificate is of {subject:?}, needs {}", needs.join(" and "))
}

/// The strings of a claim, quoted and bounded; what is no string only by its kind.
fn shown(value: JsonValue<'_>) -> String {
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
    match value.read() {
        Json::Number(number) => number.to_string(),
        Json::Bool(truth) => truth.to_string(),
        _ if value.is_textual() => text,
        _ => text + " and values that are no strings",
    }
}

fn list(items: impl IntoIterator<Item = impl fmt::Display>, separator: &str) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(separator)
}
