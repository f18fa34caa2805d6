//! How servers are reached: protocol, TLS, timeouts, kept connections, bounds.

use std::time::Duration;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::scalar::ServerName;
use crate::section::FILE;
use crate::upstream::{ClientCertificate, KeepAlive, Limits, Protocol, ProxyProtocol, Timeouts, Tls};
use crate::value::FromText;

const HOUR: u64 = 3600;

static SERVER_NAME: Grammar = <ServerName as FromText>::GRAMMAR;
pub(super) static PROTOCOL: Words = Words { now: &["http/1.1", "h2", "h2c"], later: &[] };
pub(super) static PROXY_PROTOCOL: Words = Words { now: &["v1", "v2"], later: &[] };

pub(crate) static TLS: Section = Section {
    title: "`upstreams.*.tls`",
    doc: "TLS to the servers. The chain and the name of every certificate are checked; there is no way to turn that \
          off. Upstreams with different settings never share a connection. A reload reads the files anew.",
    keys: &[
        Key::new(
            "server_name",
            Shape::Text(&SERVER_NAME),
            "The name (or IP address) that every server's certificate must be for. A name is sent as SNI, too.",
        )
        .required()
        .example("tls: { server_name: api.internal, ca_file: internal-ca.pem }"),
        Key::new("ca_file", Shape::Text(&FILE), "PEM of the authorities that may have issued the certificates.")
            .absent("the authorities of the system"),
        Key::new("client_cert_file", Shape::Text(&FILE), "The certificate that Ostia shows, leaf first.")
            .absent("none is shown"),
        Key::new("client_key_file", Shape::Text(&FILE), "Its private key.").absent("none"),
    ],
};

pub(crate) static TIMEOUTS: Section = Section {
    title: "`upstreams.*.timeouts`",
    doc: "Timeouts towards the servers of a group.",
    keys: &[
        Key::new("connect", Shape::millis(10, 300_000), "Until the connection stands, TLS included.").default("1s"),
        Key::new(
            "first_byte",
            Shape::millis(10, HOUR * 1000),
            "From the last byte of the request to the first one of the answer; 504 when it passes. An interim answer \
             (100, 103) does not count. With HTTP/2 to the servers it is always as `between_bytes`.",
        )
        .absent("as `between_bytes`"),
        Key::new("between_bytes", Shape::millis(10, HOUR * 1000), "Between two reads of the answer.").default("60s"),
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
    doc: "Connections that wait for the next request.",
    keys: &[
        Key::new(
            "connections",
            Shape::Integer { min: 0, max: 65_536 },
            "How many wait at most, for each server. With 0 none is kept. HTTP/1.1 only: HTTP/2 shares connections.",
        )
        .default("128"),
        Key::new(
            "idle",
            Shape::seconds(1, HOUR),
            "How long one is kept. Shorter than the servers keep theirs, or a request meets a closing connection.",
        )
        .default("55s"),
        Key::new(
            "min_idle",
            Shape::Integer { min: 0, max: 1024 },
            "How many always wait, made in advance: a request need not wait for a handshake. HTTP/1.1 only, not with \
             `proxy_protocol`.",
        )
        .default("0"),
    ],
};

pub(crate) static LIMITS: Section = Section {
    title: "`upstreams.*.limits`",
    doc: "Bounds on what is sent to the servers at the same time. A request beyond them waits for a place where \
          `pending` allows it, else it is answered with 503 and `Retry-After` at once.",
    keys: &[
        Key::new(
            "connections",
            Shape::Integer { min: 1, max: 1_000_000 },
            "Requests and WebSockets at one server; with HTTP/1.1 each has a connection of its own.",
        )
        .default("10000"),
        Key::new(
            "requests",
            Shape::Integer { min: 1, max: 10_000_000 },
            "Requests and WebSockets at all servers of the upstream.",
        )
        .default("100000"),
        Key::new("pending", Shape::Integer { min: 0, max: 100_000 }, "Requests that wait for a place.")
            .default("100"),
        Key::new("pending_timeout", Shape::millis(1, 60_000), "How long one waits; then 503.").default("1s"),
    ],
};

pub(super) fn protocol(fields: &Fields<'_>) -> Protocol {
    match fields.word("protocol") {
        "h2" => Protocol::H2,
        "h2c" => Protocol::H2c,
        _ => Protocol::Http1,
    }
}

pub(super) fn proxy_protocol(fields: &Fields<'_>) -> Option<ProxyProtocol> {
    let word: crate::value::Word = fields.optional("proxy_protocol")?;
    Some(if word.0 == "v1" { ProxyProtocol::V1 } else { ProxyProtocol::V2 })
}

pub(super) fn tls(fields: &Fields<'_>) -> Option<Tls> {
    if !fields.has("tls") {
        return None;
    }
    let fields = fields.section("tls");
    let (cert, key) = ("client_cert_file", "client_key_file");
    if fields.has(cert) != fields.has(key) {
        let (has, lacks) = if fields.has(cert) { (cert, key) } else { (key, cert) };
        let message = format!("`{}` does nothing without `{lacks}`", fields.sub(has));
        let finding = Finding::new(codes::TLS_PAIR, fields.key_span(has), fields.sub(has), message);
        fields.cx.findings.add(finding.help(format!("add `{lacks}`, or remove `{has}`")));
    }
    let ServerName(server_name) = fields.get("server_name");
    let client = file::readable(&fields, cert).zip(file::readable_key(&fields, key));
    Some(Tls {
        server_name,
        ca_file: file::readable(&fields, "ca_file"),
        client: client.map(|(cert_file, key_file)| ClientCertificate { cert_file, key_file }),
    })
}

pub(super) fn timeouts(fields: &Fields<'_>) -> Timeouts {
    let between_bytes = fields.get::<Duration>("between_bytes");
    Timeouts {
        connect: fields.get::<Duration>("connect"),
        first_byte: fields.optional("first_byte").unwrap_or(between_bytes),
        between_bytes,
        idle: fields.get::<Duration>("idle"),
    }
}

pub(super) fn keep_alive(fields: &Fields<'_>) -> KeepAlive {
    KeepAlive {
        connections: fields.get("connections"),
        idle: fields.get::<Duration>("idle"),
        min_idle: fields.get("min_idle"),
    }
}

pub(super) fn limits(fields: &Fields<'_>) -> Limits {
    Limits {
        connections: fields.get("connections"),
        requests: fields.get("requests"),
        pending: fields.get("pending"),
        pending_timeout: fields.get::<Duration>("pending_timeout"),
    }
}

/// Keys that contradict each other.
pub(super) fn check(fields: &Fields<'_>, protocol: Protocol) {
    if fields.cx.findings.spoils(&fields.sub("protocol")) {
        return;
    }
    match (protocol, fields.has("tls")) {
        (Protocol::H2, false) => {
            refuse(fields, "protocol", "`protocol: h2` is HTTP/2 over TLS", "add `tls`, or write `h2c`")
        }
        (Protocol::H2c, true) => {
            refuse(
                fields,
                "protocol",
                "`protocol: h2c` is HTTP/2 without TLS",
                "remove `tls`, or write `h2`",
            );
        }
        _ => {}
    }
    if protocol.is_multiplexed() {
        only_http1(&fields.section("timeouts"), &["first_byte"]);
        only_http1(&fields.section("keep_alive"), &["connections", "min_idle"]);
        only_http1(&fields.section("retry"), &["per_try_timeout"]);
    }
    let keep_alive = fields.section("keep_alive");
    if fields.has("proxy_protocol") && keep_alive.has("min_idle") {
        let message = format!("`{}` cannot stand with `proxy_protocol`", keep_alive.sub("min_idle"));
        let finding = Finding::new(
            codes::PROTOCOL_FIT,
            keep_alive.key_span("min_idle"),
            keep_alive.sub("min_idle"),
            message,
        );
        fields
            .cx
            .findings
            .add(finding.help("such a connection belongs to one client: none can be made in advance"));
    }
}

fn refuse(fields: &Fields<'_>, key: &str, message: &str, help: &str) {
    let finding =
        Finding::new(codes::PROTOCOL_FIT, fields.value_span(key), fields.sub(key), message.to_owned());
    fields.cx.findings.add(finding.help(help));
}

fn only_http1(fields: &Fields<'_>, keys: &[&str]) {
    for key in keys.iter().filter(|key| fields.has(key)) {
        let message = format!("`{}` is for HTTP/1.1 to the servers", fields.sub(key));
        let finding = Finding::new(codes::PROTOCOL_FIT, fields.key_span(key), fields.sub(key), message);
        let help = match *key {
            "connections" | "min_idle" => "HTTP/2 shares few connections: remove the key",
            _ => "with HTTP/2 `between_bytes` counts from the start: remove the key",
        };
        fields.cx.findings.add(finding.help(help));
    }
}
