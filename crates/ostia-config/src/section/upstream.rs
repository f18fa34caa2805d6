//! `upstreams`: groups of servers.

mod affinity;
mod health_check;
mod outlier;
mod server;

use std::path::Path;
use std::time::Duration;

use crate::codes;
use crate::describe::{Key, Section, Shape, Words};
use crate::environment::Environment;
use crate::fields::Fields;
use crate::findings::{Finding, Findings};
use crate::scalar::Share;
use crate::section::NAME;
use crate::source::{Source, Span};
use crate::upstream::{Affinity, Balance, KeepAlive, Retry, ServerAddress, Timeouts};
use crate::value::Context;
use crate::{Name, Upstream};

pub(crate) use affinity::AFFINITY;
pub(crate) use health_check::HEALTH_CHECK;
pub(crate) use outlier::OUTLIER;
pub(crate) use server::{SERVER, resolve};

static BALANCE: Words =
    Words { now: &["round_robin", "random", "least_requests", "consistent_hash"], later: &[] };
static PROTOCOL: Words = Words { now: &["http/1.1"], later: &["h2", "h2c"] };

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
        .required()
        .own_check()
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
        Key::new("retry", Shape::Section(&RETRY), "Trying another server."),
        Key::new("timeouts", Shape::Section(&TIMEOUTS), "Timeouts towards the servers."),
        Key::new("keep_alive", Shape::Section(&KEEP_ALIVE), "Idle connections to a server."),
        Key::new("protocol", Shape::Word(&PROTOCOL), "What is spoken to the servers.").default("http/1.1"),
        Key::later("servers_dns"),
        Key::later("servers_srv"),
        Key::later("servers_file"),
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
        Key::later("limits"),
        Key::later("tls"),
        Key::later("proxy_protocol"),
    ],
};

pub(crate) static RETRY: Section = Section {
    title: "`upstreams.*.retry`",
    doc: "Trying another server, only where nothing was sent, or the request is idempotent and no byte of an answer \
          came.",
    keys: &[
        Key::new("attempts", Shape::Integer { min: 0, max: 5 }, "Attempts after the first.").default("1"),
        Key::later("on_error"),
        Key::later("budget"),
    ],
};

pub(crate) static TIMEOUTS: Section = Section {
    title: "`upstreams.*.timeouts`",
    doc: "Timeouts towards the servers of a group.",
    keys: &[
        Key::new("connect", Shape::millis(10, 300_000), "Until the connection stands.").default("1s"),
        Key::new(
            "between_bytes",
            Shape::millis(10, HOUR * 1000),
            "Until the answer begins, and between two reads of it.",
        )
        .default("60s"),
        Key::later("first_byte"),
        Key::new(
            "idle",
            Shape::seconds(1, 24 * HOUR),
            "Of an upgraded connection (WebSocket) on which nothing moves.",
        )
        .default("1h"),
    ],
};

pub(crate) static KEEP_ALIVE: Section = Section {
    title: "`upstreams.*.keep_alive`",
    doc: "Idle connections to a server.",
    keys: &[
        Key::new(
            "idle",
            Shape::seconds(1, HOUR),
            "How long one is kept. Shorter than the servers keep theirs, or a request meets a closing connection.",
        )
        .default("55s"),
        Key::later("connections"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>, name: Name) -> Upstream {
    let balance = match fields.word("balance") {
        "random" => Balance::Random,
        "least_requests" => Balance::LeastRequests,
        "consistent_hash" => Balance::ConsistentHash,
        _ => Balance::RoundRobin,
    };
    let _: &str = fields.word("protocol");
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
        retry: retry(&fields.section("retry")),
        timeouts: timeouts(&fields.section("timeouts")),
        keep_alive: keep_alive(&fields.section("keep_alive")),
    }
}

/// The group of a route that wrote an address: one server, all defaults. `fields` is an empty section.
pub(crate) fn of_one_server(fields: &Fields<'_>, name: Name, address: ServerAddress) -> Upstream {
    Upstream {
        name,
        servers: vec![crate::upstream::Server::at(address)],
        balance: Balance::RoundRobin,
        affinity: Affinity::Source,
        bounded_load: fields.get("bounded_load"),
        health_check: None,
        outlier: None,
        panic_threshold: fields.get::<Share>("panic_threshold").0,
        slow_start: fields.get("slow_start"),
        drain_timeout: fields.get("drain_timeout"),
        zones: Vec::new(),
        retry: retry(&fields.section("retry")),
        timeouts: timeouts(&fields.section("timeouts")),
        keep_alive: keep_alive(&fields.section("keep_alive")),
    }
}

/// The group of a route that answers itself: no server, all defaults. Nothing is ever sent there.
pub(crate) fn of_nobody() -> Upstream {
    let (source, findings, environment) = (Source::new("", ""), Findings::default(), Environment::empty());
    let cx =
        Context { source: &source, findings: &findings, environment: &environment, base_dir: Path::new("") };
    let fields = Fields::open(&cx, None, &UPSTREAM, "", Span::default());
    let nowhere = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    Upstream { servers: Vec::new(), ..of_one_server(&fields, Name::from(""), nowhere.into()) }
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

fn retry(fields: &Fields<'_>) -> Retry {
    Retry { attempts: fields.get("attempts") }
}

fn timeouts(fields: &Fields<'_>) -> Timeouts {
    Timeouts {
        connect: fields.get::<Duration>("connect"),
        between_bytes: fields.get::<Duration>("between_bytes"),
        idle: fields.get::<Duration>("idle"),
    }
}

fn keep_alive(fields: &Fields<'_>) -> KeepAlive {
    KeepAlive { idle: fields.get::<Duration>("idle") }
}
