//! `routes`: what is served, to whom, from where.

mod all;
mod answer;
mod destination;
mod handling;
mod mirror;
mod rate;

use std::time::Duration;

use http::Method;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::handling::OwnAnswer;
use crate::route::{Allow, Credentials, HostPattern, RouteTimeouts};
use crate::scalar::{RequestPath, ScopeToken};
use crate::section::NAME;
use crate::template::Variable;
use crate::tree::Node;
use crate::value::{FromText, Word};
use crate::{Name, Route};

pub(crate) use all::read_all;

static HOST: Grammar = <HostPattern as FromText>::GRAMMAR;
static PATH: Grammar = <RequestPath as FromText>::GRAMMAR;
static SCOPE: Grammar = <ScopeToken as FromText>::GRAMMAR;
static METHOD: Grammar = <Method as FromText>::GRAMMAR;
static CREDENTIAL: Words = Words { now: &["session", "bearer"], later: &["client_certificate"] };
static AUDIT: Words = Words { now: &["deny", "allow"], later: &[] };
static UPGRADE: Words = Words { now: &["websocket"], later: &[] };

pub(crate) static ROUTE: Section = Section {
    title: "`routes[]`",
    doc: "What is served, to whom, from where. The most specific route wins, wherever it stands: an exact host before \
          a wildcard before any host, then the longest path, then one that names methods. Two routes of which neither \
          is more specific are refused.",
    keys: &[
        Key::new("name", Shape::Text(&NAME), "Its name in logs, metrics and messages. Unique.")
            .absent("made from host and path: `portal.example.com/finance/`"),
        Key::new("host", Shape::Text(&HOST), "A host, or `*.` and a suffix for one or more labels before it.")
            .absent("every host")
            .example("host: portal.example.com"),
        Key::new(
            "path",
            Shape::Text(&PATH),
            "A prefix. `/finance/` matches what begins with it; `/finance` matches itself and what begins with \
             `/finance/`. Paths under `/.ostia/` and `/.well-known/ostia/` are Ostia's own.",
        )
        .default("/"),
        Key::new("methods", Shape::Several(&Shape::Text(&METHOD)), "The methods that are served; others get 405.")
            .absent("every method")
            .example("methods: [GET, HEAD]"),
        Key::new(
            "provider",
            Shape::OneOrMany(&Shape::Text(&NAME)),
            "Whose identities are accepted here. The first that people can sign in with is where they are sent.",
        )
        .absent("the only provider there is"),
        Key::new(
            "allow",
            Shape::OneOrMany(&Shape::Text(&NAME)),
            "Who may enter: a policy, a list of policies of which one must allow, `authenticated` for every identity of \
             the providers, or `anyone`. `anyone` opens the route to the world; no identity is looked for.",
        )
        .required()
        .own_check()
        .example("allow: [staff, deployer]"),
        Key::new(
            "upstream",
            destination::UPSTREAM,
            "A name under `upstreams`, or the address of one server. As a map: several of them with weights; the same \
             subject comes to the same one, on every node and after a restart (without a subject, the same client \
             address). As a list: the first whose `when` holds; the last has none. \
             Instead of it `redirect` or `respond`.",
        )
        .absent("`redirect` or `respond` is there")
        .own_check()
        .example("upstream: { api: 95, api_next: 5 }"),
        Key::new(
            "shadow",
            Shape::OneOrMany(&Shape::Text(&NAME)),
            "A policy, or a list of such, that is asked beside `allow` about everybody who is let in. What it would \
             have decided is counted (`ostia_shadow_decisions_total`); it changes nothing.",
        )
        .absent("—")
        .example("shadow: staff_next"),
        Key::new(
            "audit",
            Shape::Word(&AUDIT),
            "`deny`: the audit log (`logs.audit`) has a line for each denial. `allow`: and one for each request that is \
             let in.",
        )
        .default("deny"),
        Key::new(
            "credentials",
            Shape::Several(&Shape::Word(&CREDENTIAL)),
            "What may prove an identity. Only with `session` are people sent to sign in.",
        )
        .absent("`session` where a provider has a `client_id`, `bearer` where one has an `audience`"),
        Key::new(
            "scopes",
            Shape::Several(&Shape::Text(&SCOPE)),
            "Scopes that the caller must have been granted, all of them, beside what `allow` asks. A token without them \
             gets 403 `insufficient_scope`, which names them (RFC 6750 section 3.1).",
        )
        .absent("none")
        .example("scopes: [orders.read]"),
        Key::new("upgrade", Shape::List(&Shape::Word(&UPGRADE)), "Upgrades are refused unless named here.")
            .default("[]")
            .example("upgrade: [websocket]"),
        Key::new("timeouts", Shape::Section(&TIMEOUTS), "Timeouts of this route."),
        Key::new("mirror", Shape::Section(&mirror::MIRROR), "Copies of requests to another upstream.")
            .absent("none")
            .example("mirror: { upstream: portal_next, share: 5% }"),
        Key::new("headers", Shape::Section(&handling::HEADERS), "Fields that are changed on the way."),
        Key::new(
            "compression",
            Shape::Bool,
            "Whether answers of text are compressed for clients that take it (zstd, brotli or gzip). Only where asked: \
             an answer that holds a secret and echoes what the client sent can be guessed by its length (BREACH).",
        )
        .default("false"),
        Key::new(
            "keep_form",
            Shape::Bool,
            "A form that somebody posts without a session (the old one has ended meanwhile) waits in the browser while \
             they sign in, and is posted again then. Plain forms of the same host only, up to 64 KiB; with files it is \
             refused as ever. Other requests get 401.",
        )
        .default("false"),
        Key::new("rate_limit", Shape::Section(&rate::RATE_LIMIT), "How many requests come through."),
        Key::new(
            "strip_prefix",
            Shape::Text(&PATH),
            "Cut off the path before it goes on: of `/chat/x` remains `/x`. A path that does not begin with it goes on \
             as it is; one that begins with it only in some of its usual readings is refused with 400. The route and \
             who may enter are decided on the path as received.",
        )
        .absent("nothing is cut off")
        .example("strip_prefix: /chat"),
        Key::new(
            "rewrite",
            Shape::Text(&handling::TEMPLATE),
            "The path for the upstream: `{path}` stands for what `strip_prefix` left; the query goes on as it is.",
        )
        .absent("the path goes on")
        .example("rewrite: \"/v2{path}\""),
        Key::new("redirect", Shape::Section(&answer::REDIRECT), "Another address instead of an upstream."),
        Key::new("respond", Shape::Section(&answer::RESPOND), "A fixed answer instead of an upstream."),
        Key::new("limits", Shape::Section(&handling::LIMITS), "Bounds of this route."),
    ],
};

pub(crate) static TIMEOUTS: Section = Section {
    title: "`routes[].timeouts`",
    doc: "Timeouts of a route.",
    keys: &[
        Key::new(
            "first_byte",
            Shape::millis(10, 3_600_000),
            "From the last byte of the request to the first one of the answer; only with HTTP/1.1 to the servers.",
        )
        .absent("as the upstream says"),
        Key::new("between_bytes", Shape::millis(10, 3_600_000), "Between two reads of the answer.")
            .absent("as the upstream says")
            .example("between_bytes: 10m"),
        Key::new(
            "idle",
            Shape::seconds(1, 24 * 3600),
            "Of an upgraded connection, a gRPC stream or an event stream on which nothing moves; instead of that of \
             the upstream.",
        )
        .absent("as the upstream says")
        .example("idle: 4h"),
    ],
};

/// A route as it is written: what other sections decide about it is filled in by [`crate::section::root`].
pub(crate) struct Written {
    pub(crate) route: Route,
    /// The path in the tree: `routes[3]`.
    pub(crate) at: String,
    pub(crate) providers: Option<Vec<Name>>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) destinations: Vec<destination::Written>,
    /// "route `portal`".
    pub(crate) label: String,
}

fn timeouts(fields: &Fields<'_>) -> RouteTimeouts {
    RouteTimeouts {
        first_byte: fields.optional::<Duration>("first_byte"),
        between_bytes: fields.optional::<Duration>("between_bytes"),
        idle: fields.optional::<Duration>("idle"),
    }
}

/// How a route is called in messages: by its name, or by its place when a variable's value is in the name.
pub(crate) fn label(name: &Name, at: &str, node: Option<&Node>) -> String {
    let veiled = |key: &str| node.is_some_and(|node| node.is_veiled(key));
    let named = node.is_some_and(|node| node.entry("name").is_some());
    let from_outside = if named { veiled("name") } else { veiled("host") || veiled("path") };
    if from_outside { format!("`{at}`") } else { format!("route `{name}`") }
}

fn read(fields: &Fields<'_>, node: &Node) -> Written {
    let host = fields.optional::<HostPattern>("host").unwrap_or(HostPattern::Any);
    let RequestPath(path) = fields.get("path");
    refuse_own_path(fields, &path);
    let name = fields.optional("name").unwrap_or_else(|| made_up_name(&host, &path));
    let upgrade: Vec<Word> = fields.get("upgrade");
    let label = label(&name, &fields.path, Some(node));
    let allow = allow(fields, &label);
    let route = Route {
        allow,
        path,
        methods: methods(fields),
        scopes: scopes(fields),
        shadow: fields.optional("shadow").unwrap_or_default(),
        audit_allowed: fields.word("audit") == "allow",
        upgrade_websocket: !upgrade.is_empty(),
        timeouts: timeouts(&fields.section("timeouts")),
        mirror: mirror::read(fields),
        handling: handling::read(fields),
        ..Route::named(name, host)
    };
    refuse_host_of_any(fields, &route);
    Written {
        providers: fields.optional("provider"),
        credentials: credentials(fields),
        destinations: destination::read(fields, &label, &route.allow),
        route,
        label,
        at: fields.path.clone(),
    }
}

/// Without a `host` a route serves whatever a client calls itself: that must not become an address of ours.
fn refuse_host_of_any(fields: &Fields<'_>, route: &Route) {
    let Some(OwnAnswer::Redirect { to, .. }) = &route.handling.answer else { return };
    if route.host == HostPattern::Any && to.variables().any(|variable| *variable == Variable::Host) {
        let help = "give the route a `host`, or write the host out";
        handling::tell(fields, "redirect", "takes the host from whoever asks", help);
    }
}

pub(crate) fn made_up_name(host: &HostPattern, path: &str) -> Name {
    match host {
        HostPattern::Exact(host) => Name::new(format!("{host}{path}")),
        HostPattern::Wildcard(suffix) => Name::new(format!("*.{suffix}{path}")),
        HostPattern::Any => Name::new(format!("*{path}")),
    }
}

fn refuse_own_path(fields: &Fields<'_>, path: &str) {
    if is_own_path(path) {
        let message = format!("`{}` is one of Ostia's own paths", fields.shown("path"));
        let finding = Finding::new(codes::OWN_PATH, fields.value_span("path"), fields.sub("path"), message);
        fields.cx.findings.add(
            finding
                .help("`/.ostia/` and `/.well-known/ostia/` are Ostia's own on every host: choose another"),
        );
    }
}

fn scopes(fields: &Fields<'_>) -> Vec<String> {
    let scopes: Vec<ScopeToken> = fields.optional("scopes").unwrap_or_default();
    scopes.into_iter().map(|ScopeToken(scope)| scope).collect()
}

fn is_own_path(path: &str) -> bool {
    let own = ["/.ostia", "/.well-known/ostia"];
    own.into_iter()
        .filter_map(|folder| path.strip_prefix(folder))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn methods(fields: &Fields<'_>) -> Option<Vec<Method>> {
    let mut methods: Vec<Method> = Vec::new();
    for method in fields.optional::<Vec<Method>>("methods")? {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    Some(methods)
}

fn credentials(fields: &Fields<'_>) -> Option<Credentials> {
    let words: Vec<Word> = fields.optional("credentials")?;
    let has = |wanted: &str| words.iter().any(|Word(word)| *word == wanted);
    Some(Credentials { session: has("session"), bearer: has("bearer") })
}

/// Whether the route answers itself; tells of two answers at once.
pub(super) fn one_answer(fields: &Fields<'_>) -> bool {
    let written: Vec<&str> =
        ["upstream", "redirect", "respond"].into_iter().filter(|key| fields.has(key)).collect();
    if let [first, second, ..] = written.as_slice() {
        let message = format!("`{first}` and `{second}` are both there");
        let finding = Finding::new(codes::EITHER_OR, fields.key_span(second), fields.sub(second), message);
        fields.cx.findings.add(
            finding
                .related(fields.key_span(first), "and here")
                .help("a route has one answer: keep one of them"),
        );
    }
    written.iter().any(|key| *key != "upstream")
}

/// Closed when nothing usable is written: a stand-in beside a finding.
fn allow(fields: &Fields<'_>, label: &str) -> Allow {
    if fields.is_meant("allow") {
        return Allow::Policies(Vec::new());
    }
    if !fields.has("allow") {
        let message = format!("{label} has no `allow`");
        let help =
            "a route is closed until it says who may enter: a policy name, `authenticated`, or `anyone`";
        let finding = Finding::new(codes::NO_ALLOW, fields.span, fields.sub("allow"), message);
        fields.cx.findings.add(finding.help(help));
        return Allow::Policies(Vec::new());
    }
    let names: Vec<Name> = fields.optional("allow").unwrap_or_default();
    let word = |name: &Name| matches!(name.as_str(), "anyone" | "authenticated");
    match names.as_slice() {
        [name] if name.as_str() == "anyone" => Allow::Anyone,
        [name] if name.as_str() == "authenticated" => Allow::Authenticated,
        names => {
            if let Some(word) = names.iter().find(|name| word(name)) {
                refuse_mixture(fields, word);
            }
            Allow::Policies(names.iter().filter(|name| !word(name)).cloned().collect())
        }
    }
}

fn refuse_mixture(fields: &Fields<'_>, word: &Name) {
    let message = format!("`{word}` stands beside other names, which then decide nothing");
    let finding = Finding::new(codes::MIXED_ALLOW, fields.value_span("allow"), fields.sub("allow"), message);
    fields.cx.findings.add(finding.help(format!("write `allow: {word}` alone, or remove it from the list")));
}
