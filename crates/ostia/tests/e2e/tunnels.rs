//! E2: what an upgraded connection may do: be silent for as long as its route says, and carry more than any body.

use std::time::{Duration, Instant};

use ostia_testkit::raw::Connection;
use ostia_testkit::{EchoUpstream, Ostia};

/// The deadline of the route.
const IDLE: Duration = Duration::from_secs(2);

async fn node() -> (Ostia, EchoUpstream) {
    let app = EchoUpstream::start("app").await;
    let yaml = format!(
        "listeners:\n  http: {{ bind: \"<listen>\", limits: {{ body_timeout: 300ms, body_bytes: 1KiB }} }}\n\
         upstreams:\n  app: {{ servers: [\"{}\"] }}\n\
         routes:\n  - {{ host: localhost, allow: anyone, upgrade: [websocket], timeouts: {{ idle: 2s }}, upstream: app }}\n",
        app.address()
    );
    (Ostia::start(crate::world::BINARY, &yaml).await, app)
}

async fn tunnel(node: &Ostia) -> Connection {
    let mut client = Connection::open(node.port()).await.unwrap();
    let head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.send(head.as_bytes()).await;
    client.until("\r\n\r\n").await;
    client
}

/// A masked text frame (the mask is zero) and its echo.
async fn say(client: &mut Connection, text: &str) {
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(text.as_bytes());
    client.send(&frame).await;
    client.until(text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_tunnel_ends_at_the_deadline_of_its_route_and_a_talking_one_does_not() {
    let (node, _app) = node().await;
    let mut silent = tunnel(&node).await;
    say(&mut silent, "hello").await;
    let since = Instant::now();
    let mut talking = tunnel(&node).await;
    // Longer than the deadline in all, never as long between two messages.
    for number in 0..8 {
        tokio::time::sleep(IDLE / 4).await;
        say(&mut talking, &format!("message {number}")).await;
    }
    assert!(since.elapsed() > IDLE);
    assert!(silent.is_closed_by_peer().await);
    say(&mut talking, "still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_carries_more_than_a_body_may_hold() {
    let (node, _app) = node().await;
    let mut client = tunnel(&node).await;
    for number in 0..100 {
        say(&mut client, &format!("{number:0>100}")).await;
    }
}
