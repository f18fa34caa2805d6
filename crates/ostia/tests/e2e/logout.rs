//! Signing out: here first, then at the provider.

use ostia_testkit::{Browser, raw};

use crate::world::{APP, World, has_session, request, signed_in};

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_here_and_at_the_provider() {
    let (world, _node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let copied = browser.cookies();
    let ask = browser.open(&format!("{APP}/.ostia/logout")).await;
    assert_eq!(ask.status, 200);
    assert!(has_session(&browser), "a link alone signs nobody out");
    let page = browser.submit(&ask.form().expect("a page with a button")).await;
    assert_eq!((page.status, page.url.path()), (200, "/.ostia/signed-out"), "{:?}", page.trail);
    assert!(!has_session(&browser));
    let told = world.provider.calls("/end_session");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["post_logout_redirect_uri"], format!("{APP}/.ostia/signed-out"));
    assert!(told[0].contains_key("id_token_hint"), "{:?}", told[0].keys());

    // A copy of the cookie is worth nothing any more.
    let seen = world.app.count();
    browser.set_cookies(copied);
    assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 401);
    assert_eq!(world.app.count(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_cannot_sign_anybody_out() {
    let (_world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let cookie = browser.cookie_field(APP).unwrap();
    for fields in [
        [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "cross-site"), ("Content-Length", "0")],
        [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-site"), ("Content-Length", "0")],
        [("Cookie", cookie.as_str()), ("Origin", "https://evil.example"), ("Content-Length", "0")],
        [("Cookie", cookie.as_str()), ("Origin", "null"), ("Content-Length", "0")],
    ] {
        let answer = raw::send(node.port(), request("POST /.ostia/logout HTTP/1.1", &fields)).await.unwrap();
        assert_eq!(answer.status, 403, "{fields:?}");
    }
    assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_login_gets_a_new_session_and_the_old_cookie_is_dead() {
    let (world, _node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let first = browser.cookies();
    // Signing in again from within the session, as after a step-up.
    let page = browser.visit(&format!("{APP}/.ostia/login?return=%2Fagain")).await;
    assert_eq!((page.status, page.path_and_query()), (200, "/again"), "{}", page.text());
    let value = |cookies: &[ostia_testkit::Cookie]| {
        cookies.iter().find(|c| c.name == "__Host-ostia").unwrap().value.clone()
    };
    assert_ne!(value(&first), value(&browser.cookies()));
    let thief = Browser::new(&world.names);
    thief.set_cookies(first);
    assert_eq!(
        thief.fetch(&format!("{APP}/x")).await.status,
        401,
        "what was presented before names nothing after"
    );
}
