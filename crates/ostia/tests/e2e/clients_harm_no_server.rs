//! U2, the other way round: what a client does wrong, breaks off or asks for in haste never counts against a server.

use std::time::Duration;

use ostia_testkit::{FaultUpstream, Ostia, eventually, raw};

use crate::upstream_connections::{get, yaml};
use crate::world::BINARY;

/// What is told of the one server: state, failures, ejections.
async fn told(node: &Ostia) -> (String, u64, u64) {
    let server = &node.servers("app").await[0];
    let number = |key: &str| server[key].as_u64().unwrap();
    (server["state"].as_str().unwrap().to_owned(), number("failures"), number("ejections"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_client_does_counts_against_a_server() {
    let server = FaultUpstream::start("one").await;
    let more =
        "outlier: { consecutive_failures: 1, eject: 1h, max_ejected: 100% }, timeouts: { first_byte: 20s }";
    let node = Ostia::start(BINARY, &yaml(&[&server], more)).await;
    let host = "HTTP/1.1\r\nHost: app.localhost\r\n";
    // What it sends before it leaves, and whether the server is sure to hear of it.
    for (what, sent, is_heard) in [
        ("leaves while the server thinks", format!("GET /silent {host}\r\n"), true),
        ("leaves within its body", format!("POST /x {host}Content-Length: 1000\r\n\r\nonly this"), true),
        ("leaves within an answer", format!("GET /half {host}\r\n"), true),
        ("sends a broken chunk", format!("POST /x {host}Transfer-Encoding: chunked\r\n\r\nZZ\r\n"), false),
        ("sends no request at all", "\x16\x03\x01 nonsense\r\n\r\n".to_owned(), false),
    ] {
        let before = server.requests();
        let mut client = raw::Connection::open(node.port()).await.unwrap();
        client.send(sent.as_bytes()).await;
        if is_heard {
            eventually(&format!("the server hears of who {what}"), Duration::from_secs(10), async || {
                (server.requests() > before).then_some(())
            })
            .await;
        }
        drop(client);
        eventually(&format!("it is over with who {what}"), Duration::from_secs(20), async || {
            (node.servers("app").await[0]["in_flight"] == 0).then_some(())
        })
        .await;
        assert_eq!(told(&node).await, ("serving".to_owned(), 0, 0), "who {what}");
        assert_eq!(get(&node, "/x").await.status, 200, "after who {what}");
    }
    // The measure works: a failure of the server itself is seen at once.
    eventually("it is ejected", Duration::from_secs(10), async || {
        // On a connection that waited it would not count: the server may have closed that one for its age.
        assert_eq!(get(&node, "/hangup").await.status, 502);
        let (state, failures, ejections) = told(&node).await;
        (state == "ejected" && failures > 0 && ejections == 1).then_some(())
    })
    .await;
}
