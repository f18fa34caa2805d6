//! `health_check`: active checks of each server.

use std::time::Duration;

use http::Method;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::scalar::{CheckedService, RequestPath};
use crate::section::TEXT;
use crate::upstream::{HealthAsk, HealthCheck};
use crate::value::FromText;

static PATH: Grammar = <RequestPath as FromText>::GRAMMAR;
static SERVICE: Grammar = <CheckedService as FromText>::GRAMMAR;
static METHODS: Words = Words { now: &["GET", "HEAD", "OPTIONS", "POST"], later: &[] };
static UNTIL_CHECKED: Words = Words { now: &["serve", "wait"], later: &[] };

const HOUR: u64 = 3600;

pub(crate) static HEALTH_CHECK: Section = Section {
    title: "`upstreams.*.health_check`",
    doc: "Active checks of each server: HTTP with a `path`, gRPC with `grpc`, a TLS handshake with `tls: true`, \
          otherwise a TCP connect. Upstreams that check the same server in the same way share its checks.",
    keys: &[
        Key::new("path", Shape::Text(&PATH), "The path of an HTTP check.").absent("no HTTP check"),
        Key::new("method", Shape::Word(&METHODS), "The method of an HTTP check.").default("GET"),
        Key::new("host", Shape::Text(&TEXT), "The `Host` of an HTTP check.").absent("the server's address"),
        Key::new(
            "expect",
            Shape::Several(&Shape::Integer { min: 100, max: 599 }),
            "The statuses of a healthy server.",
        )
        .default("[200]"),
        Key::new(
            "body",
            Shape::Text(&TEXT),
            "A text that the first 64 KiB of a healthy server's body hold. Without it the body is not read.",
        )
        .absent("the body does not matter")
        .example("body: '\"status\":\"up\"'"),
        Key::new(
            "grpc",
            Shape::Text(&SERVICE),
            "The service that `grpc.health.v1.Health/Check` is asked for, over HTTP/2; `\"\"` is the server as a whole.",
        )
        .absent("no gRPC check")
        .example("grpc: api.v1.Orders"),
        Key::new(
            "tls",
            Shape::Bool,
            "Whether a TLS handshake is the check. With `tls` of the upstream the certificate is checked as requests do, \
             without it is not.",
        )
        .default("false"),
        Key::new("port", Shape::Integer { min: 1, max: 65_535 }, "The port of the check.")
            .absent("the server's port"),
        Key::new(
            "interval",
            Shape::millis(100, HOUR * 1000),
            "From one check of a healthy server to the next, with a jitter of a tenth.",
        )
        .default("5s"),
        Key::new(
            "fast_interval",
            Shape::millis(100, HOUR * 1000),
            "The interval while the health is not known yet, or the last check says otherwise than those before.",
        )
        .absent("`1s`, or `interval` if that is shorter"),
        Key::new("down_interval", Shape::millis(100, HOUR * 1000), "The interval of a server that is down.")
            .absent("`interval`"),
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
        Key::new(
            "until_checked",
            Shape::Word(&UNTIL_CHECKED),
            "Whether a server serves until it is proven dead, or waits until it is proven healthy.",
        )
        .default("serve"),
    ],
};

/// Keys that only an HTTP check knows.
const OF_HTTP: [&str; 4] = ["method", "host", "expect", "body"];

pub(super) fn read(fields: &Fields<'_>) -> HealthCheck {
    let interval = fields.get::<Duration>("interval");
    HealthCheck {
        ask: ask(fields),
        port: fields.optional("port"),
        interval,
        fast_interval: fields.optional("fast_interval").unwrap_or(interval.min(Duration::from_secs(1))),
        down_interval: fields.optional("down_interval").unwrap_or(interval),
        timeout: fields.get::<Duration>("timeout"),
        rise: fields.get("rise"),
        fall: fields.get("fall"),
        waits_for_check: fields.word("until_checked") == "wait",
    }
}

fn ask(fields: &Fields<'_>) -> HealthAsk {
    let is_tls = fields.get::<bool>("tls");
    let kinds: Vec<&str> = ["path", "grpc"].into_iter().filter(|key| fields.has(key)).collect();
    if kinds.len() + usize::from(is_tls) > 1 {
        let message = format!("`{}` takes one of `path`, `grpc` and `tls`", fields.path);
        fields.cx.findings.add(Finding::new(codes::EITHER_OR, fields.span, &*fields.path, message));
    }
    if !fields.has("path") {
        for key in OF_HTTP.into_iter().filter(|key| fields.has(key)) {
            let message = format!("`{}` does nothing without `path`", fields.sub(key));
            let finding = Finding::new(codes::TCP_CHECK, fields.key_span(key), fields.sub(key), message);
            let help = "add `path` for an HTTP check, or remove the key: the check is of another kind";
            fields.cx.findings.add(finding.help(help));
        }
    }
    let method = match fields.word("method") {
        "HEAD" => Method::HEAD,
        "OPTIONS" => Method::OPTIONS,
        "POST" => Method::POST,
        _ => Method::GET,
    };
    if let Some(RequestPath(path)) = fields.optional("path") {
        let (host, expect) = (fields.optional("host"), fields.get("expect"));
        return HealthAsk::Http { method, path, host, expect, body: fields.optional("body") };
    }
    match fields.optional("grpc") {
        Some(CheckedService(service)) => HealthAsk::Grpc { service },
        None if is_tls => HealthAsk::Tls,
        None => HealthAsk::Tcp,
    }
}
