//! What `/status` and `ostia status` tell of upstreams: what waits, what is connected, the load, lookups, failures.

use std::time::Duration;

use ostia_testkit::{DnsServer, FaultUpstream, Ostia, eventually, free_port, raw};
use serde_json::Value;

use crate::upstream_connections::yaml;
use crate::world::BINARY;

const DEADLINE: Duration = Duration::from_secs(20);

/// What is told of the upstream `app`.
async fn upstream(node: &Ostia) -> Value {
    let status = raw::get(node.admin_port(), "/status").await.unwrap().json();
    status["upstreams"]["app"].clone()
}

/// The line of the table that begins with `beginning`, its words one space apart.
async fn line(node: &Ostia, beginning: &str) -> String {
    let page = node.succeeds(&["status"]).await;
    let found = page.lines().map(str::trim).find(|line| line.starts_with(beginning));
    let words = found.unwrap_or_else(|| unreachable!("{beginning:?} is in\n{page}")).split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_waits_what_is_connected_and_the_load_of_each_server() {
    let one = FaultUpstream::start("one").await;
    let limits = "limits: { connections: 2, pending: 10, pending_timeout: 1m }";
    let node = Ostia::start(BINARY, &yaml(&[&one], limits)).await;
    let idle = upstream(&node).await;
    let server = |told: &Value, key: &str| told["servers"][0][key].clone();
    assert_eq!((&idle["pending"], &idle["connections"]), (&0.into(), &0.into()));
    assert_eq!((server(&idle, "in_flight"), server(&idle, "requests")), (0.into(), 0.into()));
    assert!(idle.get("discovery").is_none(), "its servers are listed: {idle}");

    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = raw::Connection::open(node.port()).await.unwrap();
        client.send(b"GET /silent HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await;
        clients.push(client);
    }
    let busy = eventually("three wait for two", DEADLINE, async || {
        let told = upstream(&node).await;
        (told["pending"] == 3 && told["connections"] == 2).then_some(told)
    })
    .await;
    assert_eq!((server(&busy, "in_flight"), server(&busy, "state")), (2.into(), "serving".into()));
    assert_eq!(
        line(&node, "upstream app").await,
        "upstream app (round_robin): 2 connections, 3 requests wait"
    );
    let row = line(&node, one.address()).await;
    // server, state, since, in flight, requests, failed, ejected
    let cells: Vec<&str> = row.split(' ').collect();
    assert_eq!((cells[0], cells[1], cells[3], cells[5], cells[6]), (one.address(), "serving", "2", "0", "0"));

    drop(clients);
    eventually("all have left", DEADLINE, async || {
        let told = upstream(&node).await;
        let is_idle = told["pending"] == 0 && told["connections"] == 0 && server(&told, "in_flight") == 0;
        is_idle.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_when_servers_were_looked_up_and_what_came_of_it() {
    let (dns, one) = (DnsServer::start().await, FaultUpstream::start("one").await);
    let port = one.address().rsplit(':').next().unwrap();
    dns.set_addresses("app.internal", 1, &["127.0.0.1".parse().unwrap()]);
    let yaml = format!(
        "upstreams:\n  app:\n    servers_dns: app.internal:{port}\n    \
         discovery: {{ nameservers: [\"{}\"], min_refresh: 200ms, max_refresh: 1s }}\n\
         routes: [{{ host: app.localhost, allow: anyone, upstream: app }}]\n",
        dns.address()
    );
    let node = Ostia::start(BINARY, &yaml).await;
    let good = eventually("it was looked up again", DEADLINE, async || {
        let told = upstream(&node).await["discovery"].clone();
        (told["succeeded"].as_u64() >= Some(2)).then_some(told)
    })
    .await;
    assert_eq!((&good["failed"], good.get("why")), (&0.into(), None), "{good}");
    let last = good["last"].as_str().unwrap().to_owned();
    assert!(line(&node, "looked up").await.starts_with("looked up 2"));

    dns.fail();
    let bad = eventually("it fails", DEADLINE, async || {
        let told = upstream(&node).await["discovery"].clone();
        (told["failed"].as_u64() >= Some(1)).then_some(told)
    })
    .await;
    assert!(bad["why"].as_str().is_some_and(|why| !why.is_empty()), "{bad}");
    assert!(bad["last"].as_str().unwrap() > last.as_str(), "a later time: {bad}");
    let told = line(&node, "looked up").await;
    assert!(
        told.starts_with("looked up in vain 2") && told.ends_with("; the servers of before stay"),
        "{told}"
    );
    assert_eq!(upstream(&node).await["servers"].as_array().map(Vec::len), Some(1), "the server stayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_failures_refused_connections_and_ejections_with_their_ends() {
    let sick = FaultUpstream::start("sick").await;
    sick.answer_as_if_asked_for("/status/500");
    let closed = format!("127.0.0.1:{}", free_port());
    let yaml = format!(
        "upstreams:\n  app:\n    servers: [\"{}\"]\n    \
         outlier: {{ consecutive_failures: 3, statuses: [500], eject: 10m, max_eject: 10m, max_ejected: 100% }}\n  \
         gone: {{ servers: [\"{closed}\"], retry: {{ attempts: 0 }} }}\n\
         routes:\n  - {{ host: app.localhost, allow: anyone, upstream: app }}\n  \
         - {{ host: gone.localhost, allow: anyone, upstream: gone }}\n",
        sick.address()
    );
    let node = Ostia::start(BINARY, &yaml).await;
    for _ in 0..3 {
        assert_eq!(raw::get_host(node.port(), "app.localhost", "/x").await.unwrap().status, 500);
        assert_eq!(raw::get_host(node.port(), "gone.localhost", "/x").await.unwrap().status, 502);
    }
    let told = upstream(&node).await["servers"][0].clone();
    assert_eq!(
        (&told["state"], &told["failures"], &told["ejections"]),
        (&"ejected".into(), &3.into(), &1.into())
    );
    assert!(told["ends_in_seconds"].as_f64().is_some_and(|left| left > 500.0 && left <= 600.0), "{told}");
    let row = line(&node, sick.address()).await;
    assert!(row.contains(" ejected (") && row.contains(" s left) "), "{row}");
    let gone = node.servers("gone").await;
    assert_eq!((&gone[0]["connect_failures"], &gone[0]["ejections"]), (&3.into(), &0.into()), "{gone:?}");
}
