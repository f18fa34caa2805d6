//! U6: servers by DNS, by SRV and in a watched file; a lookup that fails keeps the last set.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use ostia_testkit::{DnsServer, FaultUpstream, Ostia, eventually, raw};

use crate::world::BINARY;

const ROUTE: &str = "routes:\n  - { name: app, host: app.localhost, allow: anyone, upstream: app }\n";

/// The servers that answer now.
async fn serving(node: &Ostia) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for _ in 0..8 {
        let answer = raw::get_host(node.port(), "app.localhost", "/x").await.unwrap();
        names.insert(answer.field("x-server").unwrap_or("nobody").to_owned());
    }
    names
}

async fn until_served_by(node: &Ostia, names: &[&str]) {
    let wanted: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    eventually(&format!("served by {wanted:?}"), Duration::from_secs(15), async || {
        (serving(node).await == wanted).then_some(())
    })
    .await;
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

async fn lookups(node: &Ostia, outcome: &str) -> f64 {
    node.metrics().await.sum("ostia_upstream_lookups_total", &[("upstream", "app"), ("outcome", outcome)])
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_by_dns_follow_the_zone_and_outlive_its_outages() {
    let dns = DnsServer::start().await;
    let port = ostia_testkit::free_port();
    let _one = server_at("one", "127.0.0.1", port).await;
    let _two = server_at("two", "127.0.0.2", port).await;
    dns.set_addresses("app.internal", 1, &[ip("127.0.0.1")]);
    let yaml = format!(
        "upstreams:\n  app:\n    servers_dns: app.internal:{port}\n    retry: {{ attempts: 0 }}\n    \
         discovery: {{ nameservers: [\"{}\"], min_refresh: 200ms, max_refresh: 1s }}\n{ROUTE}",
        dns.address()
    );
    let node = Ostia::start(BINARY, &yaml).await;
    until_served_by(&node, &["one"]).await;
    dns.set_addresses("app.internal", 1, &[ip("127.0.0.1"), ip("127.0.0.2")]);
    until_served_by(&node, &["one", "two"]).await;
    dns.set_addresses("app.internal", 1, &[ip("127.0.0.2")]);
    until_served_by(&node, &["two"]).await;

    type Outage = fn(&DnsServer);
    let outages: [(&str, Outage); 3] = [
        ("SERVFAIL", DnsServer::fail),
        ("silence", DnsServer::keep_silent),
        ("no records", |dns| {
            dns.recover();
            dns.set_addresses("app.internal", 1, &[]);
        }),
    ];
    for (what, begin) in outages {
        let before = lookups(&node, "failed").await;
        begin(&dns);
        eventually(&format!("{what} is noticed"), Duration::from_secs(20), async || {
            (lookups(&node, "failed").await > before).then_some(())
        })
        .await;
        assert_eq!(serving(&node).await, BTreeSet::from(["two".to_owned()]), "{what} keeps the last set");
        node.reload(&format!("{yaml}# {what}\n"));
    }
    assert_eq!(serving(&node).await, BTreeSet::from(["two".to_owned()]), "a reload keeps it, too");
    dns.set_addresses("app.internal", 1, &[ip("127.0.0.1")]);
    until_served_by(&node, &["one"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_server_finishes_what_it_has() {
    let dns = DnsServer::start().await;
    let port = ostia_testkit::free_port();
    let one = server_at("one", "127.0.0.1", port).await;
    let _two = server_at("two", "127.0.0.2", port).await;
    dns.set_addresses("app.internal", 1, &[ip("127.0.0.1")]);
    let yaml = format!(
        "upstreams:\n  app:\n    servers_dns: app.internal:{port}\n    \
         discovery: {{ nameservers: [\"{}\"], min_refresh: 200ms, max_refresh: 1s }}\n{ROUTE}",
        dns.address()
    );
    let node = Ostia::start(BINARY, &yaml).await;
    until_served_by(&node, &["one"]).await;
    let before = one.requests();
    let slow = tokio::spawn(raw::get_host(node.port(), "app.localhost", "/slow/4000"));
    eventually("it is under way", Duration::from_secs(5), async || (one.requests() > before).then_some(()))
        .await;
    dns.set_addresses("app.internal", 1, &[ip("127.0.0.2")]);
    until_served_by(&node, &["two"]).await;
    let answer = slow.await.unwrap().unwrap();
    assert_eq!((answer.status, answer.field("x-server")), (200, Some("one")));
}

#[tokio::test(flavor = "multi_thread")]
async fn srv_records_bring_port_weight_and_priority() {
    let dns = DnsServer::start().await;
    let (light, heavy) = (FaultUpstream::start("light").await, FaultUpstream::start("heavy").await);
    let spare = FaultUpstream::start("spare").await;
    let port = |server: &FaultUpstream| server.address().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    dns.set_addresses("a.internal", 1, &[ip("127.0.0.1")]);
    let all = [
        (10, 1, port(&light), "a.internal"),
        (10, 3, port(&heavy), "a.internal"),
        (20, 1, port(&spare), "a.internal"),
    ];
    dns.set_services("_http._tcp.app.internal", 1, &all);
    let yaml = format!(
        "upstreams:\n  app:\n    servers_srv: _http._tcp.app.internal\n    \
         discovery: {{ nameservers: [\"{}\"], min_refresh: 200ms, max_refresh: 1s }}\n{ROUTE}",
        dns.address()
    );
    let node = Ostia::start(BINARY, &yaml).await;
    until_served_by(&node, &["light", "heavy"]).await;
    let before = (light.requests(), heavy.requests());
    for _ in 0..80 {
        assert_eq!(raw::get_host(node.port(), "app.localhost", "/x").await.unwrap().status, 200);
    }
    assert_eq!((light.requests() - before.0, heavy.requests() - before.1), (20, 60));
    assert_eq!(spare.requests(), 0, "of a lower rank while others serve");
    dns.set_services("_http._tcp.app.internal", 1, &all[2..]);
    until_served_by(&node, &["spare"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_file_is_read_anew_after_each_rename() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (FaultUpstream::start("one").await, FaultUpstream::start("two").await);
    let replace = |text: &str| replace(folder.path(), text);
    replace(&format!("# the servers\n{}\n", one.address()));
    let yaml = format!("upstreams:\n  app: {{ servers_file: {}/servers }}\n{ROUTE}", folder.path().display());
    let node = Ostia::start(BINARY, &yaml).await;
    until_served_by(&node, &["one"]).await;
    replace(&format!("- {}\n- {{ address: \"{}\", weight: 2 }}\n", one.address(), two.address()));
    until_served_by(&node, &["one", "two"]).await;
    for broken in ["", "nobody\n", "- {\n"] {
        let before = lookups(&node, "failed").await;
        replace(broken);
        eventually("it is noticed", Duration::from_secs(10), async || {
            (lookups(&node, "failed").await > before).then_some(())
        })
        .await;
        assert_eq!(serving(&node).await.len(), 2, "{broken:?} keeps the last set");
    }
    std::fs::remove_file(folder.path().join("servers")).unwrap();
    replace(&format!("{}\n", two.address()));
    until_served_by(&node, &["two"]).await;
}

/// Replaces the file as careful programs do.
fn replace(folder: &Path, text: &str) {
    std::fs::write(folder.join("next"), text).unwrap();
    std::fs::rename(folder.join("next"), folder.join("servers")).unwrap();
}

/// A server on another address of loopback, with the port that all have.
async fn server_at(name: &str, ip: &str, port: u16) -> FaultUpstream {
    FaultUpstream::at_address(name, (self::ip(ip), port).into(), None).await
}
