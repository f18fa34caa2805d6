//! P1, P2: no route without `allow`; the same policies decide for people and machines.

use ostia_testkit::{Browser, raw};
use serde_json::{Value, json};

use crate::world::{APP, World, bo};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_policies_decide_for_people_and_machines() {
    let world = World::new().await;
    let policies = "policies:\n  \
        nested: { claims: { realm_access.roles: [editor] } }\n  \
        named: { claims: { \"https://example.com/roles\": [auditor] } }\n  \
        listed: { claims: { groups: [staff, contractors] } }\n  \
        text: { claims: { department: [ops] } }\n  \
        scoped: { scope: [orders.read] }\n  \
        both: { all: [listed, text] }\n  \
        either: { any: [nested, named] }\n  \
        outsiders: { not: [listed] }\n  \
        local: { source: [127.0.0.0/8] }\n  \
        remote: { source: [192.0.2.0/24] }\n";
    let names = ["nested", "named", "listed", "text", "both", "either", "outsiders", "local", "remote"];
    let mut routes = "routes:\n".to_owned();
    for name in names {
        routes += &format!("  - {{ host: app.localhost, path: /{name}/, allow: {name}, upstream: app }}\n");
    }
    let provider = world.provider_section();
    let node = world.start(&[&provider, policies, &world.upstream_section(), &routes].concat()).await;
    let people: [(&str, Value, &[&str]); 9] = [
        // Whose groups are not told is not known to be outside.
        ("nobody in particular", json!({}), &["local"]),
        (
            "editor",
            json!({ "realm_access": { "roles": ["reader", "editor"] } }),
            &["nested", "either", "local"],
        ),
        ("editor as text", json!({ "realm_access": { "roles": "editor" } }), &["nested", "either", "local"]),
        ("auditor", json!({ "https://example.com/roles": ["auditor"] }), &["named", "either", "local"]),
        ("staff", json!({ "groups": ["staff"] }), &["listed", "local"]),
        (
            "staff of operations",
            json!({ "groups": ["contractors"], "department": "ops" }),
            &["listed", "text", "both", "local"],
        ),
        (
            "nearly",
            json!({ "groups": ["staff2", "Staff", " staff", "xstaff"], "department": "ops " }),
            &["outsiders", "local"],
        ),
        (
            "joined",
            json!({ "groups": "staff,contractors", "realm_access": "editor" }),
            &["outsiders", "local"],
        ),
        (
            "wrong types",
            json!({ "groups": [0, true, null, ["staff"], {"staff": 1}], "department": 0 }),
            &["local"],
        ),
    ];
    for (who, claims, allowed) in people {
        let mut person = claims.clone();
        person["sub"] = who.into();
        world.provider.expect_person(person);
        let browser = Browser::new(&world.names);
        let first = browser.visit(&format!("{APP}/{}/", allowed[0])).await;
        assert_eq!(first.status, 200, "{who} signs in: {}", first.text());
        let mut edit = claims;
        if edit.get("groups").is_none() {
            edit["groups"] = Value::Null;
        }
        let token = world.provider.access_token(who, edit);
        for name in names {
            let expected = if allowed.contains(&name) { 200 } else { 403 };
            let page = browser.fetch(&format!("{APP}/{name}/")).await;
            assert_eq!(page.status, expected, "{who}, a person, at {name}: {}", page.text());
            let head = format!(
                "GET /{name}/ HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
            );
            let answer = raw::send(node.port(), head).await.unwrap();
            assert_eq!(answer.status, expected, "{who}, a machine, at {name}: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_in_one_text_are_read_one_by_one() {
    let world = World::new().await;
    let policies = "policies:\n  scoped: { scope: [orders.read, orders.write] }\n";
    let routes = "routes:\n  - { host: app.localhost, allow: scoped, upstream: app }\n";
    let node =
        world.start(&[&world.provider_section(), policies, &world.upstream_section(), routes].concat()).await;
    for (claim, expected) in [
        (json!({ "scope": "orders.read orders.write" }), 200),
        (json!({ "scope": null, "scp": ["orders.write", "orders.read"] }), 200),
        (json!({ "scope": "orders.read" }), 403),
        (json!({ "scope": "orders.read,orders.write" }), 403),
        (json!({ "scope": "orders.readorders.write" }), 403),
        (json!({ "scope": null }), 403),
    ] {
        let token = world.provider.access_token("robot", claim.clone());
        let head = format!("GET / HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        let answer = raw::send(node.port(), head).await.unwrap();
        assert_eq!(answer.status, expected, "{claim}");
        if expected == 403 {
            assert!(
                answer.field("www-authenticate").unwrap_or_default().contains("insufficient_scope"),
                "{claim}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_the_group_gets_a_page_and_the_application_sees_nothing() {
    let (world, _node, browser) = World::with_node().await;
    world.provider.expect_person(bo());
    let page = browser.visit(&format!("{APP}/finance/report")).await;
    assert_eq!((page.status, page.path_and_query()), (403, "/finance/report"));
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    assert_eq!(world.app.count(), 0);
    assert_eq!(browser.fetch(&format!("{APP}/elsewhere")).await.status, 200);
    let page = browser.fetch(&format!("{APP}/finance/report")).await;
    assert_eq!((page.status, page.field("content-type")), (403, Some("application/problem+json")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_whose_readings_fall_under_another_policy_is_refused() {
    let (world, node, browser) = World::with_node().await;
    world.provider.expect_person(bo());
    assert_eq!(browser.visit(&format!("{APP}/")).await.status, 200);
    let cookie = browser.cookie_field(APP).unwrap();
    let seen = world.app.count();
    for path in [
        "/finance%2Freport",
        "/x/..%2Ffinance/report",
        "/public/..%252ffinance/",
        "/public/../finance/",
        "/public/%2e%2e/finance/",
        "//finance/",
        "/./finance/",
        "/public/..;/finance/",
        "/public/..%5Cfinance/",
        "/FINANCE/",
        "/%66inance/",
        "/finance%00/",
        "/public//../finance/x",
    ] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: app.localhost\r\nCookie: {cookie}\r\n\r\n");
        let answer = raw::send(node.port(), head).await.unwrap();
        assert!([400, 403].contains(&answer.status), "{path}: {}", answer.status);
    }
    assert_eq!(world.app.count(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_decides_the_next_request_of_a_live_session() {
    let (world, node, browser) = World::with_node().await;
    crate::world::signed_in(&browser, "/").await;
    node.reload(&world.config().replace("groups: [staff]", "groups: [board]"));
    ostia_testkit::eventually("the new policy decides", std::time::Duration::from_secs(10), async || {
        (browser.fetch(&format!("{APP}/x")).await.status == 403).then_some(())
    })
    .await;
}
