//! U8: what is too much is answered at once, or after a bounded wait; never an endless queue.

use std::time::{Duration, Instant};

use ostia_testkit::{FaultUpstream, Ostia, eventually, raw};

use crate::upstream_connections::yaml;
use crate::world::BINARY;

/// Sends so many requests at once; the answers with the time that each took.
async fn burst(node: &Ostia, count: usize, path: &str) -> Vec<(raw::Answer, Duration)> {
    let (port, path) = (node.port(), path.to_owned());
    let one = |path: String| async move {
        let began = Instant::now();
        (raw::get_host(port, "app.localhost", &path).await.unwrap(), began.elapsed())
    };
    let all: Vec<_> = (0..count).map(|_| tokio::spawn(one(path.clone()))).collect();
    let mut answers = Vec::new();
    for answer in all {
        answers.push(answer.await.unwrap());
    }
    answers
}

fn of_status(answers: &[(raw::Answer, Duration)], status: u16) -> usize {
    answers.iter().filter(|(answer, _)| answer.status == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_limit_are_refused_at_once() {
    let (one, two) = (FaultUpstream::start("one").await, FaultUpstream::start("two").await);
    let more = "limits: { connections: 4, pending: 0 }";
    let node = Ostia::start(BINARY, &yaml(&[&one, &two], more)).await;
    let answers = burst(&node, 30, "/slow/3000").await;
    assert_eq!((of_status(&answers, 200), of_status(&answers, 503)), (8, 22));
    assert_eq!((one.most_in_flight(), two.most_in_flight()), (4, 4));
    for (answer, took) in answers.iter().filter(|(answer, _)| answer.status == 503) {
        assert!(*took < Duration::from_millis(2500), "{took:?}");
        assert_eq!(answer.json()["code"], "upstream_full");
        assert!(answer.field("retry-after").is_some());
    }
    let failures = [("upstream", "app"), ("reason", "upstream_full")];
    assert_eq!(node.metrics().await.sum("ostia_upstream_failures_total", &failures), 22.0);
    assert_eq!(of_status(&burst(&node, 8, "/x").await, 200), 8, "afterwards all places are free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounded_number_waits_for_a_place_and_not_for_long() {
    let one = FaultUpstream::start("one").await;
    let more = "limits: { connections: 2, pending: 4, pending_timeout: 10s }";
    let node = Ostia::start(BINARY, &yaml(&[&one], more)).await;
    let answers = burst(&node, 12, "/slow/700").await;
    assert_eq!((of_status(&answers, 200), of_status(&answers, 503)), (6, 6), "two served, four waited");
    assert_eq!(one.most_in_flight(), 2);
    drop(node);

    let more = "limits: { connections: 1, pending: 4, pending_timeout: 200ms }";
    let node = Ostia::start(BINARY, &yaml(&[&one], more)).await;
    let answers = burst(&node, 4, "/slow/2000").await;
    assert_eq!((of_status(&answers, 200), of_status(&answers, 503)), (1, 3));
    let late = answers.iter().filter(|(answer, _)| answer.json()["code"] == "upstream_pending_timeout");
    assert_eq!(late.filter(|(_, took)| *took < Duration::from_millis(1900)).count(), 3);
    assert_eq!(node.metrics().await.sum("ostia_upstream_pending_requests", &[("upstream", "app")]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_upstream_has_a_limit_too() {
    let (one, two) = (FaultUpstream::start("one").await, FaultUpstream::start("two").await);
    let more = "limits: { requests: 3, pending: 0 }";
    let node = Ostia::start(BINARY, &yaml(&[&one, &two], more)).await;
    let answers = burst(&node, 10, "/slow/2000").await;
    assert_eq!((of_status(&answers, 200), of_status(&answers, 503)), (3, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_gives_its_place_back() {
    let one = FaultUpstream::start("one").await;
    let more = "limits: { connections: 1, pending: 0 }";
    let node = Ostia::start(BINARY, &yaml(&[&one], more)).await;
    let mut client = raw::Connection::open(node.port()).await.unwrap();
    client.send(b"GET /silent HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await;
    eventually("it is under way", Duration::from_secs(5), async || (one.requests() == 1).then_some(())).await;
    assert_eq!(raw::get_host(node.port(), "app.localhost", "/x").await.unwrap().status, 503);
    drop(client);
    eventually("the place is free", Duration::from_secs(5), async || {
        (raw::get_host(node.port(), "app.localhost", "/x").await.unwrap().status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_on_purpose_befall_their_share() {
    let one = FaultUpstream::start("one").await;
    let more = "insecure_faults: { abort: 50%, status: 418, delay: 100%, delay_time: 1ms }";
    let node = Ostia::start(BINARY, &yaml(&[&one], more)).await;
    let answers = burst(&node, 200, "/x").await;
    let (good, faulty) = (of_status(&answers, 200), of_status(&answers, 418));
    assert_eq!((good + faulty, one.requests()), (200, good), "what is refused is not sent");
    assert!((50..=150).contains(&faulty), "{faulty} of 200");
}
