//! B8: errors name the scope that is missing and where the resource describes itself (RFC 6750, RFC 9728).

use std::time::{SystemTime, UNIX_EPOCH};

use ostia_testkit::raw;
use serde_json::json;

use crate::world::{POLICIES, World};

const ROUTES: &str = "routes:\n  \
    - { name: api, host: api.localhost, credentials: [bearer], allow: staff, upstream: app }\n  \
    - { name: orders, host: api.localhost, path: /orders/, credentials: [bearer], scopes: [orders.read, orders.write], allow: authenticated, upstream: app }\n  \
    - { name: feed, host: api.localhost, path: /feed, methods: [POST], credentials: [bearer], allow: staff, upstream: app }\n  \
    - { name: open, host: api.localhost, path: /open/, allow: anyone, upstream: app }\n  \
    - { name: people, host: app.localhost, allow: staff, credentials: [session], upstream: app }\n";

async fn get(port: u16, host: &str, path: &str, fields: &str) -> raw::Answer {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}\r\n");
    raw::send(port, head).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_says_whose_tokens_open_it() {
    let world = World::new().await;
    let yaml = [&world.provider_section(), POLICIES, &world.upstream_section(), ROUTES].concat();
    let node = world.start(&yaml).await;
    let port = node.port();
    let host = format!("api.localhost:{port}");
    const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
    let whole = get(port, &host, WELL_KNOWN, "").await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(whole.field("content-type"), Some("application/json"));
    let document = whole.json();
    assert_eq!(document["resource"], json!(format!("http://{host}")));
    assert_eq!(document["authorization_servers"], json!([world.provider.issuer()]));
    assert_eq!(document["bearer_methods_supported"], json!(["header"]));
    assert!(document.get("scopes_supported").is_none());
    let orders = get(port, &host, &format!("{WELL_KNOWN}/orders/"), "").await.json();
    assert_eq!(orders["resource"], json!(format!("http://{host}/orders/")));
    assert_eq!(orders["scopes_supported"], json!(["orders.read", "orders.write"]));
    let feed = get(port, &host, &format!("{WELL_KNOWN}/feed"), "").await;
    assert_eq!(feed.status, 200, "a route of POST alone describes itself by GET");

    let challenge = get(port, &host, "/orders/7", "").await.field("www-authenticate").unwrap().to_owned();
    let address = format!("http://{host}{WELL_KNOWN}/orders/");
    assert!(challenge.contains(&format!("resource_metadata=\"{address}\"")), "{challenge}");
    assert!(challenge.contains("scope=\"orders.read orders.write\""), "{challenge}");
    assert_eq!(world.app.count(), 0);

    // Where no token opens anything the path belongs to the application.
    assert_eq!(get(port, &host, &format!("{WELL_KNOWN}/open/x"), "").await.status, 401, "the route for /");
    let people = get(port, "app.localhost", WELL_KNOWN, "").await;
    assert_eq!((people.status, people.field("content-type") == Some("application/json")), (401, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_the_routes_scopes_is_told_which() {
    let world = World::new().await;
    let yaml = [&world.provider_section(), POLICIES, &world.upstream_section(), ROUTES].concat();
    let node = world.start(&yaml).await;
    let ask = async |scope: &str| {
        let token = world.provider.access_token("robot", json!({ "scope": scope }));
        get(node.port(), "api.localhost", "/orders/7", &format!("Authorization: Bearer {token}\r\n")).await
    };
    for scope in ["", "orders.read", "orders.write orders.reader", "ORDERS.READ ORDERS.WRITE"] {
        let answer = ask(scope).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("scope_missing")), "{scope}");
        let challenge = answer.field("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.contains("scope=\"orders.read orders.write\""), "{challenge}");
    }
    assert_eq!(world.app.count(), 0);
    assert_eq!(ask("openid orders.write orders.read").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_too_weak_or_too_old_a_sign_in_is_asked_to_step_up() {
    let world = World::new().await;
    let policies = "policies:\n  strong: { claims: { groups: [staff] }, acr: [phr, phrh], max_age: 15m }\n";
    let routes = "routes:\n  - { name: api, host: api.localhost, credentials: [bearer], allow: strong, upstream: app }\n";
    let node =
        world.start(&[&world.provider_section(), policies, &world.upstream_section(), routes].concat()).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let ask = async |edit: serde_json::Value| {
        let token = world.provider.access_token("robot", edit);
        get(node.port(), "api.localhost", "/", &format!("Authorization: Bearer {token}\r\n")).await
    };
    for (name, edit, says) in [
        ("weak", json!({ "acr": "pwd", "auth_time": now }), "acr_values=\"phr phrh\""),
        ("unknown", json!({ "auth_time": now }), "acr_values=\"phr phrh\""),
        ("old", json!({ "acr": "phr", "auth_time": now - 3600 }), "max_age=\"900\""),
    ] {
        let answer = ask(edit).await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text());
        let challenge = answer.field("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{name}: {challenge}");
        assert!(challenge.contains(says), "{name}: {challenge}");
    }
    let stranger = ask(json!({ "acr": "pwd", "auth_time": now, "groups": [] })).await;
    assert_eq!(stranger.status, 403, "no sign-in would help");
    assert_eq!(world.app.count(), 0);
    assert_eq!(ask(json!({ "acr": "phr", "auth_time": now })).await.status, 200);
}
