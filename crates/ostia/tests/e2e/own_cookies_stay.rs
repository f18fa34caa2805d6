//! L11: Ostia's own cookies never reach an upstream; everybody else's arrive byte for byte.

use ostia_testkit::raw;
use serde_json::json;

use crate::world::{World, request, signed_in};

#[tokio::test(flavor = "multi_thread")]
async fn own_cookies_are_cut_out_and_others_arrive_byte_for_byte() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let own = browser.cookie_field("http://app.localhost/").unwrap();
    assert!(own.contains("__Host-ostia="));
    for (sent, arrives) in [
        (own.clone(), None),
        (format!("a=1; {own}"), Some("a=1")),
        (format!("{own}; a=1"), Some("a=1")),
        (format!("a=1; {own}; b=2"), Some("a=1; b=2")),
        (format!("a=\"x y\";  {own};b=%20é=,"), Some("a=\"x y\"; b=%20é=,")),
        (format!("{own}; __Host-other=1; __Host-ostia2=2"), Some("__Host-other=1; __Host-ostia2=2")),
        (format!("{own}; __Host-ostia-s0=x; __Secure-ostia-id=y; __Host-ostia-rounds=z; a=1"), Some("a=1")),
    ] {
        let answer = raw::send(node.port(), request("GET /x HTTP/1.1", &[("Cookie", &sent)])).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let got = world.app.last().field("cookie");
        let squeeze = |text: &str| text.replace("; ", ";").replace("; ", ";").trim().to_owned();
        assert_eq!(got.as_deref().map(squeeze), arrives.map(squeeze), "sent {sent}");
        assert!(!world.app.last().head.contains("__Host-ostia="));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_field_without_ours_arrives_unchanged() {
    let (world, node, _) = World::with_node().await;
    for cookies in
        ["a=1", "a=1;b=2", "a=1;  b=2 ;", "=x; y", "a=\"q;uoted\"", "__host-ostia=1", "x__Host-ostia=1"]
    {
        raw::send(node.port(), request("GET /public/x HTTP/1.1", &[("Cookie", cookies)])).await.unwrap();
        assert_eq!(world.app.last().field("cookie").as_deref(), Some(cookies.trim()), "{cookies}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_public_routes_and_in_several_fields_they_are_cut_out_too() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let own = browser.cookie_field("http://app.localhost/").unwrap();
    for line in ["GET /public/x HTTP/1.1", "OPTIONS /public/x HTTP/1.1"] {
        let fields = [("Cookie", "a=1"), ("Cookie", own.as_str()), ("Cookie", "b=2")];
        let answer = raw::send(node.port(), request(line, &fields)).await.unwrap();
        assert_eq!(answer.status, 200);
        let head = world.app.last().head;
        assert!(!head.contains("ostia="), "{head}");
        assert!(head.contains("a=1") && head.contains("b=2"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_reaches_an_application_or_a_page() {
    let (world, node, browser) = World::with_node().await;
    let page = browser.visit("http://app.localhost/x").await;
    assert_eq!(page.status, 200);
    let whoami = browser.fetch("http://app.localhost/.ostia/whoami").await;
    assert_eq!((whoami.status, &whoami.json()["sub"]), (200, &json!("ana")), "{}", whoami.text());
    let token = world.provider.access_token("robot", json!({}));
    let bearer = format!("Bearer {token}");
    let fields = [("Authorization", bearer.as_str())];
    assert_eq!(raw::send(node.port(), request("GET /y HTTP/1.1", &fields)).await.unwrap().status, 200);
    for text in
        [page.text(), whoami.text()].into_iter().chain(world.app.seen().into_iter().map(|seen| seen.head))
    {
        assert_eq!(ostia_testkit::secrets::found_in(&text), None, "{text}");
        assert!(!text.contains("eyJ"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_changes_nothing_sets_no_cookie() {
    let (world, _node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let before = browser.cookies();
    browser.fetch("http://app.localhost/x").await;
    assert_eq!(browser.cookies(), before, "a request that changes nothing sets nothing");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_sets_its_own_cookies_and_none_of_ours() {
    let (world, _node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let before = browser.cookies();
    world.app.answer_with(&[
        ("Set-Cookie", "theirs=1; Path=/"),
        ("Set-Cookie", "__Host-ostia=forged; Path=/; Secure"),
        ("Set-Cookie", " __Host-ostia.1=forged; Path=/; Secure"),
        ("Set-Cookie", "__Host-ostia-s0=; Path=/; Secure; Max-Age=0"),
        ("Set-Cookie", "also=2; Path=/"),
    ]);
    for path in ["/x", "/public/x"] {
        assert_eq!(browser.fetch(&format!("http://app.localhost{path}")).await.status, 200);
        let after = browser.cookies();
        assert_eq!(after[..before.len()], before, "{path}");
        let names: Vec<&str> = after[before.len()..].iter().map(|cookie| cookie.name.as_str()).collect();
        assert_eq!(names, ["theirs", "also"], "{path}");
    }
}
