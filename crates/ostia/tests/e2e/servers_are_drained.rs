//! U3: a server that drains keeps its sessions until the deadline and gets no new ones; one that rests gets nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use ostia_testkit::{EchoUpstream, Ostia, eventually, raw};

use crate::world::World;

const PUBLIC: &str = "routes:\n  - { host: app.localhost, allow: anyone, upstream: app }\n";
const DEADLINE: Duration = Duration::from_secs(15);

async fn servers(count: usize) -> Vec<EchoUpstream> {
    let mut servers = Vec::new();
    for number in 1..=count {
        servers.push(EchoUpstream::start(&format!("server-{number}")).await);
    }
    servers
}

fn upstream(servers: &[EchoUpstream], more: &str) -> String {
    let addresses: Vec<String> = servers.iter().map(|server| format!("\"{}\"", server.address())).collect();
    format!("upstreams:\n  app: {{ servers: [{}]{more} }}\n{PUBLIC}", addresses.join(", "))
}

async fn server_of(node: &Ostia) -> Option<String> {
    let answer = raw::get_host(node.port(), "app.localhost", "/x").await?;
    answer.field("x-server").map(str::to_owned)
}

async fn serving(node: &Ostia, count: usize) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for _ in 0..count {
        seen.insert(server_of(node).await.unwrap());
    }
    seen
}

/// How a server stands, by `ostia status`.
async fn state_of(node: &Ostia, address: &str) -> String {
    let servers = node.servers("app").await;
    let server = servers.iter().find(|server| server["address"] == address);
    server.map_or("gone".to_owned(), |server| server["state"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_at_rest_or_in_drain_gets_nothing_new_and_the_order_survives_reloads() {
    let world = World::new().await;
    let two = servers(2).await;
    let yaml = upstream(&two, "");
    let node = world.start(&yaml).await;
    let (name, address) = (format!("app/{}", two[0].address()), two[0].address());
    assert_eq!(serving(&node, 4).await.len(), 2);
    for (order, state) in [("drain", "draining"), ("maint", "maintenance")] {
        let told = node.succeeds(&["server", order, &name]).await;
        assert!(told.contains(state), "{told}");
        assert_eq!(serving(&node, 10).await, BTreeSet::from(["server-2".to_owned()]));
        // Another section of the same upstream, and another one as a whole.
        node.write_config(&upstream(&two, ", retry: { attempts: 2 }"));
        node.succeeds(&["reload"]).await;
        assert_eq!(state_of(&node, &address).await, state);
        assert_eq!(serving(&node, 10).await, BTreeSet::from(["server-2".to_owned()]));
        node.succeeds(&["server", "ready", &name]).await;
        assert_eq!(state_of(&node, &address).await, "serving");
        assert_eq!(serving(&node, 4).await.len(), 2);
        node.write_config(&yaml);
        node.succeeds(&["reload"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_orders_by_a_word_that_changes() {
    let world = World::new().await;
    let two = servers(2).await;
    let yaml = |state: &str| {
        format!(
            "upstreams:\n  app:\n    servers: [{{ address: \"{}\", state: {state} }}, \"{}\"]\n{PUBLIC}",
            two[0].address(),
            two[1].address()
        )
    };
    let node = world.start(&yaml("maint")).await;
    let (name, address) = (format!("app/{}", two[0].address()), two[0].address());
    assert_eq!(serving(&node, 10).await, BTreeSet::from(["server-2".to_owned()]));
    node.succeeds(&["server", "ready", &name]).await;
    node.succeeds(&["reload"]).await;
    assert_eq!(state_of(&node, &address).await, "serving", "the same word again is no new order");
    node.write_config(&yaml("drain"));
    node.succeeds(&["reload"]).await;
    assert_eq!(state_of(&node, &address).await, "draining");
    node.write_config(&yaml("ready"));
    node.succeeds(&["reload"]).await;
    assert_eq!(serving(&node, 4).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_server_finishes_what_it_has_and_is_forgotten() {
    let world = World::new().await;
    let two = servers(2).await;
    let node = world.start(&upstream(&two, ", drain_timeout: 500ms")).await;
    let port = node.port();
    // Round robin: one of these two waits at the first server.
    let slow: Vec<_> = (0..2)
        .map(|_| {
            tokio::spawn(async move { raw::get_host(port, "app.localhost", "/slow").await.unwrap().status })
        })
        .collect();
    eventually("both are asked", DEADLINE, async || {
        (two[0].count() == 1 && two[1].count() == 1).then_some(())
    })
    .await;
    node.write_config(&upstream(&two[1..], ", drain_timeout: 500ms"));
    node.succeeds(&["reload"]).await;
    assert_eq!(state_of(&node, &two[0].address()).await, "draining");
    eventually("its drain is over", DEADLINE, async || {
        (state_of(&node, &two[0].address()).await == "drained").then_some(())
    })
    .await;
    assert_eq!(serving(&node, 10).await, BTreeSet::from(["server-2".to_owned()]));
    two.iter().for_each(|server| server.release(1));
    for slow in slow {
        assert_eq!(slow.await.unwrap(), 200, "what was in flight is finished");
    }
    eventually("it is forgotten", Duration::from_secs(25), async || {
        (state_of(&node, &two[0].address()).await == "gone").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_of_a_draining_server_stay_until_its_deadline_and_then_move() {
    let world = World::new().await;
    let two = servers(2).await;
    let yaml = format!(
        "{}{}",
        world.sessions_section(""),
        upstream(&two, ", balance: random, affinity: { cookie: server }, drain_timeout: 4s")
    );
    let node = world.start(&yaml).await;
    let ask = async |cookie: &str| {
        let head = format!("GET /x HTTP/1.1\r\nHost: app.localhost\r\nCookie: {cookie}\r\n\r\n");
        let answer = raw::send(node.port(), head).await.unwrap();
        let set = answer.field("set-cookie").map(|field| field.split(';').next().unwrap().to_owned());
        (answer.field("x-server").unwrap().to_owned(), set)
    };
    let old = eventually("somebody comes to the first server", DEADLINE, async || {
        let (server, cookie) = ask("").await;
        cookie.filter(|_| server == "server-1")
    })
    .await;
    let name = format!("app/{}", two[0].address());
    node.succeeds(&["server", "drain", &name]).await;
    for _ in 0..10 {
        assert_eq!(ask(&old).await, ("server-1".to_owned(), None), "an old browser stays");
        assert_eq!(ask("").await.0, "server-2", "a new one goes elsewhere");
    }
    eventually("the drain is over", DEADLINE, async || (ask(&old).await.0 == "server-2").then_some(())).await;
    assert_eq!(state_of(&node, &two[0].address()).await, "drained");
    node.succeeds(&["server", "ready", &name]).await;
    assert_eq!(ask(&old).await, ("server-1".to_owned(), None), "and it comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_answers_fail_is_ejected_told_and_tried_again() {
    let world = World::new().await;
    let two = servers(2).await;
    let more = ", retry: { attempts: 0 }, outlier: { consecutive_failures: 3, statuses: [500], eject: 2s }";
    let node = world.start(&upstream(&two, more)).await;
    let address = two[0].address();
    two[0].fail_with(Some(500));
    eventually("it is ejected", DEADLINE, async || {
        let _ = server_of(&node).await;
        (state_of(&node, &address).await == "ejected").then_some(())
    })
    .await;
    assert_eq!(serving(&node, 6).await, BTreeSet::from(["server-2".to_owned()]));
    let table = node.succeeds(&["status"]).await;
    assert!(table.contains("its answers"), "{table}");
    assert_eq!(node.metrics().await.sum("ostia_upstream_ejections_total", &[("upstream", "app")]), 1.0);
    two[0].fail_with(None);
    eventually("it is tried again", DEADLINE, async || {
        (server_of(&node).await.as_deref() == Some("server-1")).then_some(())
    })
    .await;
    assert_eq!(state_of(&node, &address).await, "serving");
}
