//! L5: `redirect_uri` and every absolute URL come from the configuration, whatever a client sends.

use ostia_testkit::{Page, raw};
use url::Url;

use crate::world::{APP, POLICIES, World};

const NAVIGATION: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_redirect_uri_is_the_configured_one_whatever_a_client_sends() {
    let world = World::new().await;
    // An open route answers to every name, so a forged one reaches a route, too.
    let routes = "routes:\n  - { name: own, host: app.localhost, allow: staff, upstream: app }\n  \
                  - { name: any, path: /open/, allow: anyone, upstream: app }\n";
    let yaml = [&world.provider_section(), POLICIES, &world.upstream_section(), routes].concat();
    let node = world.start(&yaml).await;
    let expected = format!("{APP}/.ostia/callback");
    for (name, head) in [
        ("plain", "GET /x HTTP/1.1\r\nHost: app.localhost\r\n"),
        ("forged host", "GET /x HTTP/1.1\r\nHost: evil.example\r\n"),
        ("forged port", "GET /x HTTP/1.1\r\nHost: app.localhost:1\r\n"),
        ("forwarded host", "GET /x HTTP/1.1\r\nHost: app.localhost\r\nX-Forwarded-Host: evil.example\r\n"),
        (
            "forwarded proto",
            "GET /x HTTP/1.1\r\nHost: app.localhost\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\n",
        ),
        (
            "forwarded",
            "GET /x HTTP/1.1\r\nHost: app.localhost\r\nForwarded: host=evil.example;proto=https\r\n",
        ),
        (
            "original",
            "GET /x HTTP/1.1\r\nHost: app.localhost\r\nX-Original-Host: evil.example\r\nX-Forwarded-Server: evil.example\r\n",
        ),
        (
            "rewrite",
            "GET /x HTTP/1.1\r\nHost: app.localhost\r\nX-Original-URL: https://evil.example/\r\nX-Rewrite-URL: /y\r\nX-Forwarded-Uri: /z\r\n",
        ),
        ("absolute form", "GET http://evil.example/x HTTP/1.1\r\nHost: evil.example\r\n"),
        ("absolute form, own host", "GET http://evil.example/x HTTP/1.1\r\nHost: app.localhost\r\n"),
        ("two hosts", "GET /x HTTP/1.1\r\nHost: app.localhost\r\nHost: evil.example\r\n"),
    ] {
        let answer = raw::send(node.port(), format!("{head}{NAVIGATION}\r\n")).await.unwrap();
        match answer.field("location") {
            Some(location) => {
                let location = Url::parse(location).unwrap();
                assert!(location.as_str().starts_with(world.provider.issuer()), "{name}: {location}");
                let sent =
                    location.query_pairs().find(|(key, _)| key == "redirect_uri").unwrap().1.into_owned();
                assert_eq!(sent, expected, "{name}");
            }
            None => assert!([400, 404, 421].contains(&answer.status), "{name}: {}", answer.status),
        }
        assert!(!answer.text().contains("evil.example"), "{name}: the page repeats the forged name");
        for (field, value) in &answer.fields {
            assert!(!value.contains("evil.example"), "{name}: {field}: {value}");
        }
    }
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configured_redirect_uri_only_the_exact_host_of_a_route_makes_one() {
    let world = World::new().await;
    let provider =
        world.provider_section().replace(&format!("redirect_uri: {APP}/.ostia/callback"), "timeout: 4s");
    let routes = "routes:\n  - { name: a, host: a.localhost, allow: staff, upstream: app }\n  \
                  - { name: wild, host: \"*.wild.localhost\", credentials: [bearer], allow: staff, upstream: app }\n";
    let node = world.start(&[&provider, POLICIES, &world.upstream_section(), routes].concat()).await;
    let ask = async |host: &str| {
        let head = format!("GET /x HTTP/1.1\r\nHost: {host}\r\n{NAVIGATION}\r\n");
        let answer = raw::send(node.port(), head).await.unwrap();
        let location = answer.field("location").map(|location| Url::parse(location).unwrap());
        (
            answer.status,
            location.map(|l| l.query_pairs().find(|(k, _)| k == "redirect_uri").unwrap().1.into_owned()),
        )
    };
    let own = Some("https://a.localhost/.ostia/callback".to_owned());
    assert_eq!(ask("a.localhost").await, (303, own.clone()));
    assert_eq!(ask("A.LOCALHOST:8443").await, (303, own));
    assert_eq!(ask("anything.wild.localhost").await, (401, None), "nobody signs in at a wildcard");
    assert_eq!(ask("evil.example").await, (404, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_login_the_location_is_a_path() {
    let (_world, _node, browser) = World::with_node().await;
    let page: Page = browser.open(&format!("{APP}/x")).await;
    let page = browser.open(page.location().unwrap().as_str()).await;
    let page = browser.open(page.location().unwrap().as_str()).await;
    assert_eq!((page.status, page.field("location")), (303, Some("/x")));
}
