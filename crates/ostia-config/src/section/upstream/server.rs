//! The servers of a group.

use std::net::SocketAddr;

use crate::Name;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::source::Span;
use crate::tree::{Node, Value};
use crate::upstream::Server;
use crate::value::{Context, Place, Read as _, Wrong};

pub(super) static ADDRESS: Grammar =
    Grammar { name: "an address such as `10.0.0.10:8080`", pattern: "^.+:[0-9]{1,5}$" };

pub(crate) static SERVER: Section = Section {
    title: "`upstreams.*.servers[]`",
    doc: "One server of a group; an address alone is short for `{ address: … }`.",
    keys: &[
        Key::new("address", Shape::Text(&ADDRESS), "An IP address or a name, and a port.").required(),
        Key::new("weight", Shape::Integer { min: 1, max: 1000 }, "Its share, relative to the other weights.")
            .default("1"),
        Key::new("backup", Shape::Bool, "Used only when no other server is healthy.").default("false"),
        Key::later("zone"),
    ],
};

pub(super) fn read_all(fields: &Fields<'_>, group: &Name) -> Vec<Server> {
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
        let Some(server) = read(fields.cx, node, &path) else { continue };
        match servers.iter().find(|(other, _)| other.address == server.address) {
            Some((_, first)) => refuse_twice(fields.cx, node, &path, *first),
            None => servers.push((server, node.span)),
        }
    }
    let servers: Vec<Server> = servers.into_iter().map(|(server, _)| server).collect();
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

fn read(cx: &Context<'_>, node: &Node, path: &str) -> Option<Server> {
    if let Value::Scalar(_) = node.value {
        let place = Place { cx, node, shape: Shape::Text(&ADDRESS), path };
        return Some(Server { address: address(place)?, weight: 1, backup: false });
    }
    let fields = Fields::open(cx, Some(node), &SERVER, path, node.span);
    let path = fields.sub("address");
    let node = fields.node("address");
    let address =
        node.and_then(|node| address(Place { cx, node, shape: Shape::Text(&ADDRESS), path: &path }));
    let (weight, backup) = (fields.get("weight"), fields.get("backup"));
    Some(Server { address: address?, weight, backup })
}

fn address(place: Place<'_>) -> Option<SocketAddr> {
    let text = String::read(place)?;
    resolve(place.cx, &text).map_err(|wrong| place.refuse(wrong)).ok()
}

/// The address that a text stands for; the first one, when a name has several.
pub(crate) fn resolve(cx: &Context<'_>, text: &str) -> Result<SocketAddr, Wrong> {
    let wrong = |reason: &str| Wrong::new(reason).code(codes::SERVER_ADDRESS);
    if let Ok(address) = text.parse::<SocketAddr>() {
        return if address.port() == 0 { Err(wrong("has the port 0")) } else { Ok(address) };
    }
    if text.contains("://") {
        return Err(wrong("is a URL").help("an address and a port: `10.0.0.10:8080`"));
    }
    let port = text.rsplit_once(':').and_then(|(name, port)| (!name.is_empty()).then_some(port));
    if !port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port != 0)) {
        return Err(wrong("has no port").help("an address and a port: `10.0.0.10:8080`, IPv6 in brackets"));
    }
    let found = cx.environment.resolve(text).map_err(|_| wrong("does not resolve to an address"))?;
    found.into_iter().next().ok_or_else(|| wrong("does not resolve to an address"))
}

fn refuse_twice(cx: &Context<'_>, node: &Node, path: &str, first: Span) {
    let message = "the same server is in this group twice";
    let finding = Finding::new(codes::SAME_SERVER, node.span, path, message).related(first, "first here");
    cx.findings.add(finding.help("give one entry the `weight` of both"));
}
