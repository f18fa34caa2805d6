//! Policies with a name that is taken, and policies that rest on themselves.

use std::collections::BTreeSet;

use crate::codes;
use crate::findings::Finding;
use crate::tree::{Node, Step, path_text};
use crate::value::Context;
use crate::{Config, Name, Policy};

pub(super) fn check(cx: &Context<'_>, root: &Node, config: &Config) {
    for policy in config.policies.values() {
        taken_name(cx, root, policy);
    }
    for circle in circles(config) {
        tell_circle(cx, root, &circle);
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

/// The ways on which a policy comes back to itself. Each policy is entered once, so a circle is told once.
fn circles(config: &Config) -> Vec<Vec<Name>> {
    let mut circles = Vec::new();
    let mut done: BTreeSet<&Name> = BTreeSet::new();
    for start in config.policies.values() {
        let mut way: Vec<(&Name, Vec<&Name>)> = Vec::new();
        if done.insert(&start.name) {
            way.push((&start.name, start.parts().collect()));
        }
        while let Some((_, waiting)) = way.last_mut() {
            let Some(next) = waiting.pop() else {
                way.pop();
                continue;
            };
            if let Some(at) = way.iter().position(|(name, _)| *name == next) {
                circles.push(way.iter().skip(at).map(|(name, _)| (*name).clone()).collect());
            } else if let Some(policy) = config.policies.get(next).filter(|policy| done.insert(&policy.name))
            {
                way.push((&policy.name, policy.parts().collect()));
            }
        }
    }
    circles
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
