//! Where the servers of a group are found, when they are not listed.

use std::time::Duration;

use crate::Name;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::scalar::{DnsName, DnsServer, Nameserver};
use crate::upstream::{Discovery, Source};
use crate::value::FromText;

static NAMESERVER: Grammar = <Nameserver as FromText>::GRAMMAR;
pub(super) static DNS_SERVER: Grammar = <DnsServer as FromText>::GRAMMAR;
pub(super) static DNS_NAME: Grammar = <DnsName as FromText>::GRAMMAR;

/// The keys that say where servers are; one of them is there.
const SOURCES: [&str; 4] = ["servers", "servers_dns", "servers_srv", "servers_file"];

pub(crate) static DISCOVERY: Section = Section {
    title: "`upstreams.*.discovery`",
    doc: "How servers are looked for with `servers_dns` and `servers_srv`. What was found last stays in force while a \
          lookup fails or finds nothing.",
    keys: &[
        Key::new(
            "min_refresh",
            Shape::millis(100, 3_600_000),
            "No lookup sooner than this after the last one, whatever the TTL says.",
        )
        .default("5s"),
        Key::new(
            "max_refresh",
            Shape::millis(1000, 24 * 3_600_000),
            "A lookup at least this often, whatever the TTL says.",
        )
        .default("5m"),
        Key::new(
            "nameservers",
            Shape::Several(&Shape::Text(&NAMESERVER)),
            "Whom to ask: addresses, with a port where it is not 53.",
        )
        .absent("those of the system (`/etc/resolv.conf`)")
        .example("discovery: { nameservers: [127.0.0.1:8600] }"),
    ],
};

/// `None` for a list of servers.
pub(super) fn read(fields: &Fields<'_>, group: &Name) -> Option<Discovery> {
    let written: Vec<&str> = SOURCES.into_iter().filter(|key| fields.has(key)).collect();
    if let [first, second, ..] = written.as_slice() {
        let message = format!("upstream `{group}` has both `{first}` and `{second}`");
        let finding =
            Finding::new(codes::SERVER_SOURCES, fields.key_span(second), fields.sub(second), message);
        let finding = finding.related(fields.key_span(first), "the other");
        fields.cx.findings.add(finding.help("servers come from one place: remove one of the keys"));
        return None;
    }
    let source = source(fields);
    let looks_up = fields.has("servers_dns") || fields.has("servers_srv");
    if fields.has("discovery") && !looks_up && !fields.cx.findings.spoils(&fields.path) {
        let message =
            format!("`{}` does nothing without `servers_dns` or `servers_srv`", fields.sub("discovery"));
        let finding = Finding::new(
            codes::SERVER_SOURCES,
            fields.key_span("discovery"),
            fields.sub("discovery"),
            message,
        );
        fields.cx.findings.add(finding.help("remove the key: nothing is looked up here"));
    }
    let section = fields.section("discovery");
    let nameservers: Vec<Nameserver> = section.optional("nameservers").unwrap_or_default();
    let (min_refresh, max_refresh): (Duration, Duration) =
        (section.get("min_refresh"), section.get("max_refresh"));
    if min_refresh > max_refresh && !section.cx.findings.spoils(&section.path) {
        let key = if section.has("max_refresh") { "max_refresh" } else { "min_refresh" };
        let message = format!("`{}`: the shortest time is longer than the longest", section.sub(key));
        let finding = Finding::new(codes::SERVER_SOURCES, section.key_span(key), section.sub(key), message);
        section.cx.findings.add(finding.help("`min_refresh` is at most `max_refresh`"));
    }
    Some(Discovery {
        source: source?,
        min_refresh,
        max_refresh,
        nameservers: nameservers.into_iter().map(|Nameserver(address)| address).collect(),
    })
}

fn source(fields: &Fields<'_>) -> Option<Source> {
    if fields.has("servers_dns") {
        let DnsServer { name, port } = fields.optional("servers_dns")?;
        return Some(Source::Dns { name, port });
    }
    if fields.has("servers_srv") {
        let DnsName(name) = fields.optional("servers_srv")?;
        return Some(Source::Srv { name });
    }
    Some(Source::File { path: file::readable(fields, "servers_file")? })
}
