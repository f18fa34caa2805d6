//! S1 to S4: refresh before expiry, one call for all, old cookies, outages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ostia_testkit::{Browser, Cookie, Ostia, Outage, eventually};

use crate::world::{APP, World, bo, has_session, signed_in};

/// A node and a browser whose access token has just ended.
async fn with_expired_token() -> (World, Ostia, Arc<Browser>) {
    with_expired_token_of(None).await
}

/// The same of somebody else than ana.
async fn with_expired_token_of(person: Option<serde_json::Value>) -> (World, Ostia, Arc<Browser>) {
    let (world, node, browser) = World::with_node().await;
    if let Some(person) = person {
        world.provider.expect_person(person);
    }
    // Tokens are refreshed in the last half of their life: not by the requests of the login itself.
    world.provider.behave(|behaviour| behaviour.access_token_seconds = 3);
    signed_in(&browser, "/").await;
    world.provider.behave(|behaviour| behaviour.access_token_seconds = 600);
    let signed_in_at = Instant::now();
    eventually("the access token ends", Duration::from_secs(5), async || {
        (signed_in_at.elapsed() > Duration::from_millis(3200)).then_some(())
    })
    .await;
    (world, node, Arc::new(browser))
}

fn session_cookie(browser: &Browser) -> Cookie {
    browser.cookies().into_iter().find(|cookie| cookie.name == "__Host-ostia").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_on_an_ended_token_cause_one_token_call_and_all_succeed() {
    let (world, _node, browser) = with_expired_token().await;
    world.provider.behave(|behaviour| behaviour.token_delay = Duration::from_millis(300));
    let requests = (0..50).map(|number| {
        let browser = Arc::clone(&browser);
        tokio::spawn(async move { browser.fetch(&format!("{APP}/{number}")).await.status })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(world.provider.token_calls("refresh_token"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_with_the_old_cookie_is_served_and_given_the_new_one() {
    let (world, _node, browser) = with_expired_token().await;
    let old = browser.cookies();
    assert_eq!(browser.fetch(&format!("{APP}/first")).await.status, 200);
    eventually("the refresh reaches the browser", Duration::from_secs(5), async || {
        browser.fetch(&format!("{APP}/again")).await;
        (session_cookie(&browser).value != old.iter().find(|c| c.name == "__Host-ostia").unwrap().value)
            .then_some(())
    })
    .await;
    let new = session_cookie(&browser);

    browser.set_cookies(old);
    world.app.answer_with(&[("Cache-Control", "public, max-age=60")]);
    let page = browser.fetch(&format!("{APP}/late-tab")).await;
    assert_eq!(page.status, 200);
    assert!(page.headers.contains_key("set-cookie"), "the late tab is given the session as it is now");
    assert_eq!(page.field("cache-control"), Some("private"), "no shared cache keeps a session");
    assert_eq!(
        world.provider.token_calls("refresh_token"),
        1,
        "a used refresh token is never presented again"
    );
    browser.set_cookies(vec![new]);
    assert_eq!(browser.fetch(&format!("{APP}/new")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_brings_the_refreshed_session_all_the_same() {
    let (world, _node, browser) = with_expired_token_of(Some(bo())).await;
    let old = session_cookie(&browser);
    assert_eq!(browser.fetch(&format!("{APP}/finance/x")).await.status, 403);
    assert_ne!(session_cookie(&browser).value, old.value);
    assert_eq!(world.provider.token_calls("refresh_token"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_refreshes_before_its_token_ends_and_no_request_waits() {
    let world = World::new().await;
    world.provider.behave(|behaviour| behaviour.access_token_seconds = 8);
    let yaml =
        world.config().replace(&world.sessions_section(""), &world.sessions_section("refresh_before: 60s"));
    let _node = world.start(&yaml).await;
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/").await;
    world.provider.behave(|behaviour| behaviour.token_delay = Duration::from_secs(3));
    let quick = async || {
        let started = Instant::now();
        assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
        assert!(started.elapsed() < Duration::from_secs(2), "a request waited {:?}", started.elapsed());
    };
    eventually("a refresh is under way", Duration::from_secs(8), async || {
        quick().await;
        (world.provider.token_calls("refresh_token") > 0).then_some(())
    })
    .await;
    for _ in 0..10 {
        quick().await;
    }
    assert_eq!(world.provider.token_calls("refresh_token"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_provider_logs_nobody_out() {
    let (world, _node, browser) = with_expired_token().await;
    for outage in [Outage::Status(503), Outage::Status(500), Outage::Silent] {
        world.provider.behave(|behaviour| behaviour.outage = Some(outage));
        let page = browser.fetch(&format!("{APP}/x")).await;
        assert_eq!(page.status, 200, "{outage:?}: {}", page.text());
        assert!(has_session(&browser), "{outage:?}");
    }
    world.provider.behave(|behaviour| behaviour.outage = None);
    let during = world.provider.token_calls("refresh_token");
    eventually("the refresh succeeds after the outage", Duration::from_secs(60), async || {
        assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
        (world.provider.token_calls("refresh_token") > during).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_grant_ends_that_session() {
    let (world, _node, browser) = with_expired_token().await;
    let other = Browser::new(&world.names);
    signed_in(&other, "/").await;
    world.provider.behave(|behaviour| behaviour.token_error = Some("invalid_grant".to_owned()));
    eventually("the session ends", Duration::from_secs(10), async || {
        (browser.fetch(&format!("{APP}/x")).await.status == 401).then_some(())
    })
    .await;
    assert!(!has_session(&browser), "the dead cookie is cleared");
    assert_eq!(other.fetch(&format!("{APP}/x")).await.status, 200, "nobody else is touched");
    world.provider.behave(|behaviour| behaviour.token_error = None);
    signed_in(&browser, "/back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_gone_at_the_provider_is_gone_after_the_refresh() {
    let (world, _node, browser) = with_expired_token().await;
    assert_eq!(browser.cookies().iter().filter(|cookie| cookie.name == "__Host-ostia").count(), 1);
    // The provider puts this over the claims of the refreshed ID token.
    world.provider.behave(|behaviour| {
        behaviour.id_token.insert("groups".to_owned(), serde_json::json!(["guests"]));
    });
    eventually("the group is gone", Duration::from_secs(10), async || {
        (browser.fetch(&format!("{APP}/x")).await.status == 403).then_some(())
    })
    .await;
    assert_eq!(world.provider.token_calls("refresh_token"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_subject_in_the_refreshed_token_ends_the_session() {
    let (world, _node, browser) = with_expired_token().await;
    world.provider.behave(|behaviour| {
        behaviour.id_token.insert("sub".to_owned(), "mallory".into());
    });
    eventually("the session ends", Duration::from_secs(10), async || {
        (browser.fetch(&format!("{APP}/x")).await.status == 401).then_some(())
    })
    .await;
    for seen in world.app.seen() {
        assert_ne!(seen.field("x-forwarded-user").as_deref(), Some("mallory"));
    }
}

/// Times of requests over two seconds, by all browsers in turn; every request must be answered 200.
async fn times(browsers: &[Arc<Browser>]) -> Vec<Duration> {
    let began = Instant::now();
    let mut times = Vec::new();
    while began.elapsed() < Duration::from_secs(2) {
        for browser in browsers {
            let asked = Instant::now();
            assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
            times.push(asked.elapsed());
        }
    }
    times.sort_unstable();
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_whose_tokens_end_at_once_delay_no_request() {
    const SESSIONS: usize = 60;
    let world = World::new().await;
    let _node = world.start(&world.config()).await;
    world.provider.behave(|behaviour| behaviour.access_token_seconds = 60);
    let mut browsers = Vec::new();
    for _ in 0..SESSIONS {
        let browser = Browser::new(&world.names);
        signed_in(&browser, "/").await;
        browsers.push(Arc::new(browser));
    }
    let signed_in_at = Instant::now();
    let p99 = |times: &[Duration]| times[times.len() * 99 / 100];
    let calm = p99(&times(&browsers).await);
    assert_eq!(world.provider.token_calls("refresh_token"), 0, "the calm half was calm");
    // A slow provider: whoever waited for it would show.
    world.provider.behave(|behaviour| {
        behaviour.token_delay = Duration::from_secs(1);
        behaviour.access_token_seconds = 600;
    });
    // The last half of the life of the newest token.
    eventually("all tokens end soon", Duration::from_secs(40), async || {
        (signed_in_at.elapsed() > Duration::from_millis(30_500)).then_some(())
    })
    .await;
    let mut busy = Vec::new();
    let began = Instant::now();
    while world.provider.token_calls("refresh_token") < SESSIONS {
        assert!(began.elapsed() < Duration::from_secs(60), "all sessions are refreshed");
        busy.extend(times(&browsers).await);
    }
    busy.sort_unstable();
    let busy = p99(&busy);
    let told = format!("p99 of {SESSIONS} sessions: {calm:?} calm, {busy:?} while all are refreshed\n");
    std::io::Write::write_all(&mut std::io::stdout(), told.as_bytes()).unwrap();
    assert!(
        busy < calm + Duration::from_millis(250),
        "{calm:?} {busy:?}: nobody waits for the provider's second"
    );
    assert_eq!(world.provider.token_calls("refresh_token"), SESSIONS, "one call a session");
}
