//! Files that change while the listener serves.

use std::time::{Duration, Instant};

use crate::app::Served;
use crate::tls::{Files, client, connect, leaf, secure};

/// Promised are 2 s; the rest is for a machine that does other things.
const WITHIN: Duration = Duration::from_secs(10);

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < WITHIN, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

#[tokio::test]
async fn a_changed_pair_is_served_without_a_reload_and_a_broken_one_leaves_the_old() {
    let files = Files::new();
    let (pair, old) = files.pair("a", &["a.example"]);
    let (other, _) = files.pair("b", &["b.example"]);
    let served = Served::start(&secure(vec![pair.clone(), other.clone()]));
    let shown = async || {
        leaf(&connect(&served, client(&["http/1.1"], rustls::ALL_VERSIONS), "a.example").await.unwrap())
    };
    let is_current = || served.listener.files().iter().map(|file| file.is_current).collect::<Vec<_>>();
    assert_eq!((shown().await, is_current()), (old.clone(), vec![true, true, true]));

    std::fs::write(&pair.cert_file, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    until("the broken pair is told", async || is_current() == [false, true, true]).await;
    assert_eq!(shown().await, old);
    assert_eq!(served.listener.files()[0].file, pair.cert_file);

    // The other one can change meanwhile.
    let (_, other_leaf) = files.pair("b", &["b.example"]);
    let b = async || {
        leaf(&connect(&served, client(&["http/1.1"], rustls::ALL_VERSIONS), "b.example").await.unwrap())
    };
    until("the other pair is served", async || b().await == other_leaf).await;
    assert_eq!(is_current(), [false, true, true]);

    let (_, new) = files.pair("a", &["a.example"]);
    until("the new pair is served", async || shown().await == new).await;
    assert_eq!(is_current(), [true, true, true]);
}

#[tokio::test]
async fn a_reload_is_not_undone_by_a_renewal() {
    let files = Files::new();
    let (pair, _) = files.pair("a", &["a.example"]);
    let (next, next_leaf) = files.pair("next", &["a.example"]);
    let served = Served::start(&secure(vec![pair]));
    files.pair("a", &["a.example"]);
    served.listener.reload(&secure(vec![next])).unwrap();
    let shown = async || {
        leaf(&connect(&served, client(&["http/1.1"], rustls::ALL_VERSIONS), "a.example").await.unwrap())
    };
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(2500) {
        assert_eq!(shown().await, next_leaf);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
