//! Copies of requests to another upstream, which never slow the first one down.

use std::time::{Duration, Instant};

use ostia_testkit::{FaultUpstream, Ostia, eventually, raw};

use crate::world::BINARY;

fn yaml(first: &FaultUpstream, second: &FaultUpstream, more: &str) -> String {
    format!(
        "upstreams:\n  app: {{ servers: [\"{}\"] }}\n  next: {{ servers: [\"{}\"] }}\n\
         routes:\n  - {{ name: app, host: app.localhost, allow: anyone, upstream: app, mirror: {{ upstream: next{more} }} }}\n",
        first.address(),
        second.address()
    )
}

async fn post(node: &Ostia, path: &str, body: &str) -> raw::Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw::send(node.port(), head).await.unwrap()
}

async fn copies(node: &Ostia, outcome: &str) -> f64 {
    node.metrics().await.sum("ostia_mirrored_requests_total", &[("route", "app"), ("outcome", outcome)])
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_copied_whole_and_the_answers_of_copies_reach_nobody() {
    let (first, second) = (FaultUpstream::start("first").await, FaultUpstream::start("second").await);
    let node = Ostia::start(BINARY, &yaml(&first, &second, "")).await;
    let answer = raw::get_host(node.port(), "app.localhost", "/status/201?q=%2F").await.unwrap();
    assert_eq!((answer.status, answer.field("x-server")), (201, Some("first")));
    assert_eq!(post(&node, "/x", "the whole body").await.field("x-server"), Some("first"));
    eventually("both are copied", Duration::from_secs(10), async || {
        (copies(&node, "sent").await == 2.0).then_some(())
    })
    .await;
    let heads: Vec<String> =
        second.heads().iter().map(|head| String::from_utf8_lossy(head).into_owned()).collect();
    let get = heads.iter().find(|head| head.starts_with("GET /status/201?q=%2F HTTP/1.1\r\n")).unwrap();
    assert!(get.to_lowercase().contains("\r\nx-forwarded-for: 127.0.0.1\r\n"), "{get}");
    assert!(
        heads.iter().any(|head| head.starts_with("POST /x ") && head.contains("Content-Length: 14\r\n")),
        "{heads:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_never_slows_the_request_down_and_there_are_never_too_many() {
    let (first, second) = (FaultUpstream::start("first").await, FaultUpstream::start("second").await);
    second.answer_as_if_asked_for("silent");
    let node =
        Ostia::start(BINARY, &yaml(&first, &second, ", in_flight: 3, timeout: 20s, body_bytes: 1KiB")).await;
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(raw::get_host(node.port(), "app.localhost", "/x").await.unwrap().status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(post(&node, "/x", &"b".repeat(2000)).await.status, 200);
    assert_eq!((copies(&node, "too_many").await, copies(&node, "too_large").await), (17.0, 1.0));
    assert!(second.requests() <= 3);
}
