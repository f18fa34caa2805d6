//! What is defined and never used: mostly a name that was meant elsewhere.

use std::collections::BTreeSet;

use crate::codes;
use crate::findings::Finding;
use crate::route::Allow;
use crate::section::root::provider_path;
use crate::tree::{Node, Step, path_text};
use crate::value::Context;
use crate::{Config, Name};

pub(super) fn check(cx: &Context<'_>, root: &Node, config: &Config) {
    if cx.findings.spoils("routes") || cx.findings.spoils("policies") {
        return;
    }
    let policies = reached_policies(config);
    for name in config.policies.keys().filter(|name| !policies.contains(name)) {
        let steps = [Step::Key("policies"), Step::Key(name)];
        tell(cx, root, &steps, codes::UNUSED_POLICY, format!("no route asks for policy `{name}`"));
    }
    let mirrors = config.routes.iter().filter_map(|route| Some(&route.mirror.as_ref()?.upstream));
    let upstreams: BTreeSet<&Name> =
        config.routes.iter().flat_map(crate::Route::upstreams).chain(mirrors).collect();
    for name in config.upstreams.keys().filter(|name| !upstreams.contains(name)) {
        let steps = [Step::Key("upstreams"), Step::Key(name)];
        tell(cx, root, &steps, codes::UNUSED_UPSTREAM, format!("no route sends to upstream `{name}`"));
    }
    let providers: BTreeSet<&Name> = config.routes.iter().flat_map(|route| &route.providers).collect();
    for name in config.providers.keys().filter(|name| !providers.contains(name)) {
        let steps = provider_path(root, name);
        if cx.findings.spoils(&path_text(&steps)) {
            continue;
        }
        tell(
            cx,
            root,
            &steps,
            codes::UNUSED_PROVIDER,
            format!("no route accepts identities of provider `{name}`"),
        );
    }
}

/// The policies that a route asks for, and those that they are made of.
fn reached_policies(config: &Config) -> BTreeSet<&Name> {
    let asked = config.routes.iter().filter_map(|route| match &route.allow {
        Allow::Policies(names) => Some(names),
        Allow::Anyone | Allow::Authenticated => None,
    });
    let beside = config.routes.iter().flat_map(|route| {
        route.shadow.iter().chain(route.destinations.iter().flat_map(|destination| &destination.when))
    });
    let mut waiting: Vec<&Name> = asked.flatten().chain(beside).collect();
    let mut reached = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        let Some(policy) = config.policies.get(name).filter(|_| reached.insert(name)) else { continue };
        waiting.extend(policy.parts());
    }
    reached
}

fn tell(cx: &Context<'_>, root: &Node, steps: &[Step<'_>], code: &'static str, message: String) {
    let finding = Finding::new(code, root.locate(steps), path_text(steps), message);
    cx.findings.add(finding.help("remove it, or name it where it was meant"));
}
