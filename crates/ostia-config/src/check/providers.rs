//! Providers of whom nothing can be accepted, and two that cannot be told apart.

use crate::codes;
use crate::findings::Finding;
use crate::section::root::provider_path;
use crate::section::route::label;
use crate::tree::{Node, Step, join_key, path_text};
use crate::value::Context;
use crate::{Config, Provider, Route};

pub(super) fn check(cx: &Context<'_>, root: &Node, config: &Config) {
    for provider in config.providers.values() {
        accepts_something(cx, root, provider);
        passes_what_is_of_use(cx, root, config, provider);
    }
    for (index, route) in config.routes.iter().enumerate() {
        issuers_differ(cx, root, config, index, route);
        one_is_asked(cx, root, config, index, route);
    }
}

fn accepts_something(cx: &Context<'_>, root: &Node, provider: &Provider) {
    let steps = provider_path(root, &provider.name);
    let path = path_text(&steps);
    if provider.client.is_none() && !provider.accepts_bearers() && !cx.findings.spoils(&path) {
        let message = format!("nobody can come from provider `{}`", provider.name);
        cx.findings.add(Finding::new(codes::IDLE_PROVIDER, root.locate(&steps), path, message).help(
            "`client_id` lets people sign in; `audience` lets bearer tokens in, `introspection` opaque ones",
        ));
    }
}

/// A token that is bound to our key is passed to applications in vain.
fn passes_what_is_of_use(cx: &Context<'_>, root: &Node, config: &Config, provider: &Provider) {
    let binds = provider.client.as_ref().is_some_and(|client| client.ways.dpop);
    if !binds || !config.identity.pass_access_token {
        return;
    }
    let mut steps = provider_path(root, &provider.name);
    steps.push(Step::Key("dpop"));
    let passed = root.locate(&[Step::Key("identity"), Step::Key("pass_access_token")]);
    let message = format!("access tokens of `{}` are bound to a key that no application has", provider.name);
    cx.findings.add(
        Finding::new(codes::BOUND_TOKEN, root.locate(&steps), path_text(&steps), message)
            .related(passed, "and are passed to applications")
            .help("remove `dpop`, or `pass_access_token`"),
    );
}

/// An opaque token names nobody: it must not be shown to one issuer after the other.
fn one_is_asked(cx: &Context<'_>, root: &Node, config: &Config, index: usize, route: &Route) {
    let of = |name| config.providers.get(name).filter(|provider| provider.introspection.is_some());
    let mut asked = route.providers.iter().filter_map(of);
    let (Some(first), Some(second)) = (asked.next(), asked.next()) else { return };
    if !route.credentials.bearer {
        return;
    }
    let steps = [Step::Key("routes"), Step::Index(index)];
    let at = path_text(&steps);
    let by = label(&route.name, &at, root.find(&steps));
    let message = format!("{by} would ask both `{}` and `{}` about an opaque token", first.name, second.name);
    let key = root.locate(&[Step::Key("routes"), Step::Index(index), Step::Key("provider")]);
    cx.findings
        .add(Finding::new(codes::TWO_INTROSPECTIONS, key, join_key(&at, "provider"), message).help(
            "an opaque token does not say whose it is: keep one provider with `introspection` a route",
        ));
}

/// A bearer token names its issuer, so two providers of one issuer cannot be told apart on one route.
fn issuers_differ(cx: &Context<'_>, root: &Node, config: &Config, index: usize, route: &Route) {
    let takers: Vec<&Provider> = route
        .providers
        .iter()
        .filter_map(|name| config.providers.get(name))
        .map(AsRef::as_ref)
        .filter(|provider| {
            route.credentials.bearer && provider.accepts_bearers() && !provider.issuer.is_empty()
        })
        .collect();
    for (order, second) in takers.iter().enumerate() {
        let Some(first) = takers.iter().take(order).find(|first| first.issuer == second.issuer) else {
            continue;
        };
        let steps = [Step::Key("routes"), Step::Index(index)];
        let at = path_text(&steps);
        let message = format!(
            "{} takes bearer tokens of `{}` and `{}`, which have the same issuer",
            label(&route.name, &at, root.find(&steps)),
            first.name,
            second.name
        );
        let key = root.locate(&[Step::Key("routes"), Step::Index(index), Step::Key("provider")]);
        let issuer = |provider: &Provider| {
            let mut steps = provider_path(root, &provider.name);
            steps.push(Step::Key("issuer"));
            root.locate(&steps)
        };
        cx.findings.add(
            Finding::new(codes::SAME_ISSUER, key, join_key(&at, "provider"), message)
                .related(issuer(first), "one")
                .related(issuer(second), "the other")
                .help("put the audiences of both into one provider"),
        );
    }
}
