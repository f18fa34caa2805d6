//! U4: another server where that is safe, and within a budget.

use std::time::Duration;

use ostia_testkit::{FaultUpstream, Ostia, free_port, raw};

use crate::upstream_connections::{get, yaml};
use crate::world::BINARY;

async fn two() -> (FaultUpstream, FaultUpstream) {
    (FaultUpstream::start("one").await, FaultUpstream::start("two").await)
}

async fn send(node: &Ostia, method: &str, path: &str, body: &str) -> raw::Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw::send(node.port(), head).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_is_tried_only_where_that_is_safe_and_asked_for() {
    let body = "b".repeat(9000);
    // Keys, method, path, body, requests that arrive.
    for (retry, method, path, body, arrive) in [
        ("attempts: 1", "GET", "/reset", "", 2),
        ("attempts: 1", "GET", "/hangup", "", 2),
        ("attempts: 1", "PUT", "/reset", "whole", 2),
        ("attempts: 1", "POST", "/reset", "", 1),
        ("attempts: 1", "PATCH", "/hangup", "x", 1),
        ("attempts: 0", "GET", "/reset", "", 1),
        ("attempts: 1, on_error: [connect]", "GET", "/reset", "", 1),
        ("attempts: 1, body_bytes: 4KiB", "PUT", "/reset", &body, 1),
        ("attempts: 1", "PUT", "/reset", &body, 2),
        ("attempts: 1", "GET", "/status/503", "", 1),
        ("attempts: 1, on_error: [\"503\"]", "GET", "/status/503", "", 2),
        ("attempts: 1, on_error: [\"503\"]", "POST", "/status/503", "", 1),
        ("attempts: 1, on_error: [\"503\"]", "GET", "/status/502", "", 1),
        ("attempts: 5, on_error: [reset, \"503\"]", "GET", "/status/503", "", 2),
        ("attempts: 1, on_error: [timeout]", "GET", "/silent", "", 2),
        ("attempts: 1", "GET", "/silent", "", 1),
    ] {
        let (one, two) = two().await;
        let more = format!("retry: {{ {retry} }}, timeouts: {{ first_byte: 400ms }}");
        let node = Ostia::start(BINARY, &yaml(&[&one, &two], &more)).await;
        let answer = send(&node, method, path, body).await;
        assert!(answer.status >= 500, "{retry} {method} {path}: {}", answer.status);
        let arrived = (one.requests() + two.requests(), one.requests().max(two.requests()));
        assert_eq!(arrived, (arrive, 1), "{retry} {method} {path}: each server at most once");
        let lines = node.access_lines_at_least(1).await;
        assert_eq!(lines[0]["ostia.upstream.attempts"], arrive, "{}", lines[0]);
        if let Some(status) = path.strip_prefix("/status/") {
            assert_eq!(answer.status.to_string(), status, "the last server's own answer");
            assert!(answer.field("x-server").is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_was_sent_to_a_server_that_refused_the_connection_so_every_request_goes_on() {
    let good = FaultUpstream::start("good").await;
    let more = "retry: { budget: 100% }";
    let text =
        yaml(&[&good], more).replace("servers: [", &format!("servers: [\"127.0.0.1:{}\", ", free_port()));
    let node = Ostia::start(BINARY, &text).await;
    for method in ["GET", "POST", "PATCH"] {
        for _ in 0..4 {
            assert_eq!(send(&node, method, "/x", "some body").await.status, 200, "{method}");
        }
    }
    let head = String::from_utf8(good.heads()[0].clone()).unwrap().to_lowercase();
    assert!(!head.contains("attempt"), "servers are not told: {head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_that_takes_too_long_is_given_up_for_another_server() {
    let (one, two) = two().await;
    let more = "balance: consistent_hash, affinity: { header: x-key }, \
                retry: { attempts: 1, per_try_timeout: 300ms }, timeouts: { first_byte: 10s }";
    let node = Ostia::start(BINARY, &yaml(&[&one, &two], more)).await;
    // Both are slow: the second try has the whole time.
    assert_eq!(get(&node, "/slow/900").await.status, 200);
    assert_eq!((one.requests(), two.requests()), (1, 1));
    assert_eq!(
        send(&node, "POST", "/slow/900", "").await.status,
        200,
        "what is not idempotent is left alone"
    );
    assert_eq!(one.requests() + two.requests(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_stop_when_their_budget_is_spent() {
    let (one, two) = two().await;
    let more = "retry: { attempts: 1, on_error: [\"503\"], budget: 20% }";
    let node = Ostia::start(BINARY, &yaml(&[&one, &two], more)).await;
    for _ in 0..100 {
        assert_eq!(get(&node, "/status/503").await.status, 503);
    }
    let tries = one.requests() + two.requests();
    // On a busy machine the hundred may take longer than the window of ten seconds.
    assert!((110..=124).contains(&tries), "{tries} tries for 100 requests");
    let spent = [("upstream", "app"), ("reason", "budget_spent")];
    assert!(node.metrics().await.sum("ostia_upstream_retries_total", &spent) >= 70.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_half_answers_reach_no_client_as_whole_ones() {
    let (one, two) = two().await;
    let more = "retry: { attempts: 1 }, timeouts: { between_bytes: 400ms }";
    let node = Ostia::start(BINARY, &yaml(&[&one, &two], more)).await;
    let answer = get(&node, "/garbage").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(raw::get_host(node.port(), "app.localhost", "/half").await.is_none());
    let began = std::time::Instant::now();
    assert_eq!(get(&node, "/x").await.status, 200);
    assert!(began.elapsed() < Duration::from_secs(5));
}
