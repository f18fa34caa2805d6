//! P2, B8: where only a stronger or fresher sign-in is missing, it is asked for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ostia_testkit::{Browser, eventually, raw};
use serde_json::{Value, json};

use crate::world::{APP, World};

const POLICIES: &str = "policies:\n  \
    staff: { claims: { groups: [staff] } }\n  \
    ledger: { claims: { groups: [finance] }, acr: [phr, phrh], max_age: 15m }\n";
const ROUTES: &str = "routes:\n  \
    - { name: app, host: app.localhost, allow: staff, upstream: app }\n  \
    - { name: ledger, host: app.localhost, path: /ledger/, allow: ledger, upstream: app }\n";

fn ana(more: Value) -> Value {
    let mut person = json!({ "sub": "ana", "email": "ana@example.com", "groups": ["staff", "finance"] });
    for (name, value) in more.as_object().unwrap() {
        person[name] = value.clone();
    }
    person
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_sent_to_sign_in_more_strongly_and_then_enters() {
    let world = World::new().await;
    let _node =
        world.start(&[&world.provider_section(), POLICIES, &world.upstream_section(), ROUTES].concat()).await;
    let browser = Browser::new(&world.names);
    world.provider.expect_person(ana(json!({ "acr": "pwd" })));
    assert_eq!(browser.visit(&format!("{APP}/home")).await.status, 200);
    // Whoever signed in a moment ago is told, not sent in circles.
    let told = browser.open(&format!("{APP}/ledger/x?y=1")).await;
    assert_eq!(told.status, 403, "{}", told.text());
    assert!(told.text().contains("acr_not_met"), "{}", told.text());
    let sent =
        eventually("the sign-in is not of a moment ago any more", Duration::from_secs(15), async || {
            let page = browser.open(&format!("{APP}/ledger/x?y=1")).await;
            (page.status != 403).then_some(page)
        })
        .await;
    assert_eq!(sent.location_parameter("acr_values").as_deref(), Some("phr phrh"), "{}", sent.text());
    assert_eq!(sent.location_parameter("max_age"), None, "that sign-in was recent enough");
    world.provider.expect_person(ana(json!({ "acr": "phr" })));
    let entered = browser.follow(sent).await;
    assert_eq!((entered.status, entered.path_and_query()), (200, "/ledger/x?y=1"), "{}", entered.text());
    assert_eq!(world.provider.calls("/authorize").last().unwrap()["login_hint"], "ana@example.com");
    // Somebody else, whom it would not help.
    let without = Browser::new(&world.names);
    world.provider.expect_person(ana(json!({ "acr": "pwd", "groups": ["staff"] })));
    assert_eq!(without.visit(&format!("{APP}/home")).await.status, 200);
    let refused = without.open(&format!("{APP}/ledger/x")).await;
    assert_eq!(refused.status, 403, "a stronger sign-in would not help: the group is missing");
    assert!(refused.text().contains("claim_differs"), "{}", refused.text());
}

/// L8.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_gives_a_new_session_and_the_cookie_of_before_is_dead() {
    let world = World::new().await;
    let _node =
        world.start(&[&world.provider_section(), POLICIES, &world.upstream_section(), ROUTES].concat()).await;
    let browser = Browser::new(&world.names);
    world.provider.expect_person(ana(json!({ "acr": "pwd" })));
    assert_eq!(browser.visit(&format!("{APP}/home")).await.status, 200);
    let before = browser.cookies();
    world.provider.expect_person(ana(json!({ "acr": "phr" })));
    eventually("the first sign-in is not of a moment ago any more", Duration::from_secs(15), async || {
        let page = browser.visit(&format!("{APP}/ledger/x")).await;
        (page.status == 200).then_some(())
    })
    .await;
    let value = |cookies: &[ostia_testkit::Cookie]| {
        cookies.iter().find(|cookie| cookie.name == "__Host-ostia").map(|cookie| cookie.value.clone())
    };
    assert_ne!(value(&browser.cookies()), value(&before));
    let thief = Browser::new(&world.names);
    thief.set_cookies(before);
    let answer = thief.fetch(&format!("{APP}/home")).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(answer.text().contains("session_signed_out"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_told_which_sign_in_its_token_needs() {
    let world = World::new().await;
    let node =
        world.start(&[&world.provider_section(), POLICIES, &world.upstream_section(), ROUTES].concat()).await;
    let ask = async |claims: Value| {
        let token = world.provider.access_token("ana", claims);
        let head =
            format!("GET /ledger/x HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        raw::send(node.port(), head).await.unwrap()
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let finance = json!(["finance"]);
    let weak = ask(json!({ "groups": finance, "acr": "pwd", "auth_time": now })).await;
    assert_eq!(weak.status, 401, "{}", weak.text());
    let field = weak.field("www-authenticate").unwrap();
    assert!(
        field.contains("error=\"insufficient_user_authentication\"")
            && field.contains("acr_values=\"phr phrh\"")
            && !field.contains("max_age"),
        "{field}"
    );
    let old = ask(json!({ "groups": finance, "acr": "phr", "auth_time": now - 1000 })).await;
    let field = old.field("www-authenticate").unwrap();
    assert!(
        old.status == 401 && field.contains("max_age=\"900\"") && !field.contains("acr_values"),
        "{field}"
    );
    assert_eq!(ask(json!({ "groups": finance, "acr": "phrh", "auth_time": now })).await.status, 200);
    assert_eq!(ask(json!({ "groups": ["staff"], "acr": "pwd", "auth_time": now })).await.status, 403);
}
