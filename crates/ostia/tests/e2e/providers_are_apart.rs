//! L9: a session of one provider never opens a route of another, even for the same name.

use std::time::{Duration, Instant};

use ostia_testkit::{Browser, FaultProvider, Outage, raw};
use serde_json::json;

use crate::world::{APP, World};

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_session_nor_a_token_of_one_provider_opens_a_route_of_another() {
    let world = World::new().await;
    let other = FaultProvider::start().await;
    let keys = world.provider_keys("app.localhost", 4);
    let providers = format!(
        "providers:\n  one:\n{keys}  two:\n{}{}",
        keys.replace(world.provider.issuer(), other.issuer()),
        world.sessions_section("")
    );
    let routes = "routes:\n  \
        - { host: app.localhost, path: /one/, provider: one, allow: authenticated, upstream: app }\n  \
        - { host: app.localhost, path: /two/, provider: two, allow: authenticated, upstream: app }\n";
    let node = world.start(&[&providers, &world.upstream_section(), routes].concat()).await;

    let browser = Browser::new(&world.names);
    assert_eq!(browser.visit(&format!("{APP}/one/x")).await.status, 200);
    let seen = world.app.count();
    assert_eq!(browser.fetch(&format!("{APP}/two/x")).await.status, 401);
    for (path, token, status) in [
        ("/one/x", world.provider.access_token("ana", json!({})), 200),
        ("/two/x", world.provider.access_token("ana", json!({})), 401),
        ("/two/x", other.access_token("ana", json!({})), 200),
        ("/one/x", other.access_token("ana", json!({})), 401),
        // Signed by one, in the name of the other; both sets have a key of this name.
        ("/two/x", world.provider.access_token("ana", json!({ "iss": other.issuer() })), 401),
    ] {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        assert_eq!(raw::send(node.port(), head).await.unwrap().status, status, "{path}");
    }
    assert_eq!(world.app.count(), seen + 2);
    // It takes a login there.
    assert_eq!(browser.visit(&format!("{APP}/two/x")).await.status, 200);
    assert_eq!(other.token_calls("authorization_code"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_providers_of_one_issuer_judge_a_token_each_by_its_own_audience() {
    let world = World::new().await;
    let keys = world.provider_keys("app.localhost", 4);
    let providers = format!(
        "providers:\n  one:\n{keys}  two:\n{}{}",
        keys.replace("https://api.example.com", "https://admin.example.com"),
        world.sessions_section("")
    );
    let routes = "routes:\n  \
        - { host: app.localhost, path: /one/, provider: one, allow: authenticated, upstream: app }\n  \
        - { host: app.localhost, path: /two/, provider: two, allow: authenticated, upstream: app }\n";
    let node = world.start(&[&providers, &world.upstream_section(), routes].concat()).await;
    let token = |audiences| world.provider.access_token("ana", json!({ "aud": audiences }));
    let both = token(json!(["https://api.example.com", "https://admin.example.com"]));
    let first = token(json!("https://api.example.com"));
    for (path, token, status) in [
        ("/one/x", &both, 200),
        // What the first says about it is known by now, and is not what is asked here.
        ("/two/x", &both, 200),
        ("/one/x", &both, 200),
        ("/one/x", &first, 200),
        ("/two/x", &first, 401),
        ("/one/x", &first, 200),
    ] {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        assert_eq!(raw::send(node.port(), head).await.unwrap().status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_does_not_answer_delays_no_token_of_another() {
    let world = World::new().await;
    let dark = FaultProvider::start().await;
    dark.behave(|behaviour| behaviour.outage = Some(Outage::Silent));
    let section = |issuer: &str| {
        format!("{{ issuer: \"{issuer}\", access_token: {{ audience: https://api.example.com }} }}")
    };
    let providers = format!(
        "providers:\n  one: {}\n  dark: {}\n",
        section(world.provider.issuer()),
        section(dark.issuer())
    );
    let routes = "routes:\n  \
        - { host: app.localhost, provider: [one, dark], allow: authenticated, upstream: app }\n";
    let node = world.start(&[&providers, &world.upstream_section(), routes].concat()).await;
    let ask = async |token: String| {
        let head = format!("GET /x HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        raw::send(node.port(), head).await.unwrap().status
    };
    let of_the_dark = async {
        let asked = (0..20).map(|number| ask(dark.access_token(&format!("ana-{number}"), json!({}))));
        futures_util::future::join_all(asked).await
    };
    let of_the_other = async {
        let began = Instant::now();
        for number in 0..20 {
            let status = ask(world.provider.access_token(&format!("bea-{number}"), json!({}))).await;
            assert_eq!(status, 200, "{number}");
        }
        began.elapsed()
    };
    let (dark, took) = tokio::join!(of_the_dark, of_the_other);
    assert!(dark.iter().all(|status| *status == 503), "{dark:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
}
