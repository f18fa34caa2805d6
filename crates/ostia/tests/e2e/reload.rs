//! O2: a reload swaps all or nothing, and no request notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ostia_testkit::{eventually, raw};

use crate::world::{World, request};

const DEADLINE: Duration = Duration::from_secs(10);

async fn status(port: u16, path: &str) -> u16 {
    raw::send(port, request(&format!("GET {path} HTTP/1.1"), &[])).await.unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn hup_swaps_the_configuration() {
    let (world, node, _) = World::with_node().await;
    assert_eq!(status(node.port(), "/new/x").await, 401);
    let more = "  - { name: new, host: app.localhost, path: /new/, allow: anyone, upstream: app }\n";
    node.reload(&(world.config() + more));
    eventually("the new route serves", DEADLINE, async || {
        (status(node.port(), "/new/x").await == 200).then_some(())
    })
    .await;
    node.reload(&world.config());
    eventually("the route is gone", DEADLINE, async || {
        (status(node.port(), "/new/x").await == 401).then_some(())
    })
    .await;
    let metrics = node.metrics().await;
    assert_eq!(metrics.sum("ostia_config_last_reload_successful", &[]), 1.0);
    assert!(metrics.sum("ostia_config_reloads_total", &[]) >= 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_the_old_configuration_in_force() {
    let (world, node, browser) = World::with_node().await;
    crate::world::signed_in(&browser, "/").await;
    for broken in [
        "routes: [".to_owned(),
        world.config().replace("allow: anyone, ", ""),
        world.config() + "  - { name: x, host: x.localhost, allow: nobody-knows, upstream: app }\n",
        world.config() + "unknown_section: 1\n",
    ] {
        let before = node.metrics().await.sum("ostia_config_reloads_total", &[]);
        node.reload(&broken);
        eventually("the reload is refused", DEADLINE, async || {
            let metrics = node.metrics().await;
            (metrics.sum("ostia_config_reloads_total", &[]) > before
                && metrics.sum("ostia_config_last_reload_successful", &[]) == 0.0)
                .then_some(())
        })
        .await;
        assert_eq!(status(node.port(), "/public/x").await, 200);
        assert_eq!(browser.fetch("http://app.localhost/x").await.status, 200);
        assert_eq!(node.admin_status("/readyz").await, Some(200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_during_reloads_all_succeed() {
    let (world, node, _) = World::with_node().await;
    let done = Arc::new(AtomicBool::new(false));
    let port = node.port();
    let clients = (0..4).map(|client| {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            let mut connection = raw::Connection::open(port).await.unwrap();
            let mut served = 0;
            while !done.load(Ordering::SeqCst) || served < 50 {
                connection.send(request(&format!("GET /public/{client} HTTP/1.1"), &[]).as_bytes()).await;
                let answer = connection.answer().await.expect("a reload closes no connection in use");
                assert_eq!(answer.status, 200);
                served += 1;
            }
            served
        })
    });
    let clients: Vec<_> = clients.collect();
    for number in 0..10 {
        let before = node.metrics().await.sum("ostia_config_reloads_total", &[]);
        let more = format!(
            "  - {{ name: r{number}, host: app.localhost, path: /r{number}/, allow: anyone, upstream: app }}\n"
        );
        node.reload(&(world.config() + &more));
        eventually("the reload is done", DEADLINE, async || {
            (node.metrics().await.sum("ostia_config_reloads_total", &[]) > before).then_some(())
        })
        .await;
    }
    done.store(true, Ordering::SeqCst);
    let mut served = 0;
    for client in clients {
        served += client.await.unwrap();
    }
    assert!(served >= 200, "{served}");
    assert_eq!(world.app.count(), served);
}
