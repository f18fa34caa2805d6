//! `upstreams`: groups of servers.

mod affinity;
pub(crate) mod connection;
pub(crate) mod discovery;
pub(crate) mod faults;
mod health_check;
mod outlier;
pub(crate) mod retry;
mod server;
mod server_file;

use std::path::Path;

use crate::codes;
use crate::describe::{Key, Section, Shape, Words};
use crate::environment::Environment;
use crate::fields::Fields;
use crate::findings::{Finding, Findings};
use crate::scalar::Share;
use crate::section::{FILE, NAME};
use crate::source::{Source, Span};
use crate::upstream::{Affinity, Balance, Protocol, Server};
use crate::value::Context;
use crate::{Name, Upstream};

pub(crate) use affinity::AFFINITY;
pub(crate) use health_check::HEALTH_CHECK;
pub(crate) use outlier::OUTLIER;
pub use server_file::{ListRefused, server_list};

pub(crate) use server::{SERVER, resolve};

static BALANCE: Words =
    Words { now: &["round_robin", "random", "least_requests", "consistent_hash"], later: &[] };

const HOUR: u64 = 3600;

pub(crate) static UPSTREAM: Section = Section {
    title: "`upstreams.*`",
    doc: "A group of servers that answer the same requests.",
    keys: &[
        Key::new(
            "servers",
            Shape::Several(&Shape::Either(&[Shape::Text(&server::ADDRESS), Shape::Section(&SERVER)])),
            "The servers, as addresses or as maps. A name is resolved once, when the configuration is loaded.",
        )
        .absent("they are found by `servers_dns`, `servers_srv` or `servers_file`")
        .example("servers: [10.0.0.11:8080, { address: 10.0.0.12:8080, weight: 2 }]"),
        Key::new(
            "balance",
            Shape::Word(&BALANCE),
            "How a server is chosen: each has its turn; the better of two by chance; the one with the fewest requests in \
             flight for its weight (of more than 16 servers, of eight of them); the one that the `affinity` of the \
             request belongs to.",
        )
        .default("round_robin"),
        Key::new(
            "zones",
            Shape::Several(&Shape::Text(&NAME)),
            "The order in which zones serve: the first one that has a server that can, then servers of no zone, then \
             backups. On a node of another zone the order may be another: `zones: [\"${ZONE}\", rack-2]`.",
        )
        .absent("all servers serve together, backups after them")
        .example("zones: [rack-1, rack-2]"),
        Key::new(
            "affinity",
            Shape::Either(&[Shape::Word(&affinity::WORDS), Shape::Section(&AFFINITY)]),
            "What leads a request back to its server. With `consistent_hash`: `session` (for bearers the subject), \
             `source` (the client's address), a cookie of the application, a field, or a claim; where it is missing from \
             a request, the source. With every `balance`: a cookie that Ostia sets.",
        )
        .default("source")
        .example("affinity: { header: x-tenant }"),
        Key::new(
            "bounded_load",
            Shape::Number { min: 1.0, max: 100.0 },
            "With `consistent_hash`, a server takes at most this multiple of the mean number of requests in flight.",
        )
        .default("1.25"),
        Key::new(
            "health_check",
            Shape::Section(&HEALTH_CHECK),
            "Active checks: HTTP, gRPC, TLS or a TCP connect.",
        )
        .absent("servers are taken to be healthy")
        .example("health_check: { path: /healthz, interval: 2s }"),
        Key::new("retry", Shape::Section(&retry::RETRY), "Trying another server."),
        Key::new("timeouts", Shape::Section(&connection::TIMEOUTS), "Timeouts towards the servers."),
        Key::new("keep_alive", Shape::Section(&connection::KEEP_ALIVE), "Connections that wait for the next request."),
        Key::new(
            "protocol",
            Shape::Word(&connection::PROTOCOL),
            "What is spoken to the servers. `h2` is HTTP/2 over TLS, `h2c` HTTP/2 in clear text; requests share their \
             connections, up to 100 on each. gRPC needs one of the two.",
        )
        .default("http/1.1"),
        Key::new("limits", Shape::Section(&connection::LIMITS), "Bounds on what is sent at the same time."),
        Key::new("tls", Shape::Section(&connection::TLS), "TLS to the servers.").absent("clear text"),
        Key::new(
            "proxy_protocol",
            Shape::Word(&connection::PROXY_PROTOCOL),
            "Tells the servers the addresses of the client's connection by the PROXY protocol. A connection then \
             serves one client alone.",
        )
        .absent("nothing is told")
        .example("proxy_protocol: v2"),
        Key::new(
            "servers_dns",
            Shape::Text(&discovery::DNS_SERVER),
            "In the place of `servers`: every address (A and AAAA) of a name is a server; looked up again when its TTL \
             ends.",
        )
        .absent("—")
        .example("servers_dns: api.internal:8080"),
        Key::new(
            "servers_srv",
            Shape::Text(&discovery::DNS_NAME),
            "In the place of `servers`: the targets of SRV records (RFC 2782) with their ports and weights; targets of \
             the lowest priority first, the others stand in for them.",
        )
        .absent("—")
        .example("servers_srv: _http._tcp.api.service.consul"),
        Key::new(
            "servers_file",
            Shape::Text(&FILE),
            "In the place of `servers`: a file with such a list (a YAML list, or an address a line), read anew within \
             two seconds of a change. Replace it by a rename.",
        )
        .absent("—")
        .example("servers_file: api.servers"),
        Key::new("discovery", Shape::Section(&discovery::DISCOVERY), "How servers are looked up."),
        Key::new(
            "insecure_faults",
            Shape::Section(&faults::FAULTS),
            "Faults on purpose, for tests. **Harms real requests.**",
        )
        .absent("none"),
        Key::new(
            "outlier",
            Shape::Section(&OUTLIER),
            "Taking a server out for a while because requests fail there.",
        )
        .absent("failures of requests take nobody out")
        .example("outlier: { consecutive_failures: 5, eject: 30s, max_ejected: 50% }"),
        Key::new(
            "panic_threshold",
            Shape::Text(&outlier::SHARE),
            "When a smaller share of the servers of a zone is healthy, checks and ejections are not believed, and all its \
             servers get requests again: better some that fail than none that are tried. With `0%` only servers that are \
             well get requests, and without one the answer is 503.",
        )
        .default("0%")
        .example("panic_threshold: 50%"),
        Key::new(
            "slow_start",
            Shape::millis(0, HOUR * 1000),
            "How long a server that comes, or comes back, takes a growing part of its share, from a tenth on.",
        )
        .default("0s"),
        Key::new(
            "drain_timeout",
            Shape::millis(0, 24 * HOUR * 1000),
            "How long a server that drains serves the sessions that began before. After it nothing new goes there; \
             requests in flight finish.",
        )
        .default("5m"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>, name: Name) -> Upstream {
    let balance = match fields.word("balance") {
        "random" => Balance::Random,
        "least_requests" => Balance::LeastRequests,
        "consistent_hash" => Balance::ConsistentHash,
        _ => Balance::RoundRobin,
    };
    let protocol = connection::protocol(fields);
    connection::check(fields, protocol);
    let discovery = discovery::read(fields, &name);
    check_hash_keys(fields, balance);
    let zones: Vec<Name> = fields.optional("zones").unwrap_or_default();
    Upstream {
        servers: server::read_all(fields, &name, &zones),
        name,
        balance,
        affinity: affinity::read(fields),
        bounded_load: fields.get("bounded_load"),
        health_check: fields.has("health_check").then(|| health_check::read(&fields.section("health_check"))),
        outlier: fields.has("outlier").then(|| outlier::read(&fields.section("outlier"))),
        panic_threshold: fields.get::<Share>("panic_threshold").0,
        slow_start: fields.get("slow_start"),
        drain_timeout: fields.get("drain_timeout"),
        zones,
        retry: retry::read(&fields.section("retry")),
        timeouts: connection::timeouts(&fields.section("timeouts")),
        keep_alive: connection::keep_alive(&fields.section("keep_alive")),
        limits: connection::limits(&fields.section("limits")),
        protocol,
        tls: connection::tls(fields),
        proxy_protocol: connection::proxy_protocol(fields),
        insecure_faults: faults::read(fields),
        discovery,
    }
}

/// The group of these servers, with the default of every key.
pub(crate) fn of_servers(name: Name, servers: Vec<Server>) -> Upstream {
    let (source, findings, environment) = (Source::new("", ""), Findings::default(), Environment::empty());
    let cx =
        Context { source: &source, findings: &findings, environment: &environment, base_dir: Path::new("") };
    let fields = Fields::open(&cx, None, &UPSTREAM, "", Span::default());
    Upstream {
        name,
        servers,
        balance: Balance::RoundRobin,
        affinity: Affinity::Source,
        bounded_load: fields.get("bounded_load"),
        health_check: None,
        outlier: None,
        panic_threshold: fields.get::<Share>("panic_threshold").0,
        slow_start: fields.get("slow_start"),
        drain_timeout: fields.get("drain_timeout"),
        zones: Vec::new(),
        retry: retry::read(&fields.section("retry")),
        timeouts: connection::timeouts(&fields.section("timeouts")),
        keep_alive: connection::keep_alive(&fields.section("keep_alive")),
        limits: connection::limits(&fields.section("limits")),
        protocol: Protocol::Http1,
        tls: None,
        proxy_protocol: None,
        insecure_faults: None,
        discovery: None,
    }
}

/// Keys that only the hash ring knows.
fn check_hash_keys(fields: &Fields<'_>, balance: Balance) {
    if balance == Balance::ConsistentHash || fields.cx.findings.spoils(&fields.sub("balance")) {
        return;
    }
    let has_cookie = fields.node("affinity").is_some_and(|node| node.get("cookie").is_some());
    let keys = ["affinity", "bounded_load"].into_iter().filter(|key| fields.has(key));
    for key in keys.filter(|key| *key != "affinity" || !has_cookie) {
        let message = format!("`{}` does nothing without `balance: consistent_hash`", fields.sub(key));
        let finding = Finding::new(codes::AFFINITY, fields.key_span(key), fields.sub(key), message);
        fields.cx.findings.add(finding.help("add `balance: consistent_hash`, or remove the key"));
    }
}
