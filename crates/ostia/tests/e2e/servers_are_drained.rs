//! U3: a server that drains keeps its sessions until the deadline and gets no new ones; one that rests gets nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use ostia_testkit::{EchoUpstream, Ostia, eventually, raw};
use serde_json::Value;

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
    let status: Value = serde_json::from_str(&node.succeeds(&["status", "--format", "json"]).await).unwrap();
    let servers = status["upstreams"]["app"]["servers"].as_array().unwrap().clone();
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
