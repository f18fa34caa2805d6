//! L2: after login the user is at the byte-identical path and query.

use crate::world::{APP, World, signed_in};
use ostia_testkit::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn after_login_the_browser_is_at_the_byte_identical_path_and_query() {
    let (world, _node, _) = World::with_node().await;
    let long = format!("/search?q={}", "x%2By+z".repeat(570));
    assert!(long.len() > 3990, "4 KB of query");
    for target in [
        "/",
        "/a%2Fb/c+d?x=1+2&y=%2F%2f&z=a%20b",
        "/%E2%82%AC/%F0%9F%A6%80?name=%C3%A9&raw=%FF",
        "/;v=1/a,b?&&==&a[]=1&a[]=2?",
        "/x?",
        "/x?return=https://evil.example/&next=//evil.example",
        "/@evil.example/%5Cx",
        "/a//b/",
        "/100%25",
        long.as_str(),
    ] {
        let browser = Browser::new(&world.names);
        let page = signed_in(&browser, target).await;
        assert_eq!(world.app.last().target(), target);
        assert_eq!(page.url.host_str(), Some("app.localhost"));
        assert_eq!(browser.refused_cookies(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_open_in_two_spellings_keeps_both() {
    let (world, _node, browser) = World::with_node().await;
    signed_in(&browser, "/first").await;
    for target in ["/a%2fb", "/a%2Fb", "/A"] {
        let page = browser.open(&format!("{APP}{target}")).await;
        assert_eq!((page.status, world.app.last().target()), (200, target));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_path_never_leads_to_another_origin() {
    let (_world, _node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    for target in [
        "//evil.example/",
        "/\\evil.example",
        "https://evil.example/",
        "/%09/evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
    ] {
        let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        let page = browser.open(&format!("{APP}/.ostia/login?return={target}")).await;
        let end = match page.location() {
            // Signed in again, or sent back at once: what counts is where it ends.
            Some(_) => browser.follow(page).await.url,
            None => page.url,
        };
        assert_eq!(end.host_str(), Some("app.localhost"), "{target}");
    }
}
