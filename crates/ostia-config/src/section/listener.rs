//! `listeners`: where clients connect.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::listener::{Limits, Protocols, ProxyProtocol};
use crate::scalar::BindAddress;
use crate::section::tls;
use crate::value::{Bytes, FromText, Word};
use crate::{Listener, Name};

static ADDRESS: Grammar = <BindAddress as FromText>::GRAMMAR;
static NETWORK: Grammar = <IpNet as FromText>::GRAMMAR;
static HTTPS: Words = Words { now: &["https"], later: &[] };
static PROXY_PROTOCOL: Words = Words { now: &["refuse", "accept", "require"], later: &[] };
static PROTOCOL: Words = Words { now: &["h2", "http/1.1"], later: &["h3"] };

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const TIB: u64 = MIB * MIB;

pub(crate) static LISTENER: Section = Section {
    title: "`listeners.*`",
    doc: "Where clients connect. Without `listeners` there is one, `http`, on `127.0.0.1:8080`: for the TLS terminator \
          that runs on the same machine.",
    keys: &[
        Key::new("bind", Shape::OneOrMany(&Shape::Text(&ADDRESS)), "The addresses to listen on.")
            .required()
            .example("bind: [\"0.0.0.0:443\", \"[::]:443\"]"),
        Key::new(
            "redirect",
            Shape::Word(&HTTPS),
            "Answers every request with 308 to the same URL under `https`. Not together with `tls`.",
        )
        .absent("requests are routed")
        .example("redirect: https"),
        Key::new("tls", Shape::Section(&tls::TLS), "Terminates TLS here.").absent("plain HTTP"),
        Key::new(
            "protocols",
            Shape::Several(&Shape::Word(&PROTOCOL)),
            "What is spoken to clients. `h2` without `tls` is HTTP/2 with prior knowledge (h2c); the upgrade from \
             HTTP/1.1 does not exist any more (RFC 9113 section 3.1).",
        )
        .absent("`[h2, http/1.1]` with `tls`, `[http/1.1]` without"),
        Key::new(
            "trusted_proxies",
            Shape::List(&Shape::Text(&NETWORK)),
            "Peers whose `X-Forwarded-*`, `Forwarded` and PROXY headers are believed. Everybody else's are removed. Networks \
             wider than `/8` (IPv6: `/7`) are refused: then strangers could claim any address.",
        )
        .default("[]")
        .example("trusted_proxies: [10.9.0.0/24]"),
        Key::new("limits", Shape::Section(&LIMITS), "Bounds on what a client may send. None can be switched off."),
        Key::new(
            "proxy_protocol",
            Shape::Word(&PROXY_PROTOCOL),
            "The PROXY protocol (version 1 or 2) in front of each connection, TLS or not: `accept` takes it from \
             `trusted_proxies` and from nobody else; `require` lets only these connect, and only with it.",
        )
        .default("refuse")
        .example("proxy_protocol: accept"),
    ],
};

pub(crate) static LIMITS: Section = Section {
    title: "`listeners.*.limits`",
    doc: "Bounds of a listener.",
    keys: &[
        Key::new("connections", Shape::Integer { min: 1, max: 10_000_000 }, "Connections open at once.")
            .default("100000"),
        Key::new(
            "header_bytes",
            Shape::Size { min: KIB, max: MIB },
            "The whole request head; more is answered with 431.",
        )
        .default("16KiB"),
        Key::new(
            "headers",
            Shape::Integer { min: 1, max: 1000 },
            "Fields in a request head; more is answered with 431.",
        )
        .default("100"),
        Key::new(
            "body_bytes",
            Shape::Size { min: 0, max: TIB },
            "A request body; more is answered with 413.",
        )
        .default("100MiB"),
        Key::new(
            "header_timeout",
            Shape::millis(100, 300_000),
            "From the first byte of a request (or the accept) to the end of its head; then 408.",
        )
        .default("10s"),
        Key::new("body_timeout", Shape::millis(100, 3_600_000), "Between two reads of a request body.")
            .default("30s"),
        Key::new("keep_alive", Shape::millis(100, 3_600_000), "How long an idle connection is kept.")
            .default("75s"),
        Key::new(
            "connections_per_address",
            Shape::Integer { min: 1, max: 10_000_000 },
            "Connections open at once from one IPv4 address or one IPv6 `/64`. Peers in `trusted_proxies` are not \
             counted: they bring many clients.",
        )
        .default("4096"),
        Key::new(
            "streams_per_connection",
            Shape::Integer { min: 1, max: 1000 },
            "HTTP/2: requests in progress at once on one connection. Floods close the connection whatever is \
             written here.",
        )
        .default("128"),
    ],
};

/// What listens when nothing is written.
pub(crate) fn default_listener() -> Listener {
    Listener {
        name: Name::from("http"),
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
        redirect_to_https: false,
        tls: None,
        protocols: Protocols { http1: true, http2: false },
        trusted_proxies: Vec::new(),
        proxy_protocol: ProxyProtocol::Refuse,
        limits: Limits::default(),
    }
}

pub(crate) fn read(fields: &Fields<'_>, name: Name) -> Listener {
    let bind: Vec<BindAddress> = fields.optional("bind").unwrap_or_default();
    let tls = fields.has("tls").then(|| tls::read(&fields.section("tls")));
    Listener {
        name,
        bind: bind.into_iter().map(|BindAddress(address)| address).collect(),
        redirect_to_https: fields.optional::<Word>("redirect").is_some(),
        protocols: protocols(fields, tls.is_some()),
        tls,
        trusted_proxies: trusted_proxies(fields),
        proxy_protocol: proxy_protocol(fields),
        limits: limits(&fields.section("limits")),
    }
}

fn protocols(fields: &Fields<'_>, tls: bool) -> Protocols {
    let Some(words) = fields.optional::<Vec<Word>>("protocols") else {
        return Protocols { http1: true, http2: tls };
    };
    let has = |wanted: &str| words.iter().any(|Word(word)| *word == wanted);
    Protocols { http1: has("http/1.1"), http2: has("h2") }
}

fn trusted_proxies(fields: &Fields<'_>) -> Vec<IpNet> {
    let networks: Vec<IpNet> = fields.get("trusted_proxies");
    if let Some(at) = networks.iter().position(takes_in_strangers) {
        let items = fields.list("trusted_proxies");
        let span = items.get(at).map_or(fields.span, |(item, _)| item.span);
        let path = fields.sub("trusted_proxies");
        let finding = Finding::new(codes::TRUST_IN_ALL, span, &*path, format!("`{path}` takes in strangers"));
        fields.cx.findings.add(
            finding
                .label("they could claim any address, host and scheme")
                .help("name the networks of the proxies that stand before Ostia, and no other"),
        );
    }
    networks
}

/// A header that nobody may send would be refused as malformed HTTP, so the pair is looked at together.
fn proxy_protocol(fields: &Fields<'_>) -> ProxyProtocol {
    let rule = match fields.word("proxy_protocol") {
        "accept" => ProxyProtocol::Accept,
        "require" => ProxyProtocol::Require,
        _ => return ProxyProtocol::Refuse,
    };
    let names_nobody =
        fields.optional::<Vec<IpNet>>("trusted_proxies").is_none_or(|networks| networks.is_empty());
    if names_nobody && !fields.cx.findings.spoils(&fields.sub("trusted_proxies")) {
        let path = fields.sub("proxy_protocol");
        let message = format!("`{path}` takes headers, but `trusted_proxies` names nobody who may send them");
        let finding = Finding::new(codes::PROXY_PROTOCOL, fields.key_span("proxy_protocol"), &*path, message);
        fields.cx.findings.add(finding.help("name the proxies: `trusted_proxies: [10.9.0.0/24]`"));
    }
    rule
}

/// Wider than any private network (`10.0.0.0/8`, `fc00::/7`), or all of IPv4 in IPv6 (`::ffff:0:0/96`).
fn takes_in_strangers(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => {
            let all_of_v4 = network.network().to_ipv4_mapped().is_some() && network.prefix_len() < 104;
            network.prefix_len() < 7 || all_of_v4
        }
    }
}

fn limits(fields: &Fields<'_>) -> Limits {
    Limits {
        connections: fields.get("connections"),
        header_bytes: usize::try_from(fields.get::<Bytes>("header_bytes").0).unwrap_or(usize::MAX),
        headers: fields.get("headers"),
        body_bytes: fields.get::<Bytes>("body_bytes").0,
        header_timeout: fields.get::<Duration>("header_timeout"),
        body_timeout: fields.get::<Duration>("body_timeout"),
        keep_alive: fields.get::<Duration>("keep_alive"),
        connections_per_address: fields.get("connections_per_address"),
        streams_per_connection: fields.get("streams_per_connection"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::testing::with_yaml;

    #[test]
    fn empty_limits_are_the_defaults_of_the_model() {
        with_yaml("{}", |cx, node| {
            let fields = Fields::open(cx, Some(node), &LIMITS, "limits", node.span);
            assert_eq!(limits(&fields), Limits::default());
        });
    }
}
