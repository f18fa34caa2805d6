//! Policies with a name that is taken, and policies that rest on themselves.

use std::collections::BTreeSet;

use crate::codes;
use crate::fields::Context;
use crate::findings::Finding;
use crate::tree::{Node, Step, path_text};
use crate::{Config, Name, Policy};

pub(super) fn check(cx: &Context<'_>, root: &Node, config: &Config) {
    let mut told = BTreeSet::new();
    for policy in config.policies.values() {
        taken_name(cx, root, policy);
        if let Some(circle) = circle(config, policy).filter(|_| !told.contains(&policy.name)) {
            tell_circle(cx, root, &circle);
            told.extend(circle);
        }
    }
}

fn taken_name(cx: &Context<'_>, root: &Node, policy: &Policy) {
    if matches!(policy.name.as_str(), "anyone" | "authenticated") {
        let steps = [Step::Key("policies"), Step::Key(policy.name.as_str())];
        let message = format!("a policy cannot be called `{}`", policy.name);
        let finding = Finding::new(codes::TAKEN_NAME, root.locate(&steps), path_text(&steps), message);
        cx.findings.add(finding.help("the word has a meaning of its own in `allow`: choose another name"));
    }
}

fn parts(policy: &Policy) -> impl Iterator<Item = &Name> {
    policy.any.iter().chain(&policy.all).chain(&policy.not)
}

/// The way from a policy back to itself, if there is one. Each policy is visited once.
fn circle(config: &Config, start: &Policy) -> Option<Vec<Name>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![start.name.clone()]];
    while let Some(way) = ways.pop() {
        let here = way.last().and_then(|name| config.policies.get(name))?;
        for next in parts(here) {
            if *next == start.name {
                return Some(way);
            }
            if config.policies.contains_key(next) && seen.insert(next) {
                ways.push(way.iter().chain([next]).cloned().collect());
            }
        }
    }
    None
}

fn tell_circle(cx: &Context<'_>, root: &Node, circle: &[Name]) {
    let Some((first, others)) = circle.split_first() else { return };
    let span = |name: &Name| root.locate(&[Step::Key("policies"), Step::Key(name)]);
    let way: Vec<String> = circle.iter().chain([first]).map(|name| format!("`{name}`")).collect();
    let message = format!("policy `{first}` rests on itself: {}", way.join(" → "));
    let path = path_text(&[Step::Key("policies"), Step::Key(first)]);
    let finding = Finding::new(codes::POLICY_CIRCLE, span(first), path, message);
    let finding = others.iter().fold(finding, |finding, name| finding.related(span(name), "over this one"));
    cx.findings.add(finding.help("a policy can only be made of others that do not need it"));
}
