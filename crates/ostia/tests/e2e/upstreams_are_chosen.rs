//! P9: claims choose the upstream; weighted splits are sticky per subject. Shadow policies count and change nothing.

use ostia_testkit::{EchoUpstream, raw};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn claims_choose_the_upstream_and_splits_are_sticky_across_nodes_and_restarts() {
    let world = World::new().await;
    let next = EchoUpstream::start("next").await;
    let yaml = [
        &world.provider_section(),
        "policies:\n  staff: { claims: { groups: [staff] } }\n  beta: { claims: { groups: [beta] } }\n",
        &format!(
            "upstreams:\n  app: {{ servers: [\"{}\"] }}\n  next: {{ servers: [\"{}\"] }}\n",
            world.app.address(),
            next.address()
        ),
        "routes:\n  \
         - host: api.localhost\n    allow: authenticated\n    credentials: [bearer]\n    \
           upstream: [{ when: beta, to: next }, { to: app }]\n  \
         - { host: app.localhost, allow: authenticated, credentials: [bearer], upstream: { app: 50, next: 50 } }\n",
    ]
    .concat();
    let nodes = [world.start(&yaml).await, world.start(&yaml).await];
    let ask = async |port: u16, host: &str, subject: &str, claims: Value| {
        let token = world.provider.access_token(subject, claims);
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
        let before = (world.app.count(), next.count());
        assert_eq!(raw::send(port, head).await.unwrap().status, 200);
        match (world.app.count() - before.0, next.count() - before.1) {
            (1, 0) => "app",
            (0, 1) => "next",
            other => panic!("{other:?}"),
        }
    };
    for (groups, expected) in [(json!(["beta"]), "next"), (json!(["staff"]), "app"), (Value::Null, "app")] {
        let claims = json!({ "groups": groups });
        assert_eq!(ask(nodes[0].port(), "api.localhost", "robot", claims).await, expected, "{groups}");
    }
    let mut chosen = Vec::new();
    for number in 0..24 {
        let subject = format!("robot-{number}");
        chosen.push(ask(nodes[0].port(), "app.localhost", &subject, json!({})).await);
        assert_eq!(
            ask(nodes[1].port(), "app.localhost", &subject, json!({ "groups": [] })).await,
            chosen[number]
        );
    }
    assert!(chosen.contains(&"app") && chosen.contains(&"next"), "{chosen:?}");
    drop(nodes);
    let again = world.start(&yaml).await;
    for (number, before) in chosen.iter().enumerate() {
        assert_eq!(ask(again.port(), "app.localhost", &format!("robot-{number}"), json!({})).await, *before);
    }
    let metrics = again.metrics().await;
    let of = |upstream| metrics.sum("ostia_upstream_requests_total", &[("upstream", upstream)]);
    assert_eq!(of("app") + of("next"), 24.0);
    assert!(of("next") > 0.0);
    let lines = again.access_lines_at_least(24).await;
    let named = lines.iter().filter(|line| line["ostia.upstream.name"] == "next").count();
    assert_eq!(named as f64, of("next"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_policy_counts_what_it_would_deny_and_changes_nothing() {
    let world = World::new().await;
    let yaml = [
        &world.provider_section(),
        "policies:\n  staff: { claims: { groups: [staff] } }\n  strict: { claims: { groups: [staff], level: [high] } }\n",
        &world.upstream_section(),
        "routes:\n  - { name: app, host: app.localhost, allow: staff, shadow: strict, credentials: [bearer], upstream: app }\n",
    ]
    .concat();
    let node = world.start(&yaml).await;
    for (claims, status) in [
        (json!({ "groups": ["staff"], "level": "high" }), 200),
        (json!({ "groups": ["staff"], "level": "low" }), 200),
        (json!({ "groups": ["staff"] }), 200),
        (json!({ "groups": ["guests"], "level": "high" }), 403),
    ] {
        let token = world.provider.access_token("robot", claims.clone());
        let head = format!("GET / HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        assert_eq!(raw::send(node.port(), head).await.unwrap().status, status, "{claims}");
    }
    let metrics = node.metrics().await;
    let of = |decision, reason| {
        let labels = [("route", "app"), ("policy", "strict"), ("decision", decision), ("reason", reason)];
        metrics.sum("ostia_shadow_decisions_total", &labels)
    };
    assert_eq!(
        (of("allow", "policy_held"), of("deny", "claim_differs"), of("deny", "claim_missing")),
        (1.0, 1.0, 1.0)
    );
    assert_eq!(metrics.sum("ostia_shadow_decisions_total", &[]), 3.0, "only about those who were let in");
}
