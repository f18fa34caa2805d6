//! S4 and S8 at their full length: a minute without the provider, a minute without the store; and a session that nobody
//! uses for a minute.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ostia_testkit::{Browser, Outage, RedisServer, eventually};

use crate::session_store::Cluster;
use crate::two_providers::Two;
use crate::world::{APP, World, has_session, signed_in};

/// The promise.
const MINUTE: Duration = Duration::from_secs(60);
/// People whose tokens have all ended when the minute begins.
const PEOPLE: usize = 12;

/// Until a minute has passed since `began`, a moment between two rounds: so as not to be the load of the machine.
async fn rounds(began: Instant, mut round: impl AsyncFnMut(Duration)) {
    let mut clock = tokio::time::interval(Duration::from_millis(250));
    while began.elapsed() < MINUTE {
        clock.tick().await;
        round(began.elapsed()).await;
    }
}

/// One test for all, at the same time: each is a minute of waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_minute_without_provider_or_store_signs_nobody_out_and_one_without_use_does() {
    tokio::join!(without_the_provider(), without_the_store(), without_use(), without_use_of_one_of_two());
}

async fn without_the_provider() {
    let world = World::new().await;
    let keys = world.provider_keys("app.localhost", 2);
    let yaml = world.config().replace(&keys, &format!("{keys}  timeout: 1s\n"));
    let _node = world.start(&yaml).await;
    world.provider.behave(|behaviour| behaviour.access_token_seconds = 3);
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        let browser = Arc::new(Browser::new(&world.names));
        signed_in(&browser, "/").await;
        people.push(browser);
    }
    world.provider.behave(|behaviour| behaviour.outage = Some(Outage::Status(503)));
    rounds(Instant::now(), async |passed| {
        let outage = match passed.as_secs() {
            0..20 => Outage::Status(503),
            20..40 => Outage::Silent,
            _ => Outage::Status(500),
        };
        world.provider.behave(|behaviour| behaviour.outage = Some(outage));
        // All at once, each on a token that has ended.
        let asked = people.iter().map(|browser| {
            let browser = Arc::clone(browser);
            tokio::spawn(async move { browser.fetch(&format!("{APP}/x")).await.status })
        });
        for status in asked.collect::<Vec<_>>() {
            assert_eq!(status.await.unwrap(), 200, "{passed:?} after the provider went: {outage:?}");
        }
    })
    .await;
    assert!(people.iter().all(|browser| has_session(browser)));
    let refreshed = world.provider.token_calls("refresh_token");
    world.provider.behave(|behaviour| {
        behaviour.outage = None;
        behaviour.access_token_seconds = 600;
    });
    eventually("everybody is refreshed", Duration::from_secs(30), async || {
        for browser in &people {
            assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
        }
        (world.provider.token_calls("refresh_token") >= refreshed + PEOPLE).then_some(())
    })
    .await;
}

async fn without_the_store() {
    let redis = RedisServer::start().await;
    let cluster = Cluster::start(2, &format!("url: \"{}\", budget: 250ms", redis.url())).await;
    cluster.sign_in_with_ended_token().await;
    redis.freeze();
    let mut waited = Duration::ZERO;
    rounds(Instant::now(), async |passed| {
        for node in 0..2 {
            let timed = async |path: &str| {
                let began = Instant::now();
                let page = cluster.browser(node).fetch(&format!("{APP}{path}")).await;
                assert_eq!(page.status, 200, "{path} on node {node}, {passed:?} after the store stood still");
                began.elapsed()
            };
            let (asks_nobody, asks) = (timed("/public/x").await, timed("/x").await);
            waited = waited.max(asks.saturating_sub(asks_nobody));
        }
    })
    .await;
    // The promise is 300 ms; the rest is what a busy machine may add to one request and not to the one before it.
    assert!(waited < Duration::from_millis(300 + 400), "somebody waited {waited:?}");
    assert_eq!(cluster.refreshes(), 0, "a refresh waits for the store, it is not raced");
    assert!((0..2).all(|node| has_session(cluster.browser(node))));
    redis.thaw();
    eventually("the session is refreshed", Duration::from_secs(20), async || {
        assert_eq!(cluster.browser(0).fetch(&format!("{APP}/x")).await.status, 200);
        (cluster.refreshes() == 1).then_some(())
    })
    .await;
}

/// `idle_timeout` and `lifetime`, which are a minute at least.
async fn without_use() {
    let world = World::new().await;
    let sessions = world.sessions_section("idle_timeout: 60s, lifetime: 70s");
    let node = world.start(&world.config().replace(&world.sessions_section(""), &sessions)).await;
    let (used, unused) = (Browser::new(&world.names), Browser::new(&world.names));
    signed_in(&used, "/").await;
    signed_in(&unused, "/").await;
    let status = async |browser: &Browser| browser.fetch(&format!("{APP}/x")).await.status;
    rounds(Instant::now(), async |passed| {
        assert_eq!(status(&used).await, 200, "{passed:?} after signing in");
    })
    .await;
    assert_eq!((status(&unused).await, has_session(&unused)), (401, false), "nobody used it for a minute");
    assert_eq!(status(&used).await, 200, "this one was used");
    eventually("its time is over", Duration::from_secs(20), async || {
        (status(&used).await == 401).then_some(())
    })
    .await;
    let metrics = node.metrics().await;
    for reason in ["session_idle", "session_expired"] {
        assert_eq!(metrics.sum("ostia_sessions_ended_total", &[("reason", reason)]), 1.0, "{reason}");
    }
}

/// L9: of two sessions of one browser each has its own idle time.
async fn without_use_of_one_of_two() {
    let two = Two::begin("", "idle_timeout: 60s").await;
    two.sign_in_at_both().await;
    rounds(Instant::now(), async |passed| {
        assert_eq!(two.who("/corp/x").await.as_deref(), Some("ana"), "{passed:?} after signing in");
    })
    .await;
    assert_eq!(two.who("/partners/x").await, None, "nobody used it for a minute");
    // Where both would count, the one that is left does, although the other was the latest.
    assert_eq!(two.who("/both/x").await.as_deref(), Some("ana"));
    let ended = [("reason", "session_idle")];
    assert_eq!(two.node.metrics().await.sum("ostia_sessions_ended_total", &ended), 1.0);
}
