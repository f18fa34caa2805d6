//! The top of a configuration: its sections in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codes;
use crate::describe::{Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::section::{
    NAME, admin, extension, identity, listener, log, page, policy, provider, read_key, route, runtime,
    session, upstream,
};
use crate::source::Span;
use crate::tree::{Node, Scalar, Step, Value};
use crate::value::Context;
use crate::{
    Admin, ExtensionSection, IdentityHeaders, Listener, Logs, Name, Pages, Policy, Provider, Runtime,
    Sessions, Upstream,
};

pub(crate) static ROOT: Section = Section {
    title: "the configuration",
    doc: "One YAML file. Every key is known or refused; every value is within its limits; `${VAR}`, `${VAR:-default}` \
          and `${VAR:?hint}` stand for variables in plain and double-quoted values.",
    keys: &[
        Key::new("version", Shape::Integer { min: 1, max: 1 }, "The version of the language: 1.")
            .own_check()
            .default("1")
            .example("version: 1"),
        Key::new(
            "listeners",
            Shape::Map(&NAME, &Shape::Section(&listener::LISTENER)),
            "Where clients connect.",
        )
        .absent("one plain listener on `127.0.0.1:8080`"),
        Key::new(
            "providers",
            Shape::Map(&NAME, &Shape::Section(&provider::PROVIDER)),
            "The issuers whose people and tokens are accepted.",
        )
        .absent("none: every route is `allow: anyone`"),
        Key::new("provider", Shape::Section(&provider::PROVIDER), "Short for `providers: { default: … }`.")
            .absent("see `providers`"),
        Key::new(
            "policies",
            Shape::Map(&NAME, &Shape::Section(&policy::POLICY)),
            "The rules that decide who may enter.",
        )
        .absent("none"),
        Key::new("upstreams", Shape::Map(&NAME, &Shape::Section(&upstream::UPSTREAM)), "Groups of servers.")
            .absent("none: routes name addresses"),
        Key::new(
            "routes",
            Shape::Several(&Shape::Section(&route::ROUTE)),
            "What is served, to whom, from where.",
        )
        .required(),
        Key::new("sessions", Shape::Section(&session::SESSIONS), "The login session."),
        Key::new(
            "identity",
            Shape::Section(&identity::IDENTITY),
            "What the upstream is told about the caller.",
        ),
        Key::new(
            "extensions",
            Shape::List(&Shape::Section(&extension::EXTENSION)),
            "Code that is asked about requests.",
        )
        .absent("only those that the program was built with to run always"),
        Key::new("logs", Shape::Section(&log::LOGS), "What is written down."),
        Key::new("pages", Shape::Section(&page::PAGES), "Ostia's own pages."),
        Key::new("admin", Shape::Section(&admin::ADMIN), "Where the operator and Prometheus connect."),
        Key::new("runtime", Shape::Section(&runtime::RUNTIME), "How the process runs."),
        Key::later("include"),
        Key::later("telemetry"),
    ],
};

/// Everything that was read, before the sections are held against each other.
pub(crate) struct Draft {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) providers: BTreeMap<Name, Arc<Provider>>,
    pub(crate) policies: BTreeMap<Name, Policy>,
    pub(crate) upstreams: BTreeMap<Name, Arc<Upstream>>,
    pub(crate) routes: Vec<route::Written>,
    pub(crate) sessions: Sessions,
    pub(crate) identity: IdentityHeaders,
    pub(crate) extensions: Vec<ExtensionSection>,
    pub(crate) logs: Logs,
    pub(crate) pages: Pages,
    pub(crate) admin: Admin,
    pub(crate) runtime: Runtime,
}

pub(crate) fn read(cx: &Context<'_>, root: &Node) -> Draft {
    let top = Fields::open(cx, Some(root), &ROOT, "", root.span);
    if let Value::Map(_) = root.value {
        check_version(&top);
    }
    Draft {
        listeners: listeners(&top),
        providers: providers(&top),
        policies: named(&top, "policies", &policy::POLICY, policy::read),
        upstreams: named(&top, "upstreams", &upstream::UPSTREAM, |fields, name| {
            Arc::new(upstream::read(fields, name))
        }),
        routes: routes(&top),
        sessions: session::read(&top.section("sessions")),
        identity: identity::read(&top.section("identity")),
        logs: log::read(&top.section("logs")),
        pages: page::read(&top.section("pages")),
        admin: admin::read(&top.section("admin")),
        runtime: runtime::read(&top.section("runtime")),
        extensions: extension::read(&top),
    }
}

/// One section alone.
pub(crate) fn read_admin(cx: &Context<'_>, root: &Node) -> Admin {
    let entry = root.entry("admin");
    let span = entry.map_or(root.span, |entry| entry.key_span);
    admin::read(&Fields::open(cx, entry.map(|entry| &entry.value), &admin::ADMIN, "admin", span))
}

fn check_version(top: &Fields<'_>) {
    let message = match top.node("version").map(|node| &node.value) {
        Some(Value::Scalar(Scalar { text, plain: true, .. })) if text == "1" => return,
        Some(Value::Broken) => return,
        Some(_) => "this release reads `version: 1`",
        None => return,
    };
    let span = if top.has("version") { top.value_span("version") } else { top.span };
    top.cx.findings.add(
        Finding::new(codes::VERSION, span, "version", message).help(
            "`version: 1` names the language, so that a later release can tell old files from new ones",
        ),
    );
}

fn listeners(top: &Fields<'_>) -> Vec<Listener> {
    if !top.has("listeners") {
        return vec![listener::default_listener()];
    }
    named(top, "listeners", &listener::LISTENER, listener::read).into_values().collect()
}

fn providers(top: &Fields<'_>) -> BTreeMap<Name, Arc<Provider>> {
    let mut providers =
        named(top, "providers", &provider::PROVIDER, |fields, name| Arc::new(provider::read(fields, name)));
    if top.has("provider") {
        if top.has("providers") {
            let message = "`provider` and `providers` are both there";
            let finding = Finding::new(codes::EITHER_OR, top.key_span("provider"), "provider", message);
            top.cx.findings.add(
                finding
                    .related(top.key_span("providers"), "and here")
                    .help("`provider:` is short for `providers: { default: … }`: move it there"),
            );
        }
        let name = Name::from("default");
        providers.insert(name.clone(), Arc::new(provider::read(&top.section("provider"), name)));
    }
    providers
}

fn routes(top: &Fields<'_>) -> Vec<route::Written> {
    let nodes = top.list("routes");
    if nodes.is_empty() && top.has("routes") && !top.cx.findings.spoils("routes") {
        let finding =
            Finding::new(codes::EMPTY_LIST, top.key_span("routes"), "routes", "`routes` is an empty list");
        top.cx.findings.add(finding.help("without a route nothing is served: add one"));
    }
    route::read_all(top.cx, &nodes)
}

/// A map of named sections. A section whose name is wrong is read all the same, so that its errors are told.
fn named<T>(
    top: &Fields<'_>,
    key: &str,
    section: &'static Section,
    read: impl Fn(&Fields<'_>, Name) -> T,
) -> BTreeMap<Name, T> {
    let mut sections = BTreeMap::new();
    for (entry, path) in top.map(key) {
        let name = read_key::<Name>(top.cx, entry, &path).unwrap_or_else(|| Name::from(entry.key.as_str()));
        if entry.value.value == Value::Null {
            tell_empty(top, &path, entry.key_span);
        }
        let node = Some(&entry.value).filter(|node| node.value != Value::Null);
        let fields = Fields::open(top.cx, node, section, &path, entry.key_span);
        sections.insert(name.clone(), read(&fields, name));
    }
    sections
}

fn tell_empty(top: &Fields<'_>, path: &str, span: Span) {
    let message = format!("`{path}` has no value");
    top.cx
        .findings
        .add(Finding::new(codes::NO_VALUE, span, path, message).help("write a map, or remove the key"));
}

/// The way to a provider in the tree.
pub(crate) fn provider_path<'a>(root: &Node, name: &'a Name) -> Vec<Step<'a>> {
    if name.as_str() == "default" && root.entry("provider").is_some() {
        return vec![Step::Key("provider")];
    }
    vec![Step::Key("providers"), Step::Key(name.as_str())]
}
