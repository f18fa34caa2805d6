//! B1: an access token is worth nothing from the moment its subject or session is ended, whatever it says itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;
use ostia_testkit::{Browser, Ostia, eventually, raw};
use serde_json::json;

use crate::world::{API, APP, World};

fn token(world: &World, subject: &str, sid: &str) -> String {
    world.provider.access_token(subject, json!({ "sid": sid, "groups": ["staff"] }))
}

async fn ask(node: &Ostia, token: &str) -> raw::Answer {
    let head = format!("GET /x HTTP/1.1\r\nHost: api.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    raw::send(node.port(), head).await.unwrap()
}

async fn is_in(node: &Ostia, token: &str) -> bool {
    let answer = ask(node, token).await;
    if answer.status == 401 {
        assert_eq!(answer.json()["code"], "token_revoked");
        assert!(answer.field("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    }
    answer.status == 200
}

/// Tokens of this second end with what is ended in it.
async fn next_second() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let began = now();
    eventually("the next second", Duration::from_secs(3), async || (now() > began).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_issued_until_then_end_by_every_name_with_their_streams() {
    let (world, node, browser) = World::with_node().await;
    for (name, arguments) in [
        ("sid", vec!["--sid", "s-1"]),
        ("subject", vec!["--subject", "ana"]),
        ("subject of a provider", vec!["--subject", "ana", "--provider", "default"]),
        ("provider", vec!["--provider", "default"]),
        ("all", vec!["--all"]),
    ] {
        next_second().await;
        let [known, unseen] = [(); 2].map(|()| token(&world, "ana", "s-1"));
        let other = token(&world, "bo", "s-2");
        assert!(
            is_in(&node, &known).await && is_in(&node, &known).await && is_in(&node, &other).await,
            "{name}"
        );
        let bearer = format!("Bearer {known}");
        let mut stream =
            browser.begin(Method::GET, &format!("{API}/events"), &[("authorization", &bearer)]).await;
        assert_eq!(stream.next().await.unwrap(), b"data: 1\n\n");
        let told = node.succeeds(&[&["session", "revoke"], arguments.as_slice()].concat()).await;
        assert!(told.contains("1 open streams were closed"), "{name}: {told}");
        let ended = async { while stream.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(2), ended).await.expect("the stream ends");
        assert!(!is_in(&node, &known).await, "{name}: one that was known");
        assert!(!is_in(&node, &unseen).await, "{name}: one that is shown for the first time");
        assert_eq!(
            is_in(&node, &other).await,
            !["provider", "all"].contains(&name),
            "{name}: of somebody else"
        );
        next_second().await;
        assert!(is_in(&node, &token(&world, "ana", "s-1")).await, "{name}: one that was issued later");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_by_the_issuer_ends_tokens_and_one_that_anybody_can_send_does_not() {
    let world = World::new().await;
    let keys = world.provider_keys("app.localhost", 2);
    let logout = format!("{keys}  logout: {{ back_channel: true, front_channel: true }}\n");
    let node = world.start(&world.config().replace(&keys, &logout)).await;
    let (ana, bo) = (token(&world, "ana", "s-1"), token(&world, "ana", "s-2"));
    assert!(is_in(&node, &ana).await && is_in(&node, &bo).await);
    let anybody = Browser::new(&world.names);
    let front = format!("{APP}/.ostia/front-channel-logout?iss={}&sid=s-1", world.provider.issuer());
    assert_eq!(anybody.fetch(&front).await.status, 200);
    assert!(is_in(&node, &ana).await);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("logout_token={}", world.provider.logout_token(json!({ "sub": "ana", "sid": "s-1" })));
    let back = format!("{APP}/.ostia/back-channel-logout");
    assert_eq!(anybody.send(Method::POST, &back, &form, Some(&body)).await.status, 200);
    assert!(!is_in(&node, &ana).await);
    assert!(is_in(&node, &bo).await, "of another session at the issuer");
}
