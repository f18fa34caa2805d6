//! `upstreams`: groups of servers.

mod affinity;
mod server;

use std::time::Duration;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::scalar::RequestPath;
use crate::section::TEXT;
use crate::upstream::{Affinity, Balance, HealthCheck, KeepAlive, Retry, Timeouts};
use crate::value::FromText;
use crate::{Name, Upstream};

pub(crate) use affinity::AFFINITY;
pub(crate) use server::{SERVER, resolve};

static PATH: Grammar = <RequestPath as FromText>::GRAMMAR;
static BALANCE: Words =
    Words { now: &["round_robin", "consistent_hash"], later: &["random", "least_requests"] };
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
        Key::new("balance", Shape::Word(&BALANCE), "How a server is chosen.").default("round_robin"),
        Key::new(
            "affinity",
            Shape::Either(&[Shape::Word(&affinity::WORDS), Shape::Section(&AFFINITY)]),
            "What `consistent_hash` hashes: `session` (for bearers the subject), `source` (the client's address), a \
             cookie, a field, or a claim. Where it is missing from a request, the source.",
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
            "Active checks: HTTP with a `path`, a TCP connect without.",
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
        Key::later("outlier"),
        Key::later("slow_start"),
        Key::later("drain_timeout"),
        Key::later("limits"),
        Key::later("tls"),
        Key::later("proxy_protocol"),
    ],
};

pub(crate) static HEALTH_CHECK: Section = Section {
    title: "`upstreams.*.health_check`",
    doc: "Active checks of each server.",
    keys: &[
        Key::new("path", Shape::Text(&PATH), "The path of an HTTP check (`GET`).").absent("a TCP connect"),
        Key::new("host", Shape::Text(&TEXT), "The `Host` of an HTTP check.").absent("the server's address"),
        Key::new(
            "expect",
            Shape::Several(&Shape::Integer { min: 100, max: 599 }),
            "The statuses of a healthy server.",
        )
        .default("[200]"),
        Key::new(
            "interval",
            Shape::millis(100, HOUR * 1000),
            "From one check to the next, with a jitter of a tenth.",
        )
        .default("5s"),
        Key::new("timeout", Shape::millis(50, 300_000), "Of one whole check.").default("2s"),
        Key::new(
            "rise",
            Shape::Integer { min: 1, max: 100 },
            "Successes in a row that make a server healthy.",
        )
        .default("2"),
        Key::new(
            "fall",
            Shape::Integer { min: 1, max: 100 },
            "Failures in a row that make a server unhealthy.",
        )
        .default("3"),
        Key::later("grpc"),
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
        "consistent_hash" => Balance::ConsistentHash,
        _ => Balance::RoundRobin,
    };
    let _: &str = fields.word("protocol");
    check_hash_keys(fields, balance);
    Upstream {
        servers: server::read_all(fields, &name),
        name,
        balance,
        affinity: affinity::read(fields),
        bounded_load: fields.get("bounded_load"),
        health_check: fields.has("health_check").then(|| health_check(&fields.section("health_check"))),
        retry: retry(&fields.section("retry")),
        timeouts: timeouts(&fields.section("timeouts")),
        keep_alive: keep_alive(&fields.section("keep_alive")),
    }
}

/// The group of a route that wrote an address: one server, all defaults. `fields` is an empty section.
pub(crate) fn of_one_server(fields: &Fields<'_>, name: Name, address: std::net::SocketAddr) -> Upstream {
    Upstream {
        name,
        servers: vec![crate::upstream::Server { address, weight: 1, backup: false }],
        balance: Balance::RoundRobin,
        affinity: Affinity::Source,
        bounded_load: fields.get("bounded_load"),
        health_check: None,
        retry: retry(&fields.section("retry")),
        timeouts: timeouts(&fields.section("timeouts")),
        keep_alive: keep_alive(&fields.section("keep_alive")),
    }
}

/// Keys that only the hash ring knows.
fn check_hash_keys(fields: &Fields<'_>, balance: Balance) {
    if balance == Balance::ConsistentHash || fields.cx.findings.spoils(&fields.sub("balance")) {
        return;
    }
    for key in ["affinity", "bounded_load"].into_iter().filter(|key| fields.has(key)) {
        let message = format!("`{}` does nothing without `balance: consistent_hash`", fields.sub(key));
        let finding = Finding::new(codes::AFFINITY, fields.key_span(key), fields.sub(key), message);
        fields.cx.findings.add(finding.help("add `balance: consistent_hash`, or remove the key"));
    }
}

fn health_check(fields: &Fields<'_>) -> HealthCheck {
    let path = fields.optional::<RequestPath>("path").map(|RequestPath(path)| path);
    if !fields.has("path") {
        for key in ["host", "expect"].into_iter().filter(|key| fields.has(key)) {
            let message = format!("`{}` does nothing without `path`", fields.sub(key));
            let finding = Finding::new(codes::TCP_CHECK, fields.key_span(key), fields.sub(key), message);
            fields
                .cx
                .findings
                .add(finding.help("add `path` for an HTTP check, or remove the key from a TCP check"));
        }
    }
    HealthCheck {
        path,
        host: fields.optional("host"),
        expect: fields.get("expect"),
        interval: fields.get::<Duration>("interval"),
        timeout: fields.get::<Duration>("timeout"),
        rise: fields.get("rise"),
        fall: fields.get("fall"),
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
