//! U1 on three nodes: a session has one server, whichever node is asked, over restarts and reloads of any of them.

use std::time::Duration;

use ostia_testkit::{Browser, EchoUpstream, Ostia, eventually};

use crate::world::{APP, POLICIES, World, signed_in};

const PEOPLE: usize = 6;

/// Which server the session of a browser is led to by a node.
async fn server_by(world: &World, node: &Ostia, browser: &Browser) -> String {
    world.lead_to(node);
    let page = browser.fetch(&format!("{APP}/x")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    page.field("x-server").unwrap().to_owned()
}

async fn servers_by(world: &World, node: &Ostia, people: &[Browser]) -> Vec<String> {
    let mut servers = Vec::new();
    for browser in people {
        servers.push(server_by(world, node, browser).await);
    }
    servers
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_lead_a_session_to_one_server_over_restarts_and_reloads() {
    let world = World::new().await;
    let mut servers = Vec::new();
    for number in 1..=5 {
        servers.push(EchoUpstream::start(&format!("server-{number}")).await);
    }
    let yaml = |order: &[usize], more: &str| {
        let addresses: Vec<String> =
            order.iter().map(|at| format!("\"{}\"", servers[*at].address())).collect();
        let upstream = format!(
            "upstreams:\n  app: {{ servers: [{}], balance: consistent_hash, affinity: session{more} }}\n",
            addresses.join(", ")
        );
        let route = "routes:\n  - { name: app, host: app.localhost, allow: staff, upstream: app }\n";
        [&world.provider_section(), POLICIES, &upstream, route].concat()
    };
    // Each node has the list in another order.
    let orders = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]];
    let mut nodes = Vec::new();
    for order in &orders {
        nodes.push(world.start(&yaml(order, "")).await);
    }
    let mut people = Vec::new();
    for at in 0..PEOPLE {
        world.lead_to(&nodes[at % 3]);
        let browser = Browser::new(&world.names);
        signed_in(&browser, "/").await;
        people.push(browser);
    }
    let homes = servers_by(&world, &nodes[0], &people).await;
    assert!(homes.iter().any(|home| *home != homes[0]), "six sessions on five servers are not all on one");
    for node in &nodes[1..] {
        assert_eq!(servers_by(&world, node, &people).await, homes);
    }
    // One is reloaded, one starts again, one does neither.
    nodes[0].write_config(&yaml(&orders[1], ", retry: { attempts: 2 }"));
    nodes[0].succeeds(&["reload"]).await;
    drop(nodes.remove(1));
    nodes.push(world.start(&yaml(&orders[2], "")).await);
    for node in &nodes {
        assert_eq!(servers_by(&world, node, &people).await, homes);
    }
    // With a server fewer its own sessions move, alike on all nodes, and the others stay; then they come back.
    let gone: usize = homes[0].rsplit('-').next().unwrap().parse::<usize>().unwrap() - 1;
    let rest: Vec<usize> = (0..5).filter(|at| *at != gone).collect();
    for node in &nodes {
        node.write_config(&yaml(&rest, ", drain_timeout: 0s"));
        node.succeeds(&["reload"]).await;
    }
    let refuge = servers_by(&world, &nodes[0], &people).await;
    for (home, now) in homes.iter().zip(&refuge) {
        assert_eq!(home == now, *home != homes[0], "{home} is now {now}");
    }
    for node in &nodes[1..] {
        assert_eq!(servers_by(&world, node, &people).await, refuge);
    }
    for node in &nodes {
        node.write_config(&yaml(&orders[0], ""));
        node.succeeds(&["reload"]).await;
        eventually("everybody is home", Duration::from_secs(10), async || {
            (servers_by(&world, node, &people).await == homes).then_some(())
        })
        .await;
    }
}
