//! S7: cookie keys change under living sessions.

use std::time::Duration;

use ostia_testkit::{Browser, eventually};

use crate::world::{APP, World, signed_in, write_key_ring};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_survives_new_keys_and_dies_with_its_own() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let idle = Browser::new(&world.names);
    signed_in(&idle, "/").await;
    let file = world.shared.path().join("session.keys");
    let value =
        |browser: &Browser| browser.cookies().into_iter().find(|c| c.name == "__Host-ostia").unwrap().value;

    // A new key in front: the old one still opens, and what it opened is sealed anew.
    let old = std::fs::read_to_string(&file).unwrap();
    write_key_ring(world.shared.path());
    let new = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{new}{old}")).unwrap();
    let before = value(&browser);
    node.signal("HUP");
    eventually("the cookie is sealed with the new key", Duration::from_secs(10), async || {
        assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
        (value(&browser) != before).then_some(())
    })
    .await;

    // The old key goes: who came by in between stays, the other one signs in again.
    // (Asked too early, the other one's cookie would be sealed anew as well.)
    let reloads = async || node.metrics().await.sum("ostia_config_reloads_total", &[]);
    let before = reloads().await;
    std::fs::write(&file, new).unwrap();
    node.signal("HUP");
    eventually("the reload is done", Duration::from_secs(10), async || {
        (reloads().await > before).then_some(())
    })
    .await;
    assert_eq!(idle.fetch(&format!("{APP}/x")).await.status, 401);
    assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
}
