//! WebSocket where the route names it, and no other way round the checks.

use futures_util::{SinkExt, StreamExt};
use ostia_testkit::raw;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::world::{World, request, signed_in};

const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_runs_through_a_session() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", node.port())).await.unwrap();
    let mut handshake = "ws://app.localhost/ws?x=%2F".into_client_request().unwrap();
    let cookie = browser.cookie_field("http://app.localhost/").unwrap();
    handshake.headers_mut().insert("cookie", cookie.parse().unwrap());
    handshake.headers_mut().insert("origin", "http://app.localhost".parse().unwrap());
    let (mut socket, answer) = tokio_tungstenite::client_async(handshake, stream).await.unwrap();
    assert_eq!(answer.status(), 101);
    for text in ["one", "two", "three"] {
        socket.send(Message::text(text)).await.unwrap();
        let back = tokio::time::timeout(std::time::Duration::from_secs(10), socket.next()).await.unwrap();
        assert_eq!(back.unwrap().unwrap(), Message::text(text));
    }
    let seen = world.app.last();
    assert_eq!((seen.target(), seen.field("x-forwarded-user").as_deref()), ("/ws?x=%2F", Some("ana")));
    assert!(!seen.head.contains("ostia="), "{}", seen.head);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_no_upgrade_of_any_kind_gets_through() {
    let (world, node, _) = World::with_node().await;
    for path in ["/ws", "/x", "/finance/x"] {
        for upgrade in ["websocket", "WebSocket", "x", "h2c", "TLS/1.0", "websocket, x", ""] {
            let fields = [
                ("Connection", "Upgrade, HTTP2-Settings"),
                ("Upgrade", upgrade),
                ("Sec-WebSocket-Key", UPGRADE[3].1),
                ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
            ];
            let answer =
                raw::send(node.port(), request(&format!("GET {path} HTTP/1.1"), &fields)).await.unwrap();
            assert!([400, 401].contains(&answer.status), "{path} {upgrade:?}: {}", answer.status);
        }
    }
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_where_the_route_names_none_never_reaches_the_application_as_one() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let cookie = browser.cookie_field("http://app.localhost/").unwrap();
    for (path, upgrade) in [
        ("/x", "websocket"),
        ("/x", "h2c"),
        ("/ws", "h2c"),
        ("/ws", "x"),
        ("/public/x", "websocket"),
        ("/public/x", "x"),
    ] {
        let before = world.app.count();
        let mut fields = UPGRADE.to_vec();
        fields[1].1 = upgrade;
        fields.push(("Cookie", &cookie));
        let answer = raw::send(node.port(), request(&format!("GET {path} HTTP/1.1"), &fields)).await.unwrap();
        assert_ne!(answer.status, 101, "{path} {upgrade}");
        if world.app.count() > before {
            let seen = world.app.last();
            assert_eq!(seen.field("upgrade"), None, "{path} {upgrade}:\n{}", seen.head);
        } else {
            assert!((400..500).contains(&answer.status), "{path} {upgrade}: {}", answer.status);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_with_a_body_or_early_bytes_smuggles_nothing() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let seen = world.app.count();
    let cookie = browser.cookie_field("http://app.localhost/").unwrap();
    let smuggled =
        "GET /finance/smuggled HTTP/1.1\r\nHost: app.localhost\r\nX-Forwarded-User: mallory\r\n\r\n";
    let mut fields = UPGRADE.to_vec();
    fields.push(("Cookie", &cookie));
    // The bytes after the head go nowhere before the application has agreed (CVE-2026-2833).
    let mut other = fields.clone();
    other[1].1 = "x";
    raw::send(node.port(), request("GET /ws HTTP/1.1", &other) + smuggled).await;
    fields.push(("Content-Length", "5"));
    let answer = raw::send(node.port(), request("GET /ws HTTP/1.1", &fields) + "hello").await.unwrap();
    assert_eq!(answer.status, 400);
    for request in world.app.seen().iter().skip(seen) {
        assert!(
            !request.head.contains("mallory") && !request.target().contains("smuggled"),
            "{}",
            request.head
        );
    }
}
