//! O4, O5: how the process starts and leaves.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use ostia_testkit::{Ostia, eventually, raw};

use crate::world::{BINARY, World, request};

#[tokio::test(flavor = "multi_thread")]
async fn term_with_nothing_in_flight_leaves_at_once() {
    let (_world, mut node, browser) = World::with_node().await;
    crate::world::signed_in(&browser, "/").await;
    // An idle connection is nothing in flight.
    let mut idle = raw::Connection::open(node.port()).await.unwrap();
    idle.send(request("GET /public/x HTTP/1.1", &[]).as_bytes()).await;
    assert_eq!(idle.answer().await.unwrap().status, 200);
    let asked = Instant::now();
    node.signal("TERM");
    let status = node.wait(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(0));
    // Promised are 200 ms; the rest is for a machine that does other things.
    assert!(asked.elapsed() < Duration::from_millis(1000), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn term_lets_what_is_in_flight_finish() {
    let (world, mut node, mut slow) = World::with_request_in_flight().await;
    node.signal("TERM");
    eventually("readiness is off, liveness stays", Duration::from_secs(10), async || {
        let ready = node.admin_status("/readyz").await;
        (ready != Some(200)).then_some(())
    })
    .await;
    eventually("new connections are refused", Duration::from_secs(10), async || {
        raw::Connection::open(node.port()).await.is_none().then_some(())
    })
    .await;
    world.app.release(1);
    let answer = slow.answer().await.expect("the answer comes although the node is leaving");
    assert_eq!((answer.status, answer.text()), (200, "served by app-1".to_owned()));
    assert_eq!(node.wait(Duration::from_secs(5)).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_leave_is_announced_each_answer_is_the_last_of_its_connection() {
    let world = World::new().await;
    let mut node = world.start(&(world.config() + "runtime: { drain: { announce: 60s } }\n")).await;
    let (mut kept, mut fresh) = (
        raw::Connection::open(node.port()).await.unwrap(),
        raw::Connection::open(node.port()).await.unwrap(),
    );
    let asked = request("GET /public/x HTTP/1.1", &[]);
    kept.send(asked.as_bytes()).await;
    assert_eq!(kept.answer().await.unwrap().field("connection"), Some("keep-alive"));
    node.signal("TERM");
    eventually("the leave is announced", Duration::from_secs(10), async || {
        (node.admin_status("/readyz").await != Some(200)).then_some(())
    })
    .await;
    for connection in [&mut kept, &mut fresh] {
        connection.send(asked.as_bytes()).await;
        let last = connection.answer().await.unwrap();
        assert_eq!((last.status, last.field("connection")), (200, Some("close")));
    }
    node.signal("TERM");
    node.wait(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_term_leaves_without_waiting() {
    let (_world, mut node, _slow) = World::with_request_in_flight().await;
    node.signal("TERM");
    eventually("the node is leaving", Duration::from_secs(10), async || {
        (node.admin_status("/readyz").await != Some(200)).then_some(())
    })
    .await;
    node.signal("TERM");
    node.wait(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_fails_at_once_with_a_clear_message() {
    let world = World::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let asked = Instant::now();
    let listeners = format!("listeners:\n  http: {{ bind: \"{address}\" }}\n");
    let mut node = Ostia::spawn(BINARY, &(listeners + &world.config()));
    let status = node.wait(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(1), "{}", node.output().join("\n"));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let said = node.output().join("\n");
    assert!(said.contains(&address.to_string()) && said.contains("in use"), "{said}");
    assert!(said.contains("http"), "it names the listener: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_does_not_start() {
    let world = World::new().await;
    let mut node = Ostia::spawn(BINARY, &world.config().replace("allow: anyone, ", ""));
    let status = node.wait(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(78));
    let said = node.output().join("\n");
    assert!(said.contains("allow") && said.contains("ostia.yaml:"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_while_the_provider_is_dark_and_serves_what_needs_none() {
    let world = World::new().await;
    world.provider.behave(|behaviour| behaviour.outage = Some(ostia_testkit::Outage::Status(503)));
    let node = world.start(&world.config()).await;
    let browser = ostia_testkit::Browser::new(&world.names);
    assert_eq!(raw::send(node.port(), request("GET /public/x HTTP/1.1", &[])).await.unwrap().status, 200);
    let page = browser.open("http://app.localhost/x").await;
    assert_eq!(page.status, 503, "{}", page.text());
    assert!(page.field("retry-after").is_some());
    world.provider.behave(|behaviour| behaviour.outage = None);
    eventually("it recovers by itself", Duration::from_secs(40), async || {
        (browser.visit("http://app.localhost/x").await.status == 200).then_some(())
    })
    .await;
}
