//! E5: forwarding fields count only from listed peers, and even theirs make no absolute URL.

use ostia_testkit::{Ostia, raw};

use crate::world::{APP, World};

/// A node that believes 127.0.0.1, with a route for one network.
async fn behind_a_proxy() -> (World, Ostia) {
    let world = World::new().await;
    let listeners =
        "listeners:\n  http: { bind: \"<listen>\", trusted_proxies: [127.0.0.1/32, 198.51.100.0/24] }\n";
    let config = world.config().replace("policies:\n", "policies:\n  office: { source: [203.0.113.0/24] }\n");
    let office = "  - { name: office, host: app.localhost, path: /office/, allow: office, upstream: app }\n";
    let node = world.start(&(listeners.to_owned() + &config + office)).await;
    (world, node)
}

async fn get(node: &Ostia, path: &str, fields: &str) -> raw::Answer {
    let head = format!("GET {path} HTTP/1.1\r\nHost: app.localhost\r\n{fields}\r\n");
    raw::send(node.port(), head).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_is_the_last_address_that_no_trusted_peer_wrote() {
    let (world, node) = behind_a_proxy().await;
    let token = world.provider.access_token("robot", serde_json::json!({}));
    for (forwarded, client, status) in [
        ("X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9", 200),
        ("X-Forwarded-For: 203.0.113.9, 198.51.100.7\r\n", "203.0.113.9", 200),
        // What stands further left was written by the client itself.
        ("X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n", "192.0.2.1", 403),
        ("X-Forwarded-For: 203.0.113.9, 192.0.2.1, 198.51.100.7\r\n", "192.0.2.1", 403),
        ("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1", 403),
        ("", "127.0.0.1", 403),
    ] {
        let lines = node.access_lines().len();
        let fields = format!("{forwarded}Authorization: Bearer {token}\r\n");
        let answer = get(&node, "/office/x", &fields).await;
        assert_eq!(answer.status, status, "{forwarded}");
        let line = node.access_lines_at_least(lines + 1).await.pop().unwrap();
        assert_eq!(line["client.address"], client, "{forwarded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_even_a_trusted_peer_chooses_the_redirect_uri() {
    let (world, node) = behind_a_proxy().await;
    let fields = "Accept: text/html\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: evil.example\r\n\
                  X-Forwarded-Proto: https\r\nForwarded: for=203.0.113.9;host=evil.example;proto=https\r\n";
    let answer = get(&node, "/x", fields).await;
    let location = answer.field("location").unwrap_or_default();
    assert!(location.starts_with(world.provider.issuer()), "{} {location}", answer.status);
    let redirect_uri: String =
        url::form_urlencoded::byte_serialize(format!("{APP}/.ostia/callback").as_bytes()).collect();
    assert!(location.contains(&redirect_uri) && !location.contains("evil.example"), "{location}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trusted_peer_tells_reaches_the_application() {
    let (world, node) = behind_a_proxy().await;
    let answer =
        get(&node, "/public/x", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n").await;
    assert_eq!(answer.status, 200);
    let seen = world.app.last();
    assert_eq!(seen.field("x-forwarded-for").as_deref(), Some("203.0.113.9, 127.0.0.1"));
    assert_eq!(seen.field("x-forwarded-proto").as_deref(), Some("https"));
}

#[tokio::test(flavor = "multi_thread")]
async fn host_port_and_forwarded_go_on_from_a_trusted_peer() {
    let (world, node) = behind_a_proxy().await;
    let told = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: portal.example\r\nX-Forwarded-Port: 8443\r\n\
                Forwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n";
    assert_eq!(get(&node, "/public/x", told).await.status, 200);
    let seen = world.app.last();
    for (field, value) in [
        ("x-forwarded-host", "portal.example"),
        ("x-forwarded-port", "8443"),
        ("forwarded", "for=203.0.113.9, for=127.0.0.1"),
        ("x-real-ip", "203.0.113.9"),
    ] {
        assert_eq!(seen.field(field).as_deref(), Some(value), "{field}");
    }
    // Two of them, or none that is a port: ours.
    assert_eq!(get(&node, "/public/x", "X-Forwarded-Port: 1\r\nX-Forwarded-Port: 2\r\n").await.status, 200);
    let seen = world.app.last();
    assert_eq!(seen.field("x-forwarded-port"), Some(node.port().to_string()));
    assert_eq!(seen.field("x-forwarded-host").as_deref(), Some("app.localhost"));
    assert_eq!(seen.field("forwarded"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_proxies_tell_is_removed_from_strangers_in_every_spelling() {
    let (world, node, _) = World::with_node().await;
    let fields = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 1\r\n\
                  Forwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nX_Real_IP: 203.0.113.9\r\n\
                  True-Client-IP: 203.0.113.9\r\nX-Original-URL: /admin\r\nX-Forwarded-Prefix: /evil\r\n\
                  Client-Cert: :MIIB:\r\nX-Forwarded-Client-Cert: Hash=1\r\n";
    assert_eq!(get(&node, "/public/x", fields).await.status, 200);
    let seen = world.app.last();
    for field in [
        "forwarded",
        "x-real-ip",
        "x_real_ip",
        "true-client-ip",
        "x-original-url",
        "x-forwarded-prefix",
        "client-cert",
        "x-forwarded-client-cert",
    ] {
        assert_eq!(seen.field(field), None, "{field}");
    }
    assert_eq!(seen.field("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(seen.field("x-forwarded-host").as_deref(), Some("app.localhost"));
    assert_eq!(seen.field("x-forwarded-port"), Some(node.port().to_string()));
}
