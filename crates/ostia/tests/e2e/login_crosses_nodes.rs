//! L1: a login that starts on node A completes on node B with nothing shared but the key ring.

use ostia_testkit::Browser;

use crate::world::{APP, World, has_session};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_begun_on_a_node_that_died_completes_on_another() {
    let world = World::new().await;
    let mut a = world.start(&world.config()).await;
    let browser = Browser::new(&world.names);

    let at_provider = browser.open(&format!("{APP}/deep%2Flink?x=1")).await;
    assert_eq!(at_provider.status, 303, "{}", at_provider.text());
    let back = browser.open(at_provider.location().unwrap().as_str()).await;
    a.kill();

    let b = world.start(&world.config()).await;
    let page = browser.follow(back).await;
    assert_eq!((page.status, page.path_and_query()), (200, "/deep%2Flink?x=1"), "{}", page.text());
    assert!(has_session(&browser));
    assert_eq!(world.provider.token_calls("authorization_code"), 1);
    drop(b);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_one_node_is_a_session_on_the_other_and_after_a_restart() {
    let world = World::new().await;
    let a = world.start(&world.config()).await;
    let browser = Browser::new(&world.names);
    assert_eq!(browser.visit(&format!("{APP}/")).await.status, 200);

    let b = world.start(&world.config()).await;
    assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
    drop((a, b));
    let _again = world.start(&world.config()).await;
    assert_eq!(browser.fetch(&format!("{APP}/y")).await.status, 200);
    assert_eq!(world.provider.calls("/authorize").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_key_ring_knows_no_such_session() {
    let world = World::new().await;
    let a = world.start(&world.config()).await;
    let browser = Browser::new(&world.names);
    assert_eq!(browser.visit(&format!("{APP}/")).await.status, 200);
    drop(a);
    crate::world::write_key_ring(world.shared.path());
    let _b = world.start(&world.config()).await;
    let seen = world.app.count();
    assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 401);
    assert_eq!(world.app.count(), seen);
}
