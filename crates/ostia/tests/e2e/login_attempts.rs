//! L3, L4: many tabs, stale and replayed callbacks, loops.

use std::sync::Arc;

use ostia_testkit::{Browser, Page};
use serde_json::json;

use crate::world::{APP, World, flow_cookies, has_session, signed_in};

async fn ten_tabs(browser: &Arc<Browser>) -> Vec<(String, Page)> {
    let tabs = (0..10).map(|tab| {
        let browser = Arc::clone(browser);
        tokio::spawn(async move {
            let target = format!("/tab/{tab}?q=%2F{tab}");
            let page = browser.open(&format!("{APP}{target}")).await;
            (target, page)
        })
    });
    let mut pages = Vec::new();
    for tab in tabs.collect::<Vec<_>>() {
        pages.push(tab.await.unwrap());
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_tabs_that_open_at_once_all_end_on_their_own_page() {
    let (_world, _node, browser) = World::with_node().await;
    let browser = Arc::new(browser);
    let tabs = ten_tabs(&browser).await;
    let flows = flow_cookies(&browser);
    assert!((1..=4).contains(&flows.len()), "{flows:?}");
    for (target, page) in tabs {
        assert_eq!(page.status, 303);
        let page = browser.follow(page).await;
        assert_eq!((page.status, page.path_and_query()), (200, target.as_str()), "{}", page.text());
    }
    assert_eq!(flow_cookies(&browser), Vec::<String>::new(), "the last tab leaves none behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_tabs_that_come_back_at_once_all_end_on_their_own_page() {
    let (_world, _node, browser) = World::with_node().await;
    let browser = Arc::new(browser);
    let tabs = ten_tabs(&browser).await.into_iter().map(|(target, page)| {
        let browser = Arc::clone(&browser);
        tokio::spawn(async move { (target, browser.follow(page).await) })
    });
    for tab in tabs.collect::<Vec<_>>() {
        let (target, page) = tab.await.unwrap();
        assert_eq!((page.status, page.path_and_query()), (200, target.as_str()), "{}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_are_never_finished_leave_four_cookies_of_two_kilobytes() {
    let (_world, _node, browser) = World::with_node().await;
    // A minute's worth of attempts ends in the page about loops: either answer is fine, a fifth cookie is not.
    for attempt in 0..12 {
        browser.open(&format!("{APP}/page/{attempt}")).await;
        let flows = flow_cookies(&browser);
        assert!(flows.len() <= 4, "{flows:?}");
        let cookies = browser.cookies().into_iter().filter(|cookie| flows.contains(&cookie.name));
        let size: usize = cookies.map(|cookie| cookie.name.len() + cookie.value.len()).sum();
        assert!(size <= 2048, "{size} bytes in {flows:?}");
    }
}

/// The address of the callback that a browser went through on its way to `page`.
fn callback_of(page: &Page) -> String {
    page.trail.iter().find(|url| url.path() == "/.ostia/callback").unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_was_used_leads_back_where_a_session_exists() {
    let (world, _node, browser) = World::with_node().await;
    let callback = callback_of(&signed_in(&browser, "/x").await);
    let page = browser.open(&callback).await;
    assert!((300..400).contains(&page.status), "{} {}", page.status, page.text());
    assert_eq!(page.location().unwrap().host_str(), Some("app.localhost"));
    assert_eq!(world.provider.token_calls("authorization_code"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_without_its_cookie_creates_no_session() {
    let (world, _node, browser) = World::with_node().await;
    let at_provider = browser.open(&format!("{APP}/x")).await;
    let back = browser.open(at_provider.location().unwrap().as_str()).await;
    let callback = back.location().unwrap().to_string();

    // Another person's browser, led to the attacker's callback (login CSRF, RFC 6749 section 10.12).
    let victim = Browser::new(&world.names);
    let page = victim.open(&callback).await;
    assert!(!has_session(&victim));
    // A sign-in of the victim's own, or a page that says how to go on.
    match page.location() {
        Some(location) => {
            assert!(location.as_str().starts_with(world.provider.issuer()), "{location}");
            assert_ne!(page.location_parameter("state"), back.location_parameter("state"));
        }
        None => assert!(page.status == 400 && page.text().contains("/.ostia/login"), "{}", page.text()),
    }
    assert_eq!(world.provider.token_calls("authorization_code"), 0, "a code that is not ours is not spent");

    // Its owner may still finish.
    assert_eq!(browser.open(&callback).await.status, 303);
    assert!(has_session(&browser));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_with_the_old_cookies_creates_no_session() {
    let (world, _node, browser) = World::with_node().await;
    let at_provider = browser.open(&format!("{APP}/x")).await;
    let cookies = browser.cookies();
    let back = browser.open(at_provider.location().unwrap().as_str()).await;
    let callback = back.location().unwrap().to_string();
    assert_eq!(browser.open(&callback).await.status, 303);

    browser.set_cookies(cookies);
    let page = browser.open(&callback).await;
    assert!((400..500).contains(&page.status), "{}", page.status);
    assert!(!has_session(&browser));
    assert!(world.provider.token_calls("authorization_code") <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_callback_is_refused() {
    let (world, _node, browser) = World::with_node().await;
    for query in [
        "",
        "?code=x",
        "?state=x",
        "?code=x&state=y",
        "?code=a&code=b&state=y",
        "?error=access_denied",
        "?state=%00&code=%FF",
    ] {
        let page = browser.open(&format!("{APP}/.ostia/callback{query}")).await;
        assert_eq!(page.status, 400, "{query}");
        assert!(!has_session(&browser), "{query}");
    }
    assert_eq!(world.provider.calls("/token").len(), 0);
    assert_eq!(world.app.count(), 0, "Ostia's own paths never reach the application");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_issuer_is_refused() {
    let (world, _node, browser) = World::with_node().await;
    world.provider.behave(|behaviour| behaviour.response_issuer = Some("https://other.example".to_owned()));
    let page = browser.visit(&format!("{APP}/x")).await;
    assert!((400..500).contains(&page.status), "{}", page.status);
    assert!(!has_session(&browser));
    assert_eq!(
        world.provider.token_calls("authorization_code"),
        0,
        "no code goes to the wrong place (RFC 9207)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_with_a_wrong_claim_makes_no_session() {
    let (world, _node, browser) = World::with_node().await;
    for (name, edit) in [
        ("nonce", json!({ "nonce": "other-other-other-other" })),
        ("no nonce", json!({ "nonce": null })),
        ("issuer", json!({ "iss": "https://other.example" })),
        ("audience", json!({ "aud": "another-client" })),
        ("expired", json!({ "exp": 1_000_000_000 })),
        ("no subject", json!({ "sub": null })),
        ("no iat", json!({ "iat": null })),
        ("foreign azp", json!({ "aud": ["ostia", "x"], "azp": "x" })),
        ("wrong at_hash", json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" })),
    ] {
        world.provider.behave(|behaviour| behaviour.id_token = edit.as_object().unwrap().clone());
        browser.set_cookies(Vec::new());
        let page = browser.visit(&format!("{APP}/x")).await;
        assert!((400..600).contains(&page.status), "{name}: {}", page.status);
        assert!(!has_session(&browser), "{name}");
    }
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_declines_gets_a_page_and_no_redirect() {
    let (world, _node, browser) = World::with_node().await;
    world.provider.behave(|behaviour| behaviour.authorization_error = Some("access_denied".to_owned()));
    let page = browser.visit(&format!("{APP}/x")).await;
    assert_eq!((page.status, page.url.path()), (403, "/.ostia/callback"));
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    assert_eq!(flow_cookies(&browser), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_loses_its_session_each_time_is_told_instead_of_sent_round() {
    let (world, _node, browser) = World::with_node().await;
    let mut page = browser.open(&format!("{APP}/x")).await;
    for _ in 0..40 {
        let Some(next) = page.location() else { break };
        page = browser.open(next.as_str()).await;
        let others = browser.cookies().into_iter().filter(|cookie| cookie.name != "__Host-ostia").collect();
        browser.set_cookies(others);
    }
    assert!((400..500).contains(&page.status), "{} {}", page.status, page.url);
    assert!(page.text().contains("cookies"), "the page names the cause");
    let rounds = world.provider.calls("/authorize").len();
    assert!((1..=4).contains(&rounds), "{rounds} rounds");
}
