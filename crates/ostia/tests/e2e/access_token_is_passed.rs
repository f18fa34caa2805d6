//! L11: the access token reaches an application only where the operator asks for it, and then the one that counts now.

use std::time::Duration;

use ostia_testkit::{Browser, Ostia, Signer, eventually, raw};
use serde_json::json;

use crate::world::{APP, World, signed_in};

const FIELDS: [&str; 2] = ["authorization", "x-amzn-oidc-accesstoken"];

/// What the application sees of the token in a request that was let in.
async fn seen(world: &World, node: &Ostia, path: &str, fields: &str) -> [Option<String>; 2] {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: app.localhost\r\n{fields}X-Amzn-Oidc-Accesstoken: forged\r\n\r\n"
    );
    let answer = raw::send(node.port(), head).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    seen_last(world)
}

fn seen_last(world: &World) -> [Option<String>; 2] {
    let seen = world.app.last();
    FIELDS.map(|name| seen.field(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_token_goes_on_only_where_it_is_asked_for() {
    let world = World::new().await;
    let robot = world.provider.access_token("robot", json!({}));
    let asked = format!("Authorization: Bearer {robot}\r\n");
    for passes in [false, true] {
        let identity = format!("identity: {{ preset: alb, pass_access_token: {passes} }}\n");
        let node = world.start(&(world.config() + &identity)).await;
        let as_shown = [Some(format!("Bearer {robot}")), Some(robot.clone())];
        // Known from the second time on.
        for _ in 0..2 {
            let expected = if passes { as_shown.clone() } else { [None, None] };
            assert_eq!(seen(&world, &node, "/x", &asked).await, expected, "passes: {passes}");
        }
        assert_eq!(seen(&world, &node, "/public/x", "").await, [None, None], "nobody, passes: {passes}");
        signed_in(&Browser::new(&world.names), "/x").await;
        let [authorization, bare] = seen_last(&world);
        assert_eq!((authorization.is_some(), bare.is_some()), (passes, passes));
        assert_eq!(authorization, bare.map(|token| format!("Bearer {token}")));
        let told = node.succeeds(&["route", "GET", &format!("{APP}/x"), "--token", &robot]).await;
        assert!(!told.contains(&robot), "a verb prints no token: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_is_bound_as_it_came_and_refreshed_with_its_session() {
    let world = World::new().await;
    let node = world.start(&(world.config() + "identity: { pass_access_token: true }\n")).await;
    let key = Signer::new("mine");
    let token = world.provider.access_token("robot", json!({ "cnf": { "jkt": key.thumbprint() } }));
    let proof = key.proof("GET", &format!("{APP}/x"), Some(&token), json!({}));
    let fields = format!("Authorization: DPoP {token}\r\nDPoP: {proof}\r\n");
    assert_eq!(seen(&world, &node, "/x", &fields).await[0], Some(format!("DPoP {token}")));

    world.provider.behave(|behaviour| behaviour.access_token_seconds = 4);
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/x").await;
    let [first, _] = seen_last(&world);
    eventually("a refreshed token goes on", Duration::from_secs(10), async || {
        assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
        let [now, _] = seen_last(&world);
        (now.is_some() && now != first).then_some(())
    })
    .await;
    assert!(world.provider.token_calls("refresh_token") >= 1);
}
