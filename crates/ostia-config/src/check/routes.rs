//! Routes against each other, and against the redirect URI of their providers.

use std::collections::HashMap;

use http::Method;
use url::Url;

use crate::codes;
use crate::findings::Finding;
use crate::route::{Allow, HostPattern};
use crate::section::identity::folded;
use crate::section::root::provider_path;
use crate::section::route::label;
use crate::source::Span;
use crate::tree::{Node, Step, join_key, path_text};
use crate::value::Context;
use crate::{Config, Name, Provider, Route};

pub(super) fn check(cx: &Context<'_>, root: &Node, config: &Config) {
    let places = Places { cx, root };
    places.names_differ(config);
    places.never_ambiguous(config);
    let guarded = guarded_parts(config);
    for (index, route) in config.routes.iter().enumerate() {
        places.sign_in_comes_back(config, index, route);
        places.open_below_guarded(config, &guarded, index, route);
        places.idle_provider_key(index, route);
        places.scopes_of_anyone(index, route);
        places.rules_leave_identity_alone(config, index, route);
        places.mirror_is_there(config, index, route);
        places.first_byte_is_kept(config, index, route);
        places.nothing_is_sent(index, route);
    }
}

/// By host, the routes of parts of it that are closed.
fn guarded_parts(config: &Config) -> HashMap<&HostPattern, Vec<usize>> {
    let mut parts: HashMap<&HostPattern, Vec<usize>> = HashMap::new();
    let closed = config.routes.iter().enumerate().filter(|(_, route)| route.allow != Allow::Anyone);
    for (index, route) in closed.filter(|(_, route)| route.path != "/") {
        parts.entry(&route.host).or_default().push(index);
    }
    parts
}

struct Places<'a> {
    cx: &'a Context<'a>,
    root: &'a Node,
}

impl Places<'_> {
    fn path(index: usize) -> String {
        path_text(&[Step::Key("routes"), Step::Index(index)])
    }

    fn label(&self, index: usize, route: &Route) -> String {
        let node = self.root.find(&[Step::Key("routes"), Step::Index(index)]);
        label(&route.name, &Self::path(index), node)
    }

    fn spoilt(&self, index: usize, key: &str) -> bool {
        !self.cx.findings.is_empty() && self.cx.findings.spoils(&join_key(&Self::path(index), key))
    }

    /// A key of a route, or the route where the key is absent.
    fn span(&self, index: usize, key: &str) -> Span {
        self.root.locate(&[Step::Key("routes"), Step::Index(index), Step::Key(key)])
    }

    fn scopes_of_anyone(&self, index: usize, route: &Route) {
        if route.scopes.is_empty() || route.allow != Allow::Anyone {
            return;
        }
        let message =
            format!("{} is open to anyone, so nobody's scopes are looked at", self.label(index, route));
        let path = join_key(&Self::path(index), "scopes");
        self.cx.findings.add(
            Finding::new(codes::SCOPES_OF_ANYONE, self.span(index, "scopes"), path, message)
                .help("`allow: authenticated` lets in every caller that has them"),
        );
    }

    /// Copies go to an upstream that is defined and speaks HTTP/1.1.
    fn mirror_is_there(&self, config: &Config, index: usize, route: &Route) {
        let Some(mirror) = &route.mirror else { return };
        let label = self.label(index, route);
        let (code, message, help) = match config.upstreams.get(&mirror.upstream) {
            None => (
                codes::UPSTREAM_UNKNOWN,
                format!("{label} mirrors to the upstream `{}`, which is not defined", mirror.upstream),
                "name one under `upstreams`",
            ),
            Some(upstream) if upstream.protocol.is_multiplexed() => (
                codes::PROTOCOL_FIT,
                format!("{label} mirrors to `{}`, which speaks HTTP/2", mirror.upstream),
                "copies are sent by HTTP/1.1",
            ),
            Some(_) => return,
        };
        let path = join_key(&Self::path(index), "mirror");
        self.cx.findings.add(Finding::new(code, self.span(index, "mirror"), path, message).help(help));
    }

    /// With HTTP/2 to the servers there is one wait, from the start: a second one would be read and not kept.
    fn first_byte_is_kept(&self, config: &Config, index: usize, route: &Route) {
        let steps = [Step::Key("routes"), Step::Index(index), Step::Key("timeouts"), Step::Key("first_byte")];
        let shared = route.upstreams().find(|name| {
            config.upstreams.get(*name).is_some_and(|upstream| upstream.protocol.is_multiplexed())
        });
        let (Some(_), Some(shared)) = (route.timeouts.first_byte, shared) else { return };
        let message = format!("{} sends to `{shared}`, which speaks HTTP/2", self.label(index, route));
        let finding = Finding::new(codes::PROTOCOL_FIT, self.root.locate(&steps), path_text(&steps), message);
        self.cx
            .findings
            .add(finding.help("there `between_bytes` counts from the start: remove `first_byte`"));
    }

    /// A route that answers itself sends nothing on: there is nobody to wait for, and nothing to copy or to change.
    fn nothing_is_sent(&self, index: usize, route: &Route) {
        if route.handling.answer.is_none() {
            return;
        }
        let section = self.root.find(&[Step::Key("routes"), Step::Index(index)]);
        let is_there = |key: &str| section.is_some_and(|section| section.entry(key).is_some());
        for (key, is_wanted) in [
            ("upgrade", route.upgrade_websocket),
            ("timeouts", is_there("timeouts")),
            ("mirror", route.mirror.is_some()),
            ("compression", route.handling.compression),
            ("strip_prefix", route.handling.strip_prefix.is_some()),
            ("rewrite", route.handling.rewrite.is_some()),
            ("headers.request", route.handling.request_fields.names().next().is_some()),
        ] {
            if is_wanted {
                let message =
                    format!("`{key}` does nothing on {}, which answers itself", self.label(index, route));
                let mut steps = vec![Step::Key("routes"), Step::Index(index)];
                steps.extend(key.split('.').map(Step::Key));
                let (span, path) = (self.root.locate(&steps), path_text(&steps));
                let finding = Finding::new(codes::ROUTE_HANDLING, span, path, message);
                self.cx.findings.add(finding.help("remove it, or send the requests to an `upstream`"));
            }
        }
    }

    fn names_differ(&self, config: &Config) {
        let mut seen: HashMap<&Name, usize> = HashMap::with_capacity(config.routes.len());
        for (index, route) in config.routes.iter().enumerate() {
            let Some(first) = seen.insert(&route.name, index) else { continue };
            if self.spoilt(index, "name") || same_place(config.routes.get(first), route) {
                continue;
            }
            let message = format!("{} has the name of another route", self.label(index, route));
            let finding = Finding::new(
                codes::SAME_ROUTE_NAME,
                self.span(index, "name"),
                join_key(&Self::path(index), "name"),
                message,
            );
            self.cx.findings.add(
                finding
                    .related(self.span(first, "name"), "this one, too")
                    .help("names stand in logs and metrics: give each its own"),
            );
        }
    }

    /// The same host and path, and methods that overlap. A route that names methods wins over one that does not.
    fn never_ambiguous(&self, config: &Config) {
        let mut seen: HashMap<(&HostPattern, &str), Vec<usize>> = HashMap::with_capacity(config.routes.len());
        for (index, route) in config.routes.iter().enumerate() {
            if self.spoilt(index, "host") || self.spoilt(index, "path") || self.spoilt(index, "methods") {
                continue;
            }
            let before = seen.entry((&route.host, &route.path)).or_default();
            let rival = before.iter().copied().find(|other| {
                config
                    .routes
                    .get(*other)
                    .is_some_and(|other| overlap(other.methods.as_deref(), route.methods.as_deref()))
            });
            before.push(index);
            if let Some(rival) = rival {
                self.tell_ambiguous(config, rival, index, route);
            }
        }
    }

    fn tell_ambiguous(&self, config: &Config, rival: usize, index: usize, route: &Route) {
        let key = if route.path == "/" { "host" } else { "path" };
        let rival_label = config.routes.get(rival).map_or_else(String::new, |other| self.label(rival, other));
        let label = self.label(index, route);
        let message = if rival_label == label {
            format!("{label} is there twice, for the same requests")
        } else {
            format!("{rival_label} and {label} match the same requests")
        };
        let finding =
            Finding::new(codes::AMBIGUOUS, self.span(index, key), join_key(&Self::path(index), key), message);
        self.cx.findings.add(
            finding
                .related(self.span(rival, key), "the other one")
                .help("order never decides: make one more specific by host, path or methods, or remove it"),
        );
    }

    /// A sign-in must end on the host it began on: the session cookie is bound to it.
    fn sign_in_comes_back(&self, config: &Config, index: usize, route: &Route) {
        if !route.credentials.session || self.spoilt(index, "host") {
            return;
        }
        for provider in route.providers.iter().filter_map(|name| config.providers.get(name)) {
            let Some(client) = &provider.client else { continue };
            match (&client.redirect_uri, &route.host) {
                (None, HostPattern::Exact(_)) => {}
                (None, _) => self.tell_host_needed(index, route),
                (Some(uri), HostPattern::Exact(host)) if host_of(uri) == *host => {}
                (Some(uri), _) => self.tell_other_host(index, route, provider, uri),
            }
        }
    }

    fn tell_host_needed(&self, index: usize, route: &Route) {
        let path = join_key(&Self::path(index), "host");
        let message = format!("{} signs people in, so it needs one exact host", self.label(index, route));
        self.cx.findings.add(Finding::new(codes::HOST_NEEDED, self.span(index, "host"), path, message).help(
            "the redirect URI is made from the host and the session cookie is bound to it: write a route for each \
             host, or `credentials: [bearer]`",
        ));
    }

    fn tell_other_host(&self, index: usize, route: &Route, provider: &Provider, uri: &Url) {
        let mut steps = provider_path(self.root, &provider.name);
        steps.push(Step::Key("redirect_uri"));
        if self.cx.findings.spoils(&path_text(&steps)) {
            return;
        }
        let veiled = self
            .root
            .find(steps.get(..steps.len() - 1).unwrap_or_default())
            .is_some_and(|node| node.is_veiled("redirect_uri"));
        let host =
            if veiled { "the host of `redirect_uri`".to_owned() } else { format!("`{}`", host_of(uri)) };
        let path = join_key(&Self::path(index), "host");
        let message = format!(
            "{} signs people in at `{}`, which sends them back to another host",
            self.label(index, route),
            provider.name
        );
        self.cx.findings.add(
            Finding::new(codes::OTHER_HOST, self.span(index, "host"), path, message)
                .related(self.root.locate(&steps), format!("back to {host}"))
                .help(format!(
                    "the session cookie is bound to {host} and would never reach this route: give the route that host, or \
                     remove `redirect_uri`, which is then made from each route's host"
                )),
        );
    }

    /// Specificity opens what a guarded prefix seems to close; that may be meant, so it is said, not refused. An open
    /// part of a guarded *site* (`/`) is the ordinary case and passes in silence.
    fn open_below_guarded(
        &self,
        config: &Config,
        guarded: &HashMap<&HostPattern, Vec<usize>>,
        index: usize,
        open: &Route,
    ) {
        if open.allow != Allow::Anyone {
            return;
        }
        let of_host = guarded.get(&open.host).into_iter().flatten().find_map(|other| {
            let guarded = config.routes.get(*other)?;
            (guarded.path != open.path && is_below(&open.path, &guarded.path)).then_some((*other, guarded))
        });
        if let Some((other, guarded)) = of_host {
            let message = format!(
                "route `{}` is open to the world below `{}`, which is guarded",
                open.name, guarded.path
            );
            let path = join_key(&Self::path(index), "path");
            self.cx.findings.add(
                Finding::new(codes::OPEN_BELOW, self.span(index, "path"), path, message)
                    .related(self.span(other, "path"), "guarded here")
                    .help("the longer path wins: move what is public elsewhere if this is not meant"),
            );
        }
    }

    /// What tells of the caller comes from `identity` alone.
    fn rules_leave_identity_alone(&self, config: &Config, index: usize, route: &Route) {
        let steps = [Step::Key("routes"), Step::Index(index), Step::Key("headers"), Step::Key("request")];
        for name in route.handling.request_fields.names() {
            if !config.identity.names().any(|own| folded(own) == folded(name)) {
                continue;
            }
            let message = format!(
                "{} changes `{name}`, which tells the upstream who the caller is",
                self.label(index, route)
            );
            let finding =
                Finding::new(codes::FIXED_FIELD, self.root.locate(&steps), path_text(&steps), message);
            self.cx
                .findings
                .add(finding.help("fields of `identity` are the same on every route: remove the rule"));
        }
    }

    fn idle_provider_key(&self, index: usize, route: &Route) {
        if route.allow != Allow::Anyone {
            return;
        }
        let section = self.root.find(&[Step::Key("routes"), Step::Index(index)]);
        for key in ["provider", "credentials", "shadow"] {
            if section.is_some_and(|section| section.entry(key).is_some()) {
                let message =
                    format!("`{key}` does nothing on {}, which is open to anyone", self.label(index, route));
                let path = join_key(&Self::path(index), key);
                self.cx.findings.add(
                    Finding::new(codes::IDLE_ROUTE_KEY, self.span(index, key), path, message)
                        .help("remove it, or say who may enter with `allow`"),
                );
            }
        }
    }
}

/// Two routes with made-up names that are ambiguous are told once, as ambiguous.
fn same_place(first: Option<&Route>, second: &Route) -> bool {
    first.is_some_and(|first| {
        first.host == second.host
            && first.path == second.path
            && overlap(first.methods.as_deref(), second.methods.as_deref())
    })
}

fn overlap(one: Option<&[Method]>, other: Option<&[Method]>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.iter().any(|method| other.contains(method)),
        _ => false,
    }
}

/// The host of a URL as a route has it.
fn host_of(uri: &Url) -> &str {
    uri.host_str().unwrap_or("")
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| prefix.ends_with('/') || rest.starts_with('/'))
}
