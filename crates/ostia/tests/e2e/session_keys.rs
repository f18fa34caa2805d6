//! S7: keys and secrets are rotated while people work.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ostia_testkit::{Browser, Ostia, eventually};

use crate::world::{APP, BINARY, World, signed_in};

fn keys(node: &Ostia, arguments: &[&str]) -> (bool, String) {
    let file = node.config_file();
    let done = Command::new(BINARY).arg("keys").args(arguments).arg("-c").arg(file).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    (done.status.success(), told)
}

/// How often the node has read its keys anew.
fn readings(node: &Ostia) -> usize {
    node.output().iter().filter(|line| line.contains("the session keys were read anew")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotated_ten_times_under_load_sign_nobody_out() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let worker = Browser::new(&world.names);
            worker.set_cookies(browser.cookies());
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let status = worker.fetch(&format!("{APP}/x")).await.status;
                    assert_eq!(status, 200);
                    served.fetch_add(1, Ordering::SeqCst);
                }
                worker
            })
        })
        .collect();
    for rotation in 1..=10 {
        let (done, told) = keys(&node, &["rotate"]);
        assert!(done, "{told}");
        eventually("the node reads the keys", Duration::from_secs(10), async || {
            (readings(&node) == rotation).then_some(())
        })
        .await;
        let before = served.load(Ordering::SeqCst);
        eventually("requests go on", Duration::from_secs(10), async || {
            (served.load(Ordering::SeqCst) > before + 8).then_some(())
        })
        .await;
        // Whoever signs in meanwhile is in, too.
        let newcomer = Browser::new(&world.names);
        signed_in(&newcomer, "/new").await;
        assert_eq!(newcomer.fetch(&format!("{APP}/x")).await.status, 200);
    }
    stop.store(true, Ordering::SeqCst);
    for worker in workers {
        let worker = worker.await.unwrap();
        assert_eq!(worker.fetch(&format!("{APP}/x")).await.status, 200);
    }
    assert_eq!(world.provider.token_calls("refresh_token"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_away_opens_nothing_any_more_and_a_broken_file_changes_nothing() {
    let (world, node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let file = world.shared.path().join("session.keys");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "not a key\n").unwrap();
    eventually("the node says that the file is broken", Duration::from_secs(10), async || {
        node.output().iter().any(|line| line.contains("cannot be used; those of before stay")).then_some(())
    })
    .await;
    assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
    std::fs::write(&file, &good).unwrap();
    let (done, told) = keys(&node, &["rotate"]);
    assert!(done, "{told}");
    let text = std::fs::read_to_string(&file).unwrap();
    let first = text.lines().next().unwrap();
    ostia_testkit::secrets::keep(first);
    assert!(text.ends_with(&good), "the old key stands below");
    std::fs::write(&file, format!("{first}\n")).unwrap();
    eventually("the old key opens nothing", Duration::from_secs(10), async || {
        (browser.fetch(&format!("{APP}/x")).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_staged_on_all_nodes_before_it_seals() {
    let (world, first, browser) = World::with_node().await;
    let file = world.shared.path().join("session.keys");
    let before = std::fs::read_to_string(&file).unwrap();
    assert!(!keys(&first, &["rotate", "--promote"]).0, "nothing is staged yet");
    let (done, told) = keys(&first, &["rotate", "--stage"]);
    assert!(done, "{told}");
    let staged = std::fs::read_to_string(&file).unwrap();
    assert!(staged.starts_with(&before) && staged.lines().count() == 2);
    signed_in(&browser, "/").await;
    let (done, told) = keys(&first, &["rotate", "--promote"]);
    assert!(done, "{told}");
    let promoted = std::fs::read_to_string(&file).unwrap();
    let reversed: Vec<&str> = staged.lines().rev().collect();
    assert_eq!(promoted.lines().collect::<Vec<_>>(), reversed);
    assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
    // A line of `keys new` is a key file.
    let line = Command::new(BINARY).args(["keys", "new"]).output().unwrap().stdout;
    let made = world.shared.path().join("made.keys");
    std::fs::write(&made, &line).unwrap();
    let file = made.display().to_string();
    let (done, told) = keys(&first, &["rotate", "--file", &file]);
    assert!(done && told.contains("2 keys"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_live_client_secrets_fail_no_login_and_no_refresh_while_the_issuer_changes_its_own() {
    let world = World::new().await;
    let (old, new) = (world.shared.path().join("old"), world.shared.path().join("new"));
    std::fs::write(&new, "the-next-secret-of-the-client-987654321\n").unwrap();
    std::fs::write(&old, world.provider.client_secret()).unwrap();
    let keys = world.provider_keys("app.localhost", 2);
    let literal = format!("  client_secret: {}\n", world.provider.client_secret());
    let list = format!("  client_secret_file: [{}, {}]\n", new.display(), old.display());
    let _node = world.start(&world.config().replace(&keys, &keys.replace(&literal, &list))).await;
    for changed in [false, true, false, true] {
        let secret =
            if changed { "the-next-secret-of-the-client-987654321" } else { world.provider.client_secret() };
        world.provider.behave(|behaviour| {
            behaviour.client_secret = secret.to_owned();
            behaviour.access_token_seconds = 1;
        });
        let browser = Browser::new(&world.names);
        signed_in(&browser, "/").await;
        let before = world.provider.token_calls("refresh_token");
        eventually("the session is refreshed", Duration::from_secs(10), async || {
            assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
            (world.provider.token_calls("refresh_token") > before).then_some(())
        })
        .await;
    }
}
