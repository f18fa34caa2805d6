//! Sections held together: every name leads to what it names, and what a route leaves open is filled in.

mod acme;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codes;
use crate::describe::{Shape, nearest};
use crate::findings::Finding;
use crate::route::{Allow, Credentials, Destination};
use crate::section::root::{Draft, provider_path};
use crate::section::route::Written;
use crate::section::upstream;
use crate::source::Span;
use crate::tree::{Node, Step, Value, join_index, join_key, path_text};
use crate::upstream::Server;
use crate::value::{Context, Place};
use crate::{Config, Name, Policy, Provider, Route, Upstream};

/// The model of a draft. Beside findings it may have holes; then it is thrown away.
pub(crate) fn link(cx: &Context<'_>, root: &Node, draft: Draft, hash: String) -> Config {
    let Draft {
        mut listeners,
        providers,
        policies,
        mut upstreams,
        routes,
        sessions,
        identity,
        extensions,
        logs,
        pages,
        admin,
        runtime,
    } = draft;
    let known = Known { cx, root, providers: &providers, policies: &policies };
    known.policies();
    let routes: Vec<Route> = routes
        .into_iter()
        .enumerate()
        .map(|(index, written)| known.route(index, written, &mut upstreams))
        .collect();
    acme::names_of_routes(cx, root, &mut listeners, &routes);
    Config {
        listeners,
        providers,
        policies,
        upstreams,
        routes,
        sessions,
        identity,
        extensions,
        logs,
        pages,
        admin,
        runtime,
        hash,
    }
}

/// What names may refer to.
struct Known<'a> {
    cx: &'a Context<'a>,
    root: &'a Node,
    providers: &'a BTreeMap<Name, Arc<Provider>>,
    policies: &'a BTreeMap<Name, Policy>,
}

/// A name that was written somewhere.
struct Reference<'a> {
    name: &'a str,
    span: Span,
    path: String,
    /// Who says it: "route `portal`".
    by: String,
    node: Option<&'a Node>,
}

impl Known<'_> {
    fn policies(&self) {
        for policy in self.policies.values() {
            let by = format!("policy `{}`", policy.name);
            let steps = [Step::Key("policies"), Step::Key(policy.name.as_str())];
            self.providers_exist(&by, &steps, &policy.providers);
            for (key, names) in [("any", &policy.any), ("all", &policy.all), ("not", &policy.not)] {
                self.policies_exist(&by, &steps, key, names);
            }
        }
    }

    fn route(&self, index: usize, written: Written, upstreams: &mut BTreeMap<Name, Arc<Upstream>>) -> Route {
        let by = written.label.clone();
        let steps = [Step::Key("routes"), Step::Index(index)];
        if let Allow::Policies(names) = &written.route.allow {
            self.policies_exist(&by, &steps, "allow", names);
        }
        let providers = self.providers_of(&by, &steps, &written);
        let credentials = self.credentials_of(&steps, &written, &providers);
        self.policies_exist(&by, &steps, "shadow", &written.route.shadow);
        let mut destinations = self.destinations_of(&by, &steps, &written, upstreams);
        let first = destinations.last().and_then(|last| last.to.first());
        let upstream = first.map_or_else(|| Name::from(""), |(name, _)| name.clone());
        if let [Destination { when, to }] = destinations.as_slice()
            && when.is_empty()
            && to.len() == 1
        {
            destinations.clear();
        }
        Route { providers, credentials, upstream, destinations, ..written.route }
    }

    /// The providers of a route; none when nobody is looked for.
    fn providers_of(&self, by: &str, steps: &[Step<'_>], written: &Written) -> Vec<Name> {
        if let Some(names) = &written.providers {
            self.providers_exist(by, steps, names);
        }
        if written.route.allow == Allow::Anyone {
            return Vec::new();
        }
        if let Some(names) = &written.providers {
            let mut known: Vec<Name> = Vec::new();
            for name in names.iter().filter(|name| self.providers.contains_key(*name)) {
                if !known.contains(name) {
                    known.push(name.clone());
                }
            }
            return known;
        }
        let mut names = self.providers.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => vec![only.clone()],
            (first, _) => {
                self.tell_provider_missing(by, steps, written, first.is_some());
                Vec::new()
            }
        }
    }

    fn tell_provider_missing(&self, by: &str, steps: &[Step<'_>], written: &Written, several: bool) {
        if self.cx.findings.spoils(&written.at) || self.cx.findings.spoils("providers") {
            return;
        }
        let (message, help) = if several {
            let names: Vec<&str> = self.providers.keys().map(Name::as_str).collect();
            (
                format!("{by} does not say whose identities it accepts"),
                format!("there are several providers: add `provider: {}`, or a list", names.join("` or `")),
            )
        } else {
            (
                format!("{by} needs a provider, and there is none"),
                "add `provider:` with `issuer` and `client_id`".to_owned(),
            )
        };
        let path = join_key(&written.at, "provider");
        let finding = Finding::new(codes::ROUTE_PROVIDER, self.root.locate(steps), path, message);
        self.cx.findings.add(finding.help(help));
    }

    /// What proves an identity: as written, else whatever the providers can take.
    fn credentials_of(&self, steps: &[Step<'_>], written: &Written, providers: &[Name]) -> Credentials {
        let nobody = Credentials { session: false, bearer: false };
        if written.route.allow == Allow::Anyone {
            return nobody;
        }
        let any = |able: fn(&Provider) -> bool| {
            providers.iter().filter_map(|name| self.providers.get(name)).any(|provider| able(provider))
        };
        let able = Credentials {
            session: any(|provider| provider.client.is_some()),
            bearer: any(Provider::accepts_bearers),
        };
        let Some(wanted) = written.credentials else { return able };
        let doubtful = providers.is_empty() || providers.iter().any(|name| self.is_spoilt(name));
        if !doubtful {
            self.check_able(steps, written, wanted, able);
        }
        wanted
    }

    fn is_spoilt(&self, provider: &Name) -> bool {
        let path = path_text(&provider_path(self.root, provider));
        self.cx.findings.spoils(&path)
    }

    fn check_able(&self, steps: &[Step<'_>], written: &Written, wanted: Credentials, able: Credentials) {
        let path = join_key(&written.at, "credentials");
        let span = self.value_at(steps, "credentials");
        let route = &written.label;
        if wanted.session && !able.session {
            let message = format!("{route} takes sessions, but people cannot sign in at its provider");
            let finding = Finding::new(codes::SESSION_CREDENTIAL, span, &*path, message);
            self.cx
                .findings
                .add(finding.help("add `client_id` to the provider, or write `credentials: [bearer]`"));
        }
        if wanted.bearer && !able.bearer {
            let message = format!(
                "{route} takes bearer tokens, but its provider has neither `audience` nor `introspection`"
            );
            let finding = Finding::new(codes::BEARER_CREDENTIAL, span, &*path, message);
            self.cx.findings.add(
                finding.help("add `audience` to the provider (a token for somebody else must not open this door), or write `credentials: [session]`"),
            );
        }
    }

    fn destinations_of(
        &self,
        by: &str,
        steps: &[Step<'_>],
        written: &Written,
        upstreams: &mut BTreeMap<Name, Arc<Upstream>>,
    ) -> Vec<Destination> {
        let mut destinations = Vec::with_capacity(written.destinations.len());
        for one in &written.destinations {
            if let Some(index) = one.index {
                let steps = [steps, &[Step::Key("upstream"), Step::Index(index)]].concat();
                self.policies_exist(by, &steps, "when", &one.when);
            }
            let group = |(text, weight): &(String, u32), upstreams: &mut _| {
                (self.upstream_of(by, steps, text, upstreams), *weight)
            };
            let mut to: Vec<(Name, u32)> = one.to.iter().map(|pair| group(pair, upstreams)).collect();
            to.sort();
            destinations.push(Destination { when: one.when.clone(), to });
        }
        destinations
    }

    /// The group of a route: named, or made of the address that is written.
    fn upstream_of(
        &self,
        by: &str,
        steps: &[Step<'_>],
        text: &str,
        upstreams: &mut BTreeMap<Name, Arc<Upstream>>,
    ) -> Name {
        let name = Name::from(text);
        if upstreams.contains_key(&name) {
            return name;
        }
        let span = self.value_at(steps, "upstream");
        let path = join_key(&path_text(steps), "upstream");
        let node = self.root.find(steps).and_then(|route| route.get("upstream"));
        if !is_address(text) {
            let reference = Reference { name: text, span, path, by: by.to_owned(), node };
            let place = |known: &Name| self.root.locate(&[Step::Key("upstreams"), Step::Key(known)]);
            self.dangling(UPSTREAM, &reference, upstreams.keys(), place);
            return name;
        }
        match upstream::resolve(self.cx, text) {
            Ok(address) => {
                let servers = vec![Server::at(address)];
                upstreams.insert(name.clone(), Arc::new(Upstream::of_servers(name.clone(), servers)));
            }
            Err(wrong) => {
                if let Some(node) = node {
                    Place { cx: self.cx, node, shape: Shape::Unread, path: &path }.refuse(wrong);
                }
            }
        }
        name
    }

    fn providers_exist(&self, by: &str, steps: &[Step<'_>], names: &[Name]) {
        let unknown: Vec<&Name> = names.iter().filter(|name| !self.providers.contains_key(*name)).collect();
        for reference in self.references(by, steps, "provider", &unknown) {
            let place = |known: &Name| self.root.locate(&provider_path(self.root, known));
            self.dangling(PROVIDER, &reference, self.providers.keys(), place);
        }
    }

    fn policies_exist(&self, by: &str, steps: &[Step<'_>], key: &str, names: &[Name]) {
        let unknown: Vec<&Name> = names.iter().filter(|name| !self.policies.contains_key(*name)).collect();
        for reference in self.references(by, steps, key, &unknown) {
            let place = |known: &Name| self.root.locate(&[Step::Key("policies"), Step::Key(known)]);
            self.dangling(POLICY, &reference, self.policies.keys(), place);
        }
    }

    /// Each name with its place: one value, or the items of a list.
    fn references<'n>(
        &'n self,
        by: &str,
        steps: &[Step<'_>],
        key: &str,
        names: &[&'n Name],
    ) -> Vec<Reference<'n>> {
        // Ten thousand routes name what exists.
        if names.is_empty() {
            return Vec::new();
        }
        let path = join_key(&path_text(steps), key);
        let node = self.root.find(steps).and_then(|section| section.get(key));
        let items: &[Node] = match node.map(|node| &node.value) {
            Some(Value::List(items)) => items,
            _ => &[],
        };
        let says = |item: &Node, name: &Name| matches!(&item.value, Value::Scalar(scalar) if scalar.text == name.as_str());
        let reference = |name: &'n Name| {
            let item = items.iter().enumerate().find(|(_, item)| says(item, name));
            let (node, path) = match item {
                Some((index, item)) => (Some(item), join_index(&path, index)),
                None => (node, path.clone()),
            };
            let span = node.map_or_else(|| self.root.locate(steps), |node| node.span);
            Reference { name, span, path, by: by.to_owned(), node }
        };
        names.iter().copied().map(reference).collect()
    }

    /// The value of a key of the section at `steps`, or the section itself.
    fn value_at(&self, steps: &[Step<'_>], key: &str) -> Span {
        let value = self.root.find(steps).and_then(|section| section.get(key));
        value.map_or_else(|| self.root.locate(steps), |node| node.span)
    }

    /// Tells a name that leads nowhere, and where the one that was probably meant is defined.
    fn dangling<'n>(
        &self,
        (code, does): (&'static str, &str),
        reference: &Reference<'_>,
        known: impl Iterator<Item = &'n Name>,
        place: impl Fn(&Name) -> Span,
    ) {
        let Reference { name, span, path, by, node } = reference;
        let scalar = node.and_then(|node| match &node.value {
            Value::Scalar(scalar) => Some(scalar.shown(self.cx.source, node.span)),
            _ => None,
        });
        let shown = scalar.unwrap_or_else(|| (*name).to_owned());
        let message = format!("{by} {does} that is not defined: `{shown}`");
        let finding = Finding::new(code, *span, &**path, message).label("nothing has this name");
        let known: Vec<&Name> = known.filter(|known| !is_address(known)).collect();
        let names = || known.iter().map(|known| known.as_str());
        let finding =
            match nearest(name, names()).and_then(|near| known.iter().find(|known| known.as_str() == near)) {
                Some(near) => {
                    finding.related(place(near), "defined here").help(format!("did you mean `{near}`?"))
                }
                None if known.is_empty() => finding.help(format!("none is defined{}", hint(code))),
                None => {
                    finding.help(format!("defined: {}{}", names().collect::<Vec<_>>().join(", "), hint(code)))
                }
            };
        self.cx.findings.add(finding);
    }
}

/// What is said of a name that leads nowhere.
const PROVIDER: (&str, &str) = (codes::PROVIDER_UNKNOWN, "names a provider");
const POLICY: (&str, &str) = (codes::POLICY_UNKNOWN, "names a policy");
const UPSTREAM: (&str, &str) = (codes::UPSTREAM_UNKNOWN, "sends to an upstream");

/// What else the name may have been meant to be.
fn hint(code: &str) -> &'static str {
    if code == codes::UPSTREAM_UNKNOWN { "; an address needs its port: `10.0.0.10:8080`" } else { "" }
}

/// Whether a group was made of the address that a route wrote: only then is a colon in its name.
pub(crate) fn is_address(name: &str) -> bool {
    name.contains(':')
}
