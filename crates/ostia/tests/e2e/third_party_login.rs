//! Another site starts a login (OpenID Connect Core section 4): where it is allowed, and never to a page elsewhere.

use http::Method;
use ostia_testkit::{Browser, Ostia};

use crate::world::{APP, POLICIES, ROUTES, World, has_session};

async fn with_node() -> (World, Ostia, Browser) {
    let world = World::new().await;
    let provider = world.provider_keys("app.localhost", 2) + "  third_party_login: true\n";
    let yaml =
        ["provider:\n", &provider, &world.sessions_section(""), POLICIES, &world.upstream_section(), ROUTES]
            .concat();
    let node = world.start(&yaml).await;
    let browser = Browser::new(&world.names);
    (world, node, browser)
}

fn address(world: &World, more: &[(&str, &str)]) -> String {
    let mut url = url::Url::parse(&format!("{APP}/.ostia/initiate-login")).unwrap();
    url.query_pairs_mut().append_pair("iss", world.provider.issuer()).extend_pairs(more);
    url.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_another_site_starts_ends_on_the_page_that_it_names() {
    let (world, _node, browser) = with_node().await;
    let target =
        [("target_link_uri", "http://app.localhost/deep%2Flink?x=%2B1"), ("login_hint", "ana@example.com")];
    let page = browser.visit(&address(&world, &target)).await;
    assert_eq!((page.status, page.path_and_query()), (200, "/deep%2Flink?x=%2B1"), "{}", page.text());
    let asked = &world.provider.calls("/authorize")[0];
    assert_eq!(asked["login_hint"], "ana@example.com");
    assert_eq!(asked["scope"], "openid profile email groups offline_access");
    // By a form, as section 4 allows.
    let other = Browser::new(&world.names);
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "text/html"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "cross-site"),
    ];
    let body = format!("iss={}&target_link_uri=http%3A%2F%2Fapp.localhost%2Fx", world.provider.issuer());
    let page = other.send(Method::POST, &format!("{APP}/.ostia/initiate-login"), &form, Some(&body)).await;
    let page = other.follow(page).await;
    assert_eq!((page.status, page.path_and_query()), (200, "/x"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leads_to_no_page_elsewhere_and_takes_no_parameter_of_the_protocol() {
    let (world, _node, browser) = with_node().await;
    for target in [
        "https://evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "http://app.localhost/.ostia/logout",
    ] {
        browser.set_cookies(Vec::new());
        let more =
            [("target_link_uri", target), ("scope", "admin"), ("redirect_uri", "https://evil.example/")];
        let page = browser.visit(&address(&world, &more)).await;
        assert_eq!((page.status, page.url.as_str()), (200, "http://app.localhost/"), "{target}");
    }
    let asked = world.provider.calls("/authorize");
    assert!(asked.iter().all(|call| call["redirect_uri"] == format!("{APP}/.ostia/callback")));
    assert!(asked.iter().all(|call| !call["scope"].contains("admin")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_starts_a_login_unseen_of_another_issuer_or_where_it_is_not_allowed() {
    let (world, _node, browser) = with_node().await;
    for query in ["", "?iss=https%3A%2F%2Fother.example", "?iss=a&iss=b"] {
        assert_eq!(browser.open(&format!("{APP}/.ostia/initiate-login{query}")).await.status, 404, "{query}");
    }
    let frame = [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    assert_eq!(browser.send(Method::GET, &address(&world, &[]), &frame, None).await.status, 403);
    assert_eq!(browser.send(Method::PUT, &address(&world, &[]), &[], None).await.status, 405);
    assert!(!has_session(&browser));

    let (world, _node, browser) = World::with_node().await;
    assert_eq!(browser.open(&address(&world, &[])).await.status, 404, "without `third_party_login`");
    assert_eq!(world.provider.calls("/authorize").len(), 0);
}
