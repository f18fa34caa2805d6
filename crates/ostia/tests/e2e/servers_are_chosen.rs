//! U1, U2: the same server for the same key on all nodes and after a restart; dead servers are left and returned to.

use std::collections::HashMap;
use std::time::Duration;

use ostia_testkit::{Browser, EchoUpstream, Ostia, eventually, raw};

use crate::world::{APP, POLICIES, World, signed_in};

async fn servers(count: usize) -> Vec<EchoUpstream> {
    let mut servers = Vec::new();
    for number in 1..=count {
        servers.push(EchoUpstream::start(&format!("server-{number}")).await);
    }
    servers
}

fn addresses(servers: &[EchoUpstream]) -> String {
    servers.iter().map(|server| format!("\"{}\"", server.address())).collect::<Vec<_>>().join(", ")
}

const PUBLIC: &str = "routes:\n  - { name: app, host: app.localhost, allow: anyone, upstream: app }\n";
const STAFF: &str = "routes:\n  - { name: app, host: app.localhost, allow: staff, upstream: app }\n";

/// Which server answers a tenant.
async fn server_of(node: &Ostia, tenant: &str) -> String {
    let head = format!("GET /x HTTP/1.1\r\nHost: app.localhost\r\nX-Tenant: {tenant}\r\n\r\n");
    let answer = raw::send(node.port(), head).await.unwrap();
    assert_eq!(answer.status, 200, "{tenant}: {}", answer.text());
    answer.field("x-server").unwrap().to_owned()
}

async fn placement(node: &Ostia) -> HashMap<String, String> {
    let mut placed = HashMap::new();
    for number in 0..200 {
        let tenant = format!("tenant-{number}");
        let server = server_of(node, &tenant).await;
        placed.insert(tenant, server);
    }
    placed
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_place_every_key_alike_and_a_removed_server_moves_only_its_own() {
    let world = World::new().await;
    let four = servers(4).await;
    let yaml = |servers: &str| {
        format!(
            "upstreams:\n  app: {{ servers: [{servers}], balance: consistent_hash, affinity: {{ header: x-tenant }} }}\n{PUBLIC}"
        )
    };
    let a = world.start(&yaml(&addresses(&four))).await;
    // The order of the list must not matter.
    let reversed =
        four.iter().rev().map(|server| format!("\"{}\"", server.address())).collect::<Vec<_>>().join(", ");
    let b = world.start(&yaml(&reversed)).await;
    let before = placement(&a).await;
    assert_eq!(before, placement(&b).await);
    for number in 1..=4 {
        let name = format!("server-{number}");
        let share = before.values().filter(|placed| **placed == name).count();
        assert!((10..=110).contains(&share), "{name} has {share} of 200 keys");
    }
    drop(b);
    let c = world.start(&yaml(&addresses(&four[..3]))).await;
    let after = placement(&c).await;
    for (tenant, server) in &before {
        if server != "server-4" {
            assert_eq!(&after[tenant], server, "{tenant} was moved although its server stays");
        }
    }
    let moved = before.iter().filter(|(tenant, server)| &&after[*tenant] != server).count();
    assert!(moved <= 200 / 4 + 30, "{moved} of 200 keys moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_keeps_its_server_over_nodes_and_restarts() {
    let world = World::new().await;
    let five = servers(5).await;
    let upstream = format!(
        "upstreams:\n  app: {{ servers: [{}], balance: consistent_hash, affinity: session }}\n",
        addresses(&five)
    );
    let yaml = [&world.provider_section(), POLICIES, &upstream, STAFF].concat();
    let a = world.start(&yaml).await;
    let mut people = Vec::new();
    for _ in 0..6 {
        let browser = Browser::new(&world.names);
        let page = signed_in(&browser, "/").await;
        let server = page.field("x-server").unwrap().to_owned();
        people.push((browser, server));
    }
    assert!(
        people.iter().any(|(_, server)| *server != people[0].1),
        "six sessions on five servers are not all on one"
    );
    for _ in 0..2 {
        for (browser, server) in &people {
            for _ in 0..3 {
                assert_eq!(browser.fetch(&format!("{APP}/y")).await.field("x-server"), Some(server.as_str()));
            }
        }
        // The second round is on another node; then that one is gone, too.
        world.lead_to(&a);
        let _b = world.start(&yaml).await;
        for (browser, server) in &people {
            assert_eq!(browser.fetch(&format!("{APP}/z")).await.field("x-server"), Some(server.as_str()));
        }
        world.lead_to(&a);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_leaves_a_dead_server_and_returns_to_it() {
    let world = World::new().await;
    let mut three = servers(3).await;
    let upstream = format!(
        "upstreams:\n  app: {{ servers: [{}], balance: consistent_hash, affinity: session, \
         health_check: {{ path: /healthz, interval: 200ms, timeout: 500ms, rise: 2, fall: 2 }} }}\n",
        addresses(&three)
    );
    let node = world.start(&[&world.provider_section(), POLICIES, &upstream, STAFF].concat()).await;
    let browser = Browser::new(&world.names);
    let home = signed_in(&browser, "/").await.field("x-server").unwrap().to_owned();
    let at = home.rsplit('-').next().unwrap().parse::<usize>().unwrap() - 1;

    three[at].stop().await;
    // From the first request on: nothing was sent to a server that refuses connections, so another one is tried.
    for _ in 0..10 {
        let page = browser.fetch(&format!("{APP}/x")).await;
        assert_eq!(page.status, 200);
        assert_ne!(page.field("x-server"), Some(home.as_str()));
    }
    let server = three[at].address();
    let is_healthy =
        async || node.metrics().await.sum("ostia_upstream_server_healthy", &[("server", &server)]);
    eventually("the check notices", Duration::from_secs(10), async || {
        (is_healthy().await == 0.0).then_some(())
    })
    .await;

    three[at].resume().await;
    eventually("the session returns", Duration::from_secs(10), async || {
        (browser.fetch(&format!("{APP}/x")).await.field("x-server") == Some(home.as_str())).then_some(())
    })
    .await;
    assert_eq!(is_healthy().await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_it_is_sick_gets_no_request() {
    let world = World::new().await;
    let two = servers(2).await;
    let yaml = format!(
        "upstreams:\n  app: {{ servers: [{}], health_check: {{ path: /healthz, interval: 200ms, fall: 1, rise: 1 }} }}\n{PUBLIC}",
        addresses(&two)
    );
    let node = world.start(&yaml).await;
    two[0].set_healthy(false);
    let server = two[0].address();
    eventually("the check notices", Duration::from_secs(10), async || {
        (node.metrics().await.sum("ostia_upstream_server_healthy", &[("server", &server)]) == 0.0)
            .then_some(())
    })
    .await;
    let seen = two[0].count();
    for _ in 0..20 {
        assert_eq!(server_of(&node, "any").await, "server-2");
    }
    assert_eq!(two[0].count(), seen);
    two[0].set_healthy(true);
    eventually("it is used again", Duration::from_secs(10), async || {
        (server_of(&node, "any").await == "server-1").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn round_robin_spreads_by_weight() {
    let world = World::new().await;
    let two = servers(2).await;
    let yaml = format!(
        "upstreams:\n  app:\n    servers:\n      - {{ address: \"{}\", weight: 3 }}\n      - \"{}\"\n{PUBLIC}",
        two[0].address(),
        two[1].address()
    );
    let node = world.start(&yaml).await;
    for _ in 0..80 {
        server_of(&node, "any").await;
    }
    assert_eq!((two[0].count(), two[1].count()), (60, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_used_only_when_nobody_else_is_left() {
    let world = World::new().await;
    let mut two = servers(2).await;
    let yaml = format!(
        "upstreams:\n  app:\n    servers: [\"{}\", {{ address: \"{}\", backup: true }}]\n    \
         health_check: {{ interval: 200ms, fall: 1, rise: 1 }}\n{PUBLIC}",
        two[0].address(),
        two[1].address()
    );
    let node = world.start(&yaml).await;
    for _ in 0..10 {
        assert_eq!(server_of(&node, "any").await, "server-1");
    }
    two[0].stop().await;
    eventually("the backup takes over", Duration::from_secs(10), async || {
        let answer = raw::get_host(node.port(), "app.localhost", "/x").await?;
        (answer.field("x-server") == Some("server-2")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_no_server_is_left_people_get_a_page_and_machines_problem_json() {
    let world = World::new().await;
    let mut two = servers(2).await;
    let yaml = format!("upstreams:\n  app: {{ servers: [{}] }}\n{PUBLIC}", addresses(&two));
    let _node = world.start(&yaml).await;
    for server in &mut two {
        server.stop().await;
    }
    let browser = Browser::new(&world.names);
    let page = browser.open(&format!("{APP}/x")).await;
    assert!([502, 503].contains(&page.status), "{}", page.status);
    assert!(page.field("content-type").unwrap().starts_with("text/html"), "{:?}", page.headers);
    let page = browser.fetch(&format!("{APP}/x")).await;
    assert_eq!(page.field("content-type"), Some("application/problem+json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_servers_sick_is_503() {
    let world = World::new().await;
    let one = servers(1).await;
    let yaml = format!(
        "upstreams:\n  app: {{ servers: [{}], health_check: {{ path: /healthz, interval: 200ms, fall: 1, rise: 1 }} }}\n{PUBLIC}",
        addresses(&one)
    );
    let node = world.start(&yaml).await;
    one[0].set_healthy(false);
    let answer = eventually("the check notices", Duration::from_secs(10), async || {
        let answer = raw::get_host(node.port(), "app.localhost", "/x").await.unwrap();
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_may_have_been_done_is_not_done_twice() {
    let world = World::new().await;
    let two = servers(2).await;
    let yaml = format!(
        "upstreams:\n  app: {{ servers: [{}], retry: {{ attempts: 1 }} }}\n{PUBLIC}",
        addresses(&two)
    );
    let node = world.start(&yaml).await;
    // The server hangs up after it has read the whole request.
    let post = "POST /hangup HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 2\r\n\r\nhi";
    let answer = raw::send(node.port(), post).await.unwrap();
    assert!([502, 503, 504].contains(&answer.status), "{}", answer.status);
    assert_eq!(two[0].count() + two[1].count(), 1, "a POST that was sent is never sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_affinity_cookie_leads_back_over_nodes_reloads_and_restarts_and_falls_back_alike() {
    let world = World::new().await;
    let mut all = servers(5).await;
    let yaml = format!(
        "{}upstreams:\n  app:\n    servers: [{}]\n    balance: least_requests\n    affinity: {{ cookie: server }}\n    \
         health_check: {{ interval: 200ms, fast_interval: 100ms, fall: 1, rise: 1 }}\n{PUBLIC}",
        world.sessions_section(""),
        addresses(&all)
    );
    let (one, two) = (world.start(&yaml).await, world.start(&yaml).await);
    let ask = async |node: &Ostia, cookie: &str| {
        let cookie =
            if cookie.is_empty() { String::new() } else { format!("Cookie: a=1; {cookie}; b=2\r\n") };
        let head = format!("GET /x HTTP/1.1\r\nHost: app.localhost\r\n{cookie}\r\n");
        let answer = raw::send(node.port(), head).await.unwrap();
        let set = answer.field("set-cookie").map(|field| field.split(';').next().unwrap().to_owned());
        (answer.field("x-server").unwrap_or_default().to_owned(), set)
    };
    let mut homes = Vec::new();
    for _ in 0..10 {
        let (home, cookie) = ask(&one, "").await;
        homes.push((cookie.unwrap(), home));
    }
    let different: std::collections::BTreeSet<_> = homes.iter().map(|(_, home)| home).collect();
    assert_eq!(different.len(), 5, "newcomers are spread by `balance`");
    for (cookie, home) in &homes {
        for node in [&one, &two] {
            assert_eq!(ask(node, cookie).await, (home.clone(), None), "kept, and no second cookie");
        }
    }
    for server in &all {
        let seen = server.seen();
        let cookies = seen.iter().filter_map(|seen| seen.field("cookie"));
        assert!(cookies.into_iter().all(|cookie| cookie == "a=1; b=2"), "the application never sees it");
    }
    let (forged, set) = ask(&one, "server=AAAA").await;
    assert!(!forged.is_empty() && set.is_some(), "what we did not seal is none of ours");
    node_reloaded(&one, &yaml.replace("fall: 1", "fall: 2")).await;
    let restarted = world.start(&yaml).await;
    for (cookie, home) in &homes {
        assert_eq!(ask(&one, cookie).await.0, *home);
        assert_eq!(ask(&restarted, cookie).await.0, *home);
    }
    // One dies: its people go where all nodes send them, and come back with it.
    let (lost, home) = homes[0].clone();
    let dead: usize = home.trim_start_matches("server-").parse::<usize>().unwrap() - 1;
    all[dead].stop().await;
    let mut refuges = Vec::new();
    for node in [&one, &two, &restarted] {
        let refuge = eventually("it is led elsewhere", Duration::from_secs(10), async || {
            Some(ask(node, &lost).await.0).filter(|server| !server.is_empty() && *server != home)
        })
        .await;
        refuges.push(refuge);
    }
    assert!(refuges.windows(2).all(|pair| pair[0] == pair[1]), "{refuges:?}");
    all[dead].resume().await;
    for node in [&one, &two, &restarted] {
        eventually("it is led back", Duration::from_secs(10), async || {
            (ask(node, &lost).await == (home.clone(), None)).then_some(())
        })
        .await;
    }
    let metrics = one.metrics().await;
    for outcome in ["kept", "moved", "new"] {
        let count = metrics.sum("ostia_affinity_total", &[("upstream", "app"), ("outcome", outcome)]);
        assert!(count > 0.0, "{outcome}");
    }
}

async fn node_reloaded(node: &Ostia, yaml: &str) {
    node.write_config(yaml);
    node.succeeds(&["reload"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_is_a_server() {
    let world = World::new().await;
    let tcp = EchoUpstream::start("behind").await;
    // What listens on the socket carries bytes to a server of TCP.
    let path = world.shared.path().join("app.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let port = tcp.port();
    tokio::spawn(async move {
        while let Ok((mut inside, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut outside = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
            });
        }
    });
    let yaml = format!(
        "upstreams:\n  app: {{ servers: [\"unix:{}\"], health_check: {{ path: /healthz, interval: 200ms }} }}\n{PUBLIC}",
        path.display()
    );
    let node = world.start(&yaml).await;
    assert_eq!(server_of(&node, "any").await, "behind");
    eventually("its checks pass", Duration::from_secs(10), async || {
        node.succeeds(&["status", "--format", "json"]).await.contains("\"health\": \"healthy\"").then_some(())
    })
    .await;
}
