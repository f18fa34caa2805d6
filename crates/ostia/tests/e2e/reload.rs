//! O2: a reload swaps all or nothing, and no request notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ostia_testkit::{eventually, raw};

use crate::world::{SLOW_ROUTE, World, request};

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

/// The configuration with these listeners.
fn with_listeners(world: &World, listeners: &[(&str, u16)]) -> String {
    let lines: String = listeners
        .iter()
        .map(|(name, port)| format!("  {name}: {{ bind: \"127.0.0.1:{port}\" }}\n"))
        .collect();
    format!("listeners:\n{lines}{}", world.config())
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_are_added_moved_and_removed_while_others_serve() {
    let world = World::new().await;
    let [stays, first, second] =
        [ostia_testkit::free_port(), ostia_testkit::free_port(), ostia_testkit::free_port()];
    let node = world.start(&with_listeners(&world, &[("stays", stays)])).await;
    let refused = async |port| raw::Connection::open(port).await.is_none();
    let mut kept = raw::Connection::open(stays).await.unwrap();
    let line = request("GET /public/x HTTP/1.1", &[]);
    assert!(refused(first).await);

    node.reload(&with_listeners(&world, &[("stays", stays), ("new", first)]));
    eventually("the new listener serves", DEADLINE, async || {
        raw::send(first, &line).await.filter(|answer| answer.status == 200)
    })
    .await;
    let mut open = raw::Connection::open(first).await.unwrap();
    open.send(line.as_bytes()).await;
    assert_eq!(open.answer().await.unwrap().status, 200);

    node.reload(&with_listeners(&world, &[("stays", stays), ("new", second)]));
    eventually("it serves elsewhere", DEADLINE, async || {
        raw::send(second, &line).await.filter(|answer| answer.status == 200)
    })
    .await;
    eventually("the old address is closed", DEADLINE, async || refused(first).await.then_some(())).await;
    assert!(open.is_closed_by_peer().await, "an idle connection there is closed");

    node.reload(&with_listeners(&world, &[("stays", stays)]));
    eventually("it is gone", DEADLINE, async || refused(second).await.then_some(())).await;
    let metrics = node.metrics().await;
    assert_eq!(
        metrics.sum("ostia_connections_accepted_total", &[("listener", "new")]),
        0.0,
        "its series are gone"
    );
    kept.send(line.as_bytes()).await;
    assert_eq!(kept.answer().await.unwrap().status, 200, "the connection of the other one stayed");

    // A port that is taken: all or nothing.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().port();
    node.reload(&with_listeners(&world, &[("stays", stays), ("first", first), ("taken", taken)]));
    eventually("the reload is refused", DEADLINE, async || {
        (node.metrics().await.sum("ostia_config_last_reload_successful", &[]) == 0.0).then_some(())
    })
    .await;
    assert!(refused(first).await, "what could have been bound is not");
    assert_eq!(raw::send(stays, &line).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_outlives_its_listener() {
    let world = World::new().await;
    let [stays, goes] = [ostia_testkit::free_port(), ostia_testkit::free_port()];
    let both = with_listeners(&world, &[("stays", stays), ("goes", goes)]);
    let node = world.start(&(both + SLOW_ROUTE)).await;
    let mut connection = world.begin_slow_request(goes).await;
    node.reload(&(with_listeners(&world, &[("stays", stays)]) + SLOW_ROUTE));
    eventually("the listener is gone", DEADLINE, async || {
        raw::Connection::open(goes).await.is_none().then_some(())
    })
    .await;
    world.app.release(1);
    assert_eq!(connection.answer().await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn usr1_opens_the_access_log_anew() {
    let world = World::new().await;
    let log = world.shared.path().join("access.log");
    let logs = format!("logs: {{ access: {{ to: {} }} }}\n", log.display());
    let node = world.start(&(logs + &world.config())).await;
    let lines = |file: &std::path::Path| std::fs::read_to_string(file).unwrap_or_default().lines().count();
    assert_eq!(status(node.port(), "/public/x").await, 200);
    eventually("the line is written", DEADLINE, async || (lines(&log) == 1).then_some(())).await;
    let away = world.shared.path().join("access.log.1");
    std::fs::rename(&log, &away).unwrap();
    node.signal("USR1");
    eventually("the file is there again", DEADLINE, async || log.exists().then_some(())).await;
    assert_eq!(status(node.port(), "/public/x").await, 200);
    eventually("the next line is in it", DEADLINE, async || (lines(&log) == 1).then_some(())).await;
    assert_eq!(lines(&away), 1);
}
