//! The servers of a group.

use std::net::SocketAddr;
use std::path::Path;

use crate::Name;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words, did_you_mean};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::section::NAME;
use crate::source::Span;
use crate::tree::{Node, Value};
use crate::upstream::{Mode, Server, ServerAddress};
use crate::value::{Context, Place, Read as _, Wrong};

static STATE: Words = Words { now: &["ready", "drain", "maint"], later: &[] };
pub(super) static ADDRESS: Grammar =
    Grammar { name: "an address such as `10.0.0.10:8080`", pattern: "^(unix:/.+|.+:[0-9]{1,5})$" };
/// `sun_path` without its end (unix(7)).
const MAX_SOCKET_PATH: usize = 107;

pub(crate) static SERVER: Section = Section {
    title: "`upstreams.*.servers[]`",
    doc: "One server of a group; an address alone is short for `{ address: … }`.",
    keys: &[
        Key::new(
            "address",
            Shape::Text(&ADDRESS),
            "An IP address or a name, and a port; or `unix:` and the absolute path of a socket.",
        )
        .required(),
        Key::new(
            "weight",
            Shape::Integer { min: 0, max: 1000 },
            "Its share, relative to the other weights. With 0 it gets no requests.",
        )
        .default("1"),
        Key::new("backup", Shape::Bool, "Used only when no other server is healthy.").default("false"),
        Key::new("zone", Shape::Text(&NAME), "One of `zones`.").absent("no zone: after all zones"),
        Key::new(
            "state",
            Shape::Word(&STATE),
            "What the server is for: to serve, to drain (sessions that began before come back to it until \
             `drain_timeout`, nobody else), to rest. A word that changed at a reload counts against what \
             `ostia server` ordered; one that stayed the same does not.",
        )
        .default("ready"),
    ],
};

pub(super) fn read_all(fields: &Fields<'_>, group: &Name, zones: &[Name]) -> Vec<Server> {
    let nodes = fields.list("servers");
    let discovered = ["servers_dns", "servers_srv", "servers_file"].iter().any(|key| fields.has(key));
    if nodes.is_empty() && !discovered && !fields.cx.findings.spoils(&fields.path) {
        let message = format!("upstream `{group}` has no servers");
        let finding =
            Finding::new(codes::NO_SERVERS, fields.key_span("servers"), fields.sub("servers"), message);
        fields.cx.findings.add(finding.help("`servers: [10.0.0.10:8080]`"));
    }
    let count = nodes.len();
    let mut servers: Vec<(Server, Span)> = Vec::new();
    for (node, path) in nodes {
        let Some(server) = read(fields.cx, node, &path, zones) else { continue };
        match servers.iter().find(|(other, _)| other.address == server.address) {
            Some((_, first)) => refuse_twice(fields.cx, node, &path, *first),
            None => servers.push((server, node.span)),
        }
    }
    let servers: Vec<Server> = servers.into_iter().map(|(server, _)| server).collect();
    if count > 0 && count == servers.len() && servers.iter().all(|server| server.weight == 0) {
        let message = format!("upstream `{group}` has only servers of weight 0");
        let finding =
            Finding::new(codes::ONLY_BACKUPS, fields.key_span("servers"), fields.sub("servers"), message);
        fields.cx.findings.add(finding.help("a server of weight 0 gets no requests: give one a weight"));
        return servers;
    }
    if count > 0 && count == servers.len() && servers.iter().all(|server| server.backup) {
        let message = format!("upstream `{group}` has only backup servers");
        let finding =
            Finding::new(codes::ONLY_BACKUPS, fields.key_span("servers"), fields.sub("servers"), message);
        fields
            .cx
            .findings
            .add(finding.help("a backup waits for others to fail: remove `backup` from at least one"));
    }
    servers
}

pub(super) fn read(cx: &Context<'_>, node: &Node, path: &str, zones: &[Name]) -> Option<Server> {
    if let Value::Scalar(_) = node.value {
        let place = Place { cx, node, shape: Shape::Text(&ADDRESS), path };
        return Some(Server::at(address(place)?));
    }
    let fields = Fields::open(cx, Some(node), &SERVER, path, node.span);
    let path = fields.sub("address");
    let node = fields.node("address");
    let address =
        node.and_then(|node| address(Place { cx, node, shape: Shape::Text(&ADDRESS), path: &path }));
    let (weight, backup) = (fields.get("weight"), fields.get("backup"));
    let mode = match fields.word("state") {
        "drain" => Mode::Drain,
        "maint" => Mode::Maint,
        _ => Mode::Ready,
    };
    Some(Server { weight, backup, zone: zone(&fields, zones), mode, ..Server::at(address?) })
}

/// A zone without its place in the order would be a word that does nothing.
fn zone(fields: &Fields<'_>, zones: &[Name]) -> Option<Name> {
    let zone = fields.optional::<Name>("zone")?;
    if !zones.contains(&zone) {
        let message =
            format!("`{}` names a zone that is not in `zones`: `{}`", fields.path, fields.shown("zone"));
        let finding = Finding::new(codes::ZONE, fields.value_span("zone"), fields.sub("zone"), message);
        let known: Vec<&str> = zones.iter().map(Name::as_str).collect();
        let help = did_you_mean(&zone, known.iter().copied()).unwrap_or_else(|| {
            "`zones: [rack-1, rack-2]` of the upstream is the order in which zones serve".to_owned()
        });
        fields.cx.findings.add(finding.help(help));
    }
    Some(zone)
}

fn address(place: Place<'_>) -> Option<ServerAddress> {
    let text = String::read(place)?;
    resolve(place.cx, &text).map_err(|wrong| place.refuse(wrong)).ok()
}

/// The address that a text stands for; the first one, when a name has several.
pub(crate) fn resolve(cx: &Context<'_>, text: &str) -> Result<ServerAddress, Wrong> {
    let wrong = |reason: &str| Wrong::new(reason).code(codes::SERVER_ADDRESS);
    if let Some(path) = text.strip_prefix("unix:") {
        let is_whole = path.starts_with('/') && path.len() <= MAX_SOCKET_PATH;
        let help = "an absolute path of at most 107 bytes: `unix:/run/app.sock`";
        return if is_whole {
            Ok(ServerAddress::Unix(Path::new(path).into()))
        } else {
            Err(wrong("is no unix socket").help(help))
        };
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return if address.port() == 0 { Err(wrong("has the port 0")) } else { Ok(address.into()) };
    }
    if text.contains("://") {
        return Err(wrong("is a URL").help("an address and a port: `10.0.0.10:8080`"));
    }
    let port = text.rsplit_once(':').and_then(|(name, port)| (!name.is_empty()).then_some(port));
    if !port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port != 0)) {
        return Err(wrong("has no port").help("an address and a port: `10.0.0.10:8080`, IPv6 in brackets"));
    }
    let found = cx.environment.resolve(text).map_err(|_| wrong("does not resolve to an address"))?;
    found.into_iter().next().map(Into::into).ok_or_else(|| wrong("does not resolve to an address"))
}

fn refuse_twice(cx: &Context<'_>, node: &Node, path: &str, first: Span) {
    let message = "the same server is in this group twice";
    let finding = Finding::new(codes::SAME_SERVER, node.span, path, message).related(first, "first here");
    cx.findings.add(finding.help("give one entry the `weight` of both"));
}
