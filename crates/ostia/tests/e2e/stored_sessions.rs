//! Whole sessions in the store, sealed with a key that only their cookies have.

use std::time::Duration;

use http::Method;
use ostia_testkit::{Browser, RedisServer, eventually};

use crate::session_store::Cluster;
use crate::world::{APP, has_session, signed_in};

async fn two_nodes(redis: &RedisServer, more: &str) -> Cluster {
    Cluster::start(2, &format!("url: \"{}\", sessions: store{more}", redis.url())).await
}

fn session_cookie(browser: &Browser) -> String {
    browser.cookies().into_iter().find(|cookie| cookie.name == "__Host-ostia").unwrap().value
}

async fn status(browser: &Browser) -> u16 {
    browser.fetch(&format!("{APP}/x")).await.status
}

async fn sign_out(browser: &Browser) {
    let page = browser.open(&format!("{APP}/.ostia/logout")).await;
    browser.submit(&page.form().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_the_store_has_a_small_cookie_and_is_refreshed_and_ended_on_every_node() {
    let redis = RedisServer::start().await;
    let cluster = two_nodes(&redis, "").await;
    cluster.sign_in_with_ended_token().await;
    assert!(session_cookie(cluster.browser(0)).len() < 120, "{}", session_cookie(cluster.browser(0)));
    let has_id_token = |cookie: &ostia_testkit::Cookie| cookie.name.starts_with("__Secure-ostia-id");
    assert!(!cluster.browser(0).cookies().iter().any(has_id_token), "the ID token is in the store, too");
    for node in [0, 1, 0] {
        assert_eq!(status(cluster.browser(node)).await, 200, "node {node}");
    }
    assert_eq!(cluster.refreshes(), 1, "both go on with what one refreshed");
    assert!(session_cookie(cluster.browser(1)).len() < 120);
    let whoami = cluster.browser(1).fetch(&format!("{APP}/.ostia/whoami")).await;
    assert!(whoami.text().contains("\"sub\":\"ana\""), "{}", whoami.text());

    let copied = cluster.browser(0).cookies();
    sign_out(cluster.browser(0)).await;
    assert!(!has_session(cluster.browser(0)));
    cluster.browser(0).set_cookies(copied);
    assert_eq!(status(cluster.browser(0)).await, 401, "a copy of the cookie opens nothing");
    eventually("the other node hears of it", Duration::from_secs(5), async || {
        (status(cluster.browser(1)).await == 401).then_some(())
    })
    .await;
    let told = cluster.world.provider.calls("/end_session");
    assert!(told.len() == 1 && told[0].contains_key("id_token_hint"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_requests_on_a_session_of_the_store_cause_one_token_call() {
    let redis = RedisServer::start().await;
    let cluster = two_nodes(&redis, "").await;
    cluster.sign_in_with_ended_token().await;
    cluster.world.provider.behave(|behaviour| behaviour.token_delay = Duration::from_millis(300));
    let requests: Vec<_> = (0..200)
        .map(|number| {
            let browser = std::sync::Arc::clone(cluster.browser(number % 2));
            tokio::spawn(async move { status(&browser).await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(cluster.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_store_opens_nothing() {
    let redis = RedisServer::start().await;
    let cluster = two_nodes(&redis, "").await;
    cluster.sign_in_with_ended_token().await;
    assert_eq!(status(cluster.browser(0)).await, 200);
    let listed = redis.ask("KEYS *").await.unwrap();
    let keys: Vec<&str> = listed.lines().filter(|line| line.starts_with("ostia:")).collect();
    let mut dump = listed.clone();
    for key in &keys {
        dump += &redis.ask(&format!("HGETALL {key}")).await.unwrap();
    }
    let whole = keys.iter().filter(|key| key.starts_with("ostia:session:")).count();
    assert_eq!(whole, 1, "{keys:?}");
    assert!(dump.contains("landed") && dump.len() > 500, "{dump}");
    let cookie = session_cookie(cluster.browser(0));
    let tokens = cluster.world.provider.calls("/token");
    let presented = tokens.iter().filter_map(|call| call.get("refresh_token"));
    let words = ["ana", "staff", "app.localhost", cluster.world.provider.issuer(), cookie.as_str()];
    for word in words.into_iter().chain(presented.map(String::as_str)) {
        assert!(!dump.contains(word), "{word} in {dump}");
    }
    // With all that is in the store a stranger is a stranger.
    let stranger = Browser::new(&cluster.names(0));
    let mark = keys.iter().find_map(|key| key.rsplit(':').next().filter(|mark| mark.len() == 32)).unwrap();
    stranger.set_cookie(APP, &format!("__Host-ostia={mark}; Path=/; Secure"));
    assert_eq!(status(&stranger).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_stands_still_nobody_is_signed_out_and_known_sessions_go_on() {
    let redis = RedisServer::start().await;
    let cluster = two_nodes(&redis, ", budget: 100ms").await;
    cluster.sign_in().await;
    assert_eq!(status(cluster.browser(0)).await, 200);
    redis.freeze();
    // A reload forgets who was recognised: from here on the store would be asked.
    cluster.reload_all().await;
    eventually("the first node has looked for it", Duration::from_secs(10), async || {
        (cluster.store_is_up(0).await == 0.0).then_some(())
    })
    .await;
    assert_eq!(status(cluster.browser(0)).await, 200, "this node has served it");
    let page = cluster.browser(1).fetch(&format!("{APP}/x")).await;
    assert_eq!((page.status, page.field("retry-after")), (503, Some("2")), "{}", page.text());
    assert!(has_session(cluster.browser(1)), "its cookie is not taken back");
    assert_eq!(cluster.browser(1).fetch(&format!("{APP}/.ostia/whoami")).await.status, 503);
    assert_eq!(cluster.browser(1).fetch(&format!("{APP}/public/x")).await.status, 200);
    // Who signs in meanwhile has the session in cookies, until the store is back.
    let late = Browser::new(&cluster.names(1));
    signed_in(&late, "/").await;
    assert!(session_cookie(&late).len() > 300);
    redis.thaw();
    eventually("the store is back", Duration::from_secs(20), async || {
        (status(cluster.browser(1)).await == 200).then_some(())
    })
    .await;
    cluster.reload_all().await;
    eventually("the late session moves", Duration::from_secs(10), async || {
        assert_eq!(status(&late).await, 200);
        (session_cookie(&late).len() < 120).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_while_the_store_stands_still_holds_when_it_is_back() {
    let redis = RedisServer::start().await;
    let cluster = two_nodes(&redis, ", budget: 100ms").await;
    cluster.sign_in().await;
    redis.freeze();
    // This node has never served it, so it cannot look it up; the other one serves its copy.
    sign_out(cluster.browser(1)).await;
    assert!(!has_session(cluster.browser(1)));
    redis.thaw();
    eventually("the other node hears of it", Duration::from_secs(20), async || {
        (status(cluster.browser(0)).await == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_asked_for_no_session_counts_while_the_store_does_not_answer() {
    let redis = RedisServer::start().await;
    let cluster =
        Cluster::start(1, &format!("url: \"{}\", budget: 100ms, on_failure: refuse", redis.url())).await;
    cluster.sign_in().await;
    assert_eq!(status(cluster.browser(0)).await, 200);
    redis.freeze();
    eventually("no session counts", Duration::from_secs(5), async || {
        (status(cluster.browser(0)).await == 503).then_some(())
    })
    .await;
    assert!(has_session(cluster.browser(0)));
    assert_eq!(cluster.browser(0).fetch(&format!("{APP}/public/x")).await.status, 200);
    let nobody = Browser::new(&cluster.names(0));
    assert_eq!(status(&nobody).await, 401, "who has none is asked to sign in");
    redis.thaw();
    eventually("the store is back", Duration::from_secs(20), async || {
        (status(cluster.browser(0)).await == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_everything_is_given_its_sessions_back() {
    let mut redis = RedisServer::start().await;
    let cluster = two_nodes(&redis, "").await;
    cluster.sign_in().await;
    assert_eq!(status(cluster.browser(0)).await, 200);
    redis.forget_everything().await;
    cluster.reload_all().await;
    for node in [0, 1] {
        eventually("the session is served", Duration::from_secs(20), async || {
            let status = status(cluster.browser(node)).await;
            assert!([200, 503].contains(&status), "node {node}: {status}");
            (status == 200).then_some(())
        })
        .await;
    }
    sign_out(cluster.browser(0)).await;
    eventually("it can be ended", Duration::from_secs(5), async || {
        (status(cluster.browser(1)).await == 401).then_some(())
    })
    .await;
    assert_eq!(cluster.world.provider.calls("/authorize").len(), 1, "nobody had to sign in again");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_move_between_cookie_and_store_at_a_reload() {
    let redis = RedisServer::start().await;
    let mut cluster = Cluster::start(1, &format!("url: \"{}\"", redis.url())).await;
    cluster.sign_in().await;
    let in_cookie = session_cookie(cluster.browser(0)).len();
    assert!(in_cookie > 300);
    for (from, to, expected) in [
        ("redis: { url", "redis: { sessions: store, url", true),
        ("sessions: store", "sessions: cookie", false),
    ] {
        cluster.replace(from, to).await;
        eventually("the session moves", Duration::from_secs(10), async || {
            assert_eq!(status(cluster.browser(0)).await, 200);
            ((session_cookie(cluster.browser(0)).len() < 120) == expected).then_some(())
        })
        .await;
    }
    assert_eq!(cluster.world.provider.calls("/authorize").len(), 1);
    let answer = cluster.browser(0).send(Method::GET, &format!("{APP}/.ostia/whoami"), &[], None).await;
    assert_eq!(answer.status, 200);
}
