//! The operator ends sessions: by the issuer's session, by person, by provider, all.

use std::time::{Duration, Instant};

use http::Method;
use ostia_testkit::{Browser, eventually};
use serde_json::json;

use crate::world::{APP, World, signed_in};

async fn signed_in_as(world: &World, person: &str, sid: &str) -> Browser {
    world.provider.expect_person(json!({ "sub": person, "sid": sid, "groups": ["staff"] }));
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/").await;
    browser
}

async fn is_in(browser: &Browser) -> bool {
    browser.fetch(&format!("{APP}/x")).await.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_ends_sessions_and_their_streams_by_every_name() {
    let (world, node, _) = World::with_node().await;
    for (name, arguments) in [
        ("sid", vec!["--sid", "s-1"]),
        ("subject", vec!["--subject", "ana"]),
        ("subject of a provider", vec!["--subject", "ana", "--provider", "default"]),
        ("provider", vec!["--provider", "default"]),
        ("all", vec!["--all"]),
    ] {
        let began = Instant::now();
        eventually("sessions begin after the ending before", Duration::from_secs(4), async || {
            (began.elapsed() > Duration::from_millis(1100)).then_some(())
        })
        .await;
        let ana = signed_in_as(&world, "ana", "s-1").await;
        let bo = signed_in_as(&world, "bo", "s-2").await;
        let mut stream = ana.begin(Method::GET, &format!("{APP}/events"), &[]).await;
        assert_eq!(stream.next().await.unwrap(), b"data: 1\n\n");
        assert!(node.succeeds(&["session", "list"]).await.starts_with("1 open streams\n"), "{name}");
        let told = node.succeeds(&[&["session", "revoke"], arguments.as_slice()].concat()).await;
        assert!(told.contains("ended on this node; 1 open streams were closed"), "{name}: {told}");
        let ended = async { while stream.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(2), ended).await.expect("the stream ends");
        assert!(!is_in(&ana).await, "{name}");
        assert_eq!(is_in(&bo).await, !["provider", "all"].contains(&name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_names_nobody_or_somebody_unknown_ends_nothing() {
    let (world, node, _) = World::with_node().await;
    let ana = signed_in_as(&world, "ana", "s-1").await;
    for arguments in [
        vec![],
        vec!["--all", "--subject", "ana"],
        vec!["--sid", "s-1", "--subject", "ana"],
        vec!["--all", "--provider", "default"],
        vec!["--provider", "nobody"],
        vec!["--subject", "ana", "--provider", "nobody"],
    ] {
        let done = node.verb(&[&["session", "revoke"], arguments.as_slice()].concat()).await;
        assert!(!done.status.success(), "{arguments:?}");
    }
    assert!(is_in(&ana).await);
}
