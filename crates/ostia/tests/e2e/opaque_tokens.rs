//! B6: opaque tokens are what the issuer says they are, and nothing while it says nothing.

use ostia_testkit::{Ostia, Outage, raw};
use serde_json::{Value, json};

use crate::world::{POLICIES, World};

async fn node(world: &World) -> Ostia {
    let (id, secret) = world.provider.resource_server();
    let provider = format!(
        "provider:\n  issuer: {}\n  introspection: {{ client_id: {id}, client_secret: {secret} }}\n",
        world.provider.issuer()
    );
    let routes = "routes:\n  - { name: api, host: api.localhost, allow: staff, scopes: [orders.read], upstream: app }\n";
    world.start(&[&provider, POLICIES, &world.upstream_section(), routes].concat()).await
}

fn answer_about(world: &World, token: &str, answer: Value) {
    world.provider.behave(|behaviour| {
        behaviour.opaque.insert(token.to_owned(), answer);
    });
}

async fn ask(node: &Ostia, token: &str) -> raw::Answer {
    let head = format!(
        "GET /orders HTTP/1.1\r\nHost: api.localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    raw::send(node.port(), head).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opaque_token_passes_when_the_issuer_vouches_for_it() {
    let world = World::new().await;
    let node = node(&world).await;
    let good = json!({ "active": true, "sub": "robot-9", "scope": "orders.read", "groups": ["staff"] });
    answer_about(&world, "good-opaque-token", good.clone());
    let answer = ask(&node, "good-opaque-token").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.app.last().field("x-forwarded-user").as_deref(), Some("robot-9"));
    for _ in 0..5 {
        assert_eq!(ask(&node, "good-opaque-token").await.status, 200);
    }
    assert_eq!(world.provider.calls("/introspect").len(), 1, "the answer is remembered");

    for (token, edit, status, code) in [
        ("unknown-token", json!({ "active": false }), 401, "token_inactive"),
        ("token-for-others", json!({ "aud": "https://other.example.com" }), 401, "audience_differs"),
        ("token-without-scope", json!({ "scope": "orders.write" }), 403, "scope_missing"),
        ("token-of-no-staff", json!({ "groups": [] }), 403, "claim_differs"),
    ] {
        let mut about = good.clone();
        about.as_object_mut().unwrap().extend(edit.as_object().unwrap().clone());
        answer_about(&world, token, about);
        let answer = ask(&node, token).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_requests_with_one_opaque_token_make_one_call() {
    let world = World::new().await;
    let node = std::sync::Arc::new(node(&world).await);
    let good = json!({ "active": true, "sub": "robot", "scope": "orders.read", "groups": ["staff"] });
    answer_about(&world, "shared-opaque-token", good);
    let requests: Vec<_> = (0..40)
        .map(|_| {
            let node = std::sync::Arc::clone(&node);
            tokio::spawn(async move { ask(&node, "shared-opaque-token").await.status })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(world.provider.calls("/introspect").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_issuer_is_silent_no_opaque_token_passes() {
    let world = World::new().await;
    let node = node(&world).await;
    let good = json!({ "active": true, "sub": "robot", "scope": "orders.read", "groups": ["staff"] });
    answer_about(&world, "good-opaque-token", good);
    assert_eq!(ask(&node, "good-opaque-token").await.status, 200);
    world.provider.behave(|behaviour| behaviour.outage = Some(Outage::Status(503)));
    assert_eq!(ask(&node, "good-opaque-token").await.status, 200, "what is known stays known for its time");
    let answer = ask(&node, "another-opaque-token").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("issuer_status")));
    assert!(answer.field("retry-after").is_some());
    assert!(answer.field("www-authenticate").is_none(), "clients must keep their token");
    assert_eq!(world.app.count(), 2);
}
