//! S5: the issuer ends sessions, by the back channel and by the front channel; a restart resurrects nothing.

use std::time::{Duration, Instant};

use http::Method;
use ostia_testkit::{Browser, Ostia, Page, eventually};
use serde_json::{Value, json};

use crate::world::{APP, World, signed_in};

const BACK_CHANNEL: &str = "http://app.localhost/.ostia/back-channel-logout";
/// The promise.
const WITHIN: Duration = Duration::from_secs(1);

fn config(world: &World) -> String {
    let keys = world.provider_keys("app.localhost", 2);
    world.config().replace(&keys, &format!("{keys}  logout: {{ back_channel: true, front_channel: true }}\n"))
}

async fn with_node() -> (World, Ostia) {
    let world = World::new().await;
    let node = world.start(&config(&world)).await;
    (world, node)
}

/// A browser in which `person` signed in, in the issuer's session `sid`.
async fn signed_in_as(world: &World, person: &str, sid: &str) -> Browser {
    world.provider.expect_person(json!({ "sub": person, "sid": sid, "groups": ["staff"] }));
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/").await;
    browser
}

async fn post(world: &World, token: &str) -> Page {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("logout_token={token}");
    Browser::new(&world.names).send(Method::POST, BACK_CHANNEL, &form, Some(&body)).await
}

async fn is_in(browser: &Browser) -> bool {
    let status = browser.fetch(&format!("{APP}/x")).await.status;
    assert!([200, 401].contains(&status), "{status}");
    status == 200
}

/// New sessions begin in another second than the logout before, which ends what began until then.
async fn next_second() {
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let began = now();
    eventually("the next second", Duration::from_secs(3), async || (now() > began).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_ends_the_session_of_its_sid_within_a_second() {
    let (world, node) = with_node().await;
    let (first, second) =
        (signed_in_as(&world, "ana", "s-1").await, signed_in_as(&world, "ana", "s-2").await);
    let other = signed_in_as(&world, "bo", "s-3").await;
    let token = world.provider.logout_token(json!({ "sub": "ana", "sid": "s-1" }));
    let answer = post(&world, &token).await;
    let posted = Instant::now();
    assert_eq!((answer.status, answer.field("cache-control")), (200, Some("no-store")));
    assert!(!is_in(&first).await && posted.elapsed() < WITHIN);
    assert!(is_in(&second).await, "the other session of the same person");
    assert!(is_in(&other).await);
    let metrics = node.metrics().await;
    let labels = [("provider", "default"), ("kind", "back_channel"), ("outcome", "done")];
    assert_eq!(metrics.sum("ostia_logouts_total", &labels), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_of_a_subject_ends_all_sessions_of_that_person_and_they_may_come_back() {
    let (world, _node) = with_node().await;
    let (first, second) =
        (signed_in_as(&world, "ana", "s-1").await, signed_in_as(&world, "ana", "s-2").await);
    let other = signed_in_as(&world, "bo", "s-3").await;
    assert_eq!(post(&world, &world.provider.logout_token(json!({ "sub": "ana" }))).await.status, 200);
    assert!(!is_in(&first).await && !is_in(&second).await);
    assert!(is_in(&other).await);
    next_second().await;
    let again = signed_in_as(&world, "ana", "s-4").await;
    assert!(is_in(&again).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_that_is_not_good_or_not_new_ends_nothing() {
    let (world, _node) = with_node().await;
    let browser = signed_in_as(&world, "ana", "s-1").await;
    let provider = &world.provider;
    let named = |edit: Value| {
        let mut claims = provider.logout_claims(json!({ "sub": "ana", "sid": "s-1" }));
        for (name, value) in edit.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let signed = |edit: Value| provider.signed("logout+jwt", &named(edit));
    let forged = {
        let token = signed(json!({}));
        let (rest, _) = token.rsplit_once('.').unwrap();
        format!("{rest}.{}", "A".repeat(86))
    };
    for (name, token, reason) in [
        ("unsigned", provider.unsigned(&named(json!({}))), "algorithm_unsupported"),
        ("forged", forged, "signature_invalid"),
        ("with a nonce", signed(json!({ "nonce": "n" })), "logout_token_with_nonce"),
        ("of no event", signed(json!({ "events": {} })), "logout_event_missing"),
        ("for another client", signed(json!({ "aud": "other" })), "audience_differs"),
        ("of an unknown issuer", signed(json!({ "iss": "https://x.example" })), "issuer_unknown"),
        ("an access token", provider.access_token("ana", json!({ "sid": "s-1" })), "type_differs"),
        (
            "too old",
            signed(json!({ "iat": 1_700_000_000, "exp": 4_000_000_000_u64 })),
            "logout_token_too_old",
        ),
        ("no token", "what".to_owned(), "logout_token_malformed"),
        ("nothing", String::new(), "logout_token_malformed"),
        ("too large", "x".repeat(40_000), "logout_body_too_large"),
    ] {
        let answer = post(&world, &token).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["error"]), (400, &json!("invalid_request")), "{name}: {told}");
        assert_eq!(told["error_description"], reason, "{name}");
        assert_eq!(answer.field("cache-control"), Some("no-store"), "{name}");
    }
    let get = browser.fetch(&format!("{BACK_CHANNEL}?logout_token={}", signed(json!({})))).await;
    assert_eq!(get.status, 405);
    assert!(is_in(&browser).await, "nobody was signed out by any of them");

    // A good one works once.
    let token = signed(json!({ "sid": "s-9" }));
    assert_eq!(post(&world, &token).await.status, 200);
    let again = post(&world, &token).await;
    assert_eq!((again.status, &again.json()["error_description"]), (400, &json!("logout_token_replayed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_the_back_channel_is_not_listened_to() {
    let (world, _node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let answer = post(&world, &world.provider.logout_token(json!({ "sub": "ana" }))).await;
    assert_eq!((answer.status, &answer.json()["error_description"]), (400, &json!("back_channel_off")));
    let frame = format!("{APP}/.ostia/front-channel-logout?iss={}&sid=s-1", world.provider.issuer());
    assert_eq!(browser.fetch(&frame).await.status, 400);
    assert!(is_in(&browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_resurrects_nothing() {
    let (world, mut node) = with_node().await;
    let by_sid = signed_in_as(&world, "ana", "s-1").await;
    let by_logout = signed_in_as(&world, "bo", "s-2").await;
    let stays = signed_in_as(&world, "cy", "s-3").await;
    let copied = by_logout.cookies();
    let token = world.provider.logout_token(json!({ "sid": "s-1" }));
    assert_eq!(post(&world, &token).await.status, 200);
    let ask = by_logout.open(&format!("{APP}/.ostia/logout")).await;
    by_logout.submit(&ask.form().unwrap()).await;
    // As a power cut would, not as a drain would.
    node.kill();
    let state = node.folder().join("state");
    let kept = world.shared.path().join("state");
    std::fs::create_dir(&kept).unwrap();
    for entry in std::fs::read_dir(&state).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), kept.join(entry.file_name())).unwrap();
    }
    let runtime = format!("runtime: {{ threads: 2, state_dir: \"{}\" }}\n", kept.display());
    let _again = world.start(&(runtime + &config(&world))).await;
    assert!(!is_in(&by_sid).await, "signed out by the issuer");
    by_logout.set_cookies(copied);
    assert!(!is_in(&by_logout).await, "signed out by hand");
    assert!(is_in(&stays).await);
    let replayed = post(&world, &token).await;
    assert_eq!(replayed.json()["error_description"], "logout_token_replayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_the_issuer_ends_the_session_of_its_sid() {
    let (world, _node) = with_node().await;
    let (browser, other) =
        (signed_in_as(&world, "ana", "s-1").await, signed_in_as(&world, "ana", "s-2").await);
    // A frame of another site: no cookie of ours comes along.
    let frame = Browser::new(&world.names);
    for query in [
        "iss=https%3A%2F%2Fx.example&sid=s-1".to_owned(),
        format!("iss={}", world.provider.issuer()),
        "sid=s-1".to_owned(),
        format!("iss={}&sid=s-1&sid=s-2", world.provider.issuer()),
        format!("iss={}&sid=", world.provider.issuer()),
    ] {
        let page = frame.fetch(&format!("{APP}/.ostia/front-channel-logout?{query}")).await;
        assert_eq!(page.status, 400, "{query}");
    }
    assert!(is_in(&browser).await);
    let url = format!("{APP}/.ostia/front-channel-logout?iss={}&sid=s-1", world.provider.issuer());
    let page = frame.fetch(&url).await;
    assert_eq!((page.status, page.field("cache-control")), (200, Some("no-store")));
    assert_eq!(page.field("x-frame-options"), None);
    let policy = page.field("content-security-policy").unwrap();
    assert!(policy.contains(&format!("frame-ancestors {}", world.provider.issuer())), "{policy}");
    assert!(!is_in(&browser).await);
    assert!(is_in(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_revokes_the_refresh_token_at_the_issuer() {
    let (world, _node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let ask = browser.open(&format!("{APP}/.ostia/logout")).await;
    browser.submit(&ask.form().unwrap()).await;
    let calls = eventually("the token is revoked", Duration::from_secs(5), async || {
        Some(world.provider.calls("/revoke")).filter(|calls| !calls.is_empty())
    })
    .await;
    assert_eq!(calls[0]["token_type_hint"], "refresh_token");
    assert!(calls[0]["token"].len() >= 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_while_a_refresh_is_under_way_revokes_what_it_brings() {
    let (world, _node, browser) = World::with_node().await;
    world.provider.behave(|behaviour| behaviour.access_token_seconds = 4);
    signed_in(&browser, "/").await;
    world.provider.behave(|behaviour| behaviour.token_delay = Duration::from_secs(1));
    let old = browser.cookies();
    eventually("a refresh is under way", Duration::from_secs(20), async || {
        assert!(is_in(&browser).await);
        (world.provider.token_calls("refresh_token") > 0).then_some(())
    })
    .await;
    assert_eq!(browser.cookies(), old, "the browser does not know of it yet");
    let ask = browser.open(&format!("{APP}/.ostia/logout")).await;
    browser.submit(&ask.form().unwrap()).await;
    let revoked = eventually("a token is revoked", Duration::from_secs(20), async || {
        world.provider.calls("/revoke").pop().map(|call| call["token"].clone())
    })
    .await;
    let presented = world.provider.calls("/token").pop().unwrap();
    assert_eq!(presented["grant_type"], "refresh_token");
    assert_ne!(revoked, presented["refresh_token"], "that one was spent");
    assert_eq!(world.provider.token_calls("refresh_token"), 1);
    assert_eq!(world.provider.calls("/revoke").len(), 1);
}
