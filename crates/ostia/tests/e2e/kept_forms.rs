//! L2: a form that somebody posted when the session had ended, where a route keeps it.

use http::Method;
use ostia_testkit::{Browser, Ostia, Page};

use crate::world::{APP, World, has_session, signed_in};

const FORM: [(&str, &str); 5] = [
    ("content-type", "application/x-www-form-urlencoded"),
    ("accept", "text/html"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("origin", APP),
];

async fn with_node(sessions: &str) -> (World, Ostia, Browser) {
    let world = World::new().await;
    let yaml = world
        .config()
        .replace(&world.sessions_section(""), &world.sessions_section(sessions))
        .replace("{ name: app, host: app.localhost,", "{ name: app, keep_form: true, host: app.localhost,");
    let node = world.start(&yaml).await;
    let browser = Browser::new(&world.names);
    (world, node, browser)
}

async fn post(browser: &Browser, path: &str, more: &[(&str, &str)], body: &str) -> Page {
    let fields = [&FORM[..], more].concat();
    browser.send(Method::POST, &format!("{APP}{path}"), &fields, Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_a_session_waits_in_a_page_while_its_owner_signs_in() {
    // `keep_fragment` has a page of its own on the way out, which must not take the place of this one.
    let (world, _node, browser) = with_node("keep_fragment: true").await;
    let page = post(&browser, "/save?x=%2B1", &[("sec-fetch-site", "same-origin")], "a=1&b=%22%3E").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let html = page.text();
    assert!(
        html.contains("data-form=\"a=1&amp;b=%22%3E\"") && html.contains("data-target=\"/save?x=%2B1\""),
        "{html}"
    );
    assert!(html.contains(&format!("data-to=\"{}/authorize?", world.provider.issuer())), "{html}");
    assert_eq!(world.app.count(), 0, "nothing reaches the application before its owner has signed in");
    // What its script does next: to the provider, and back to the page that posts it again.
    let to = html.split("data-to=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let page = browser.visit(&to).await;
    assert_eq!((page.status, page.url.path()), (200, "/.ostia/callback"), "{}", page.text());
    let back = "/.ostia/resend?to=/save%3Fx%3D%252B1";
    assert!(page.text().contains(&format!("data-to=\"{back}\"")), "{}", page.text());
    let page = browser.open(&format!("{APP}{back}")).await;
    assert!(has_session(&browser));
    assert!(page.text().contains("data-way=\"back\" data-target=\"/save?x=%2B1\""), "{}", page.text());
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_not_surely_from_here_or_not_plain_or_too_large_is_refused_as_ever() {
    let (world, _node, browser) = with_node("").await;
    let large = "x".repeat(65 * 1024);
    for (what, more, body) in [
        ("of another site", &[("sec-fetch-site", "cross-site")][..], "a=1"),
        ("of another host of this site", &[("sec-fetch-site", "same-site")], "a=1"),
        ("too large", &[("sec-fetch-site", "same-origin")], &large),
        ("empty-handed with a prefetch", &[("sec-purpose", "prefetch")], "a=1"),
    ] {
        let page = post(&browser, "/save", more, body).await;
        assert_eq!(page.status, 401, "{what}: {}", page.text());
        assert!(page.field("content-type").unwrap().starts_with("application/problem+json"), "{what}");
    }
    let script =
        [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-mode", "cors"), ("origin", APP)];
    let page = browser.send(Method::POST, &format!("{APP}/save"), &script, Some("a=1")).await;
    assert_eq!(page.status, 401, "a script");
    assert_eq!(
        post(&browser, "/finance/save", &[("sec-fetch-site", "same-origin")], "a=1").await.status,
        401,
        "a route that keeps none"
    );
    assert_eq!(world.provider.calls("/authorize").len(), 0);
    // With a session it is a request as any other.
    signed_in(&browser, "/").await;
    assert_eq!(post(&browser, "/save", &[("sec-fetch-site", "same-origin")], "a=1").await.status, 200);
    assert_eq!(world.app.last().body, b"a=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_that_posts_again_leads_nowhere_else() {
    let (_world, _node, browser) = with_node("").await;
    for to in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "", "/a&to=/b"] {
        assert_eq!(browser.open(&format!("{APP}/.ostia/resend?to={to}")).await.status, 404, "{to}");
    }
    let page = browser.open(&format!("{APP}/.ostia/resend?to=/a")).await;
    assert_eq!(page.status, 200);
    assert!(page.field("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    let (_world, _node, browser) = World::with_node().await;
    assert_eq!(
        browser.open(&format!("{APP}/.ostia/resend?to=/a")).await.status,
        404,
        "where no route keeps forms"
    );
}
