//! Request heads: deadlines, caps and what Pingora would repair.

use std::time::Duration;

use ostia_config::listener::Limits;
use tokio::time::{Instant, sleep};

use crate::app::Served;

#[tokio::test(start_paused = true)]
async fn half_a_head_on_a_fresh_connection_is_answered_with_408() {
    let served = Served::plain(Limits::default());
    let began = Instant::now();
    let mut client = served.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    assert_elapsed(began, Duration::from_secs(10));
    assert_eq!(served.refused("header_timeout"), 1);
}

#[tokio::test(start_paused = true)]
async fn half_a_head_on_a_reused_connection_is_answered_with_408() {
    let served = Served::plain(Limits::default());
    let mut client = served.connect().await;
    assert_eq!(client.get("/one").await.0, "HTTP/1.1 200 OK");
    sleep(Duration::from_secs(60)).await;
    let began = Instant::now();
    client.send("GET /tw").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 408 "));
    assert_elapsed(began, Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_dripping_head_is_cut_at_the_total_deadline() {
    let served = Served::plain(Limits::default());
    let began = Instant::now();
    let mut client = served.connect().await;
    client.send("GET / HTTP/1.1\r\nX: ").await;
    for _ in 0..9 {
        sleep(Duration::from_secs(1)).await;
        client.send("x").await;
    }
    assert!(client.rest().await.starts_with("HTTP/1.1 408 "));
    assert_elapsed(began, Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_silent_fresh_connection_is_closed_without_an_answer() {
    let served = Served::plain(Limits::default());
    let began = Instant::now();
    assert_eq!(served.connect().await.rest().await, "");
    assert_elapsed(began, Duration::from_secs(10));
    assert_eq!(served.refused("header_timeout"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_keep_alive_without_an_answer() {
    let served = Served::plain(Limits::default());
    let mut client = served.connect().await;
    assert_eq!(client.get("/").await.0, "HTTP/1.1 200 OK");
    let began = Instant::now();
    assert_eq!(client.rest().await, "");
    assert_elapsed(began, Duration::from_secs(75));
}

#[tokio::test(start_paused = true)]
async fn a_reload_shortens_the_deadlines_of_open_connections() {
    let served = Served::plain(Limits::default());
    let mut client = served.connect().await;
    let limits = Limits { keep_alive: Duration::from_secs(5), ..Limits::default() };
    served.listener.reload(&crate::app::section(limits)).unwrap();
    assert_eq!(client.get("/").await.0, "HTTP/1.1 200 OK");
    let began = Instant::now();
    assert_eq!(client.rest().await, "");
    assert_elapsed(began, Duration::from_secs(5));
}

#[tokio::test]
async fn a_head_over_the_cap_is_answered_with_431() {
    let served = Served::plain(Limits::default());
    for head in [
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(16 * 1024)),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(100 * 1024)),
        format!("GET /{}", "x".repeat(20 * 1024)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(101)),
    ] {
        let mut client = served.connect().await;
        client.send(head).await;
        assert!(client.rest().await.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
    }
    assert_eq!((served.refused("header_too_large"), served.refused("too_many_fields")), (3, 1));
}

#[tokio::test]
async fn a_head_at_the_cap_is_served() {
    let served = Served::plain(Limits::default());
    let mut client = served.connect().await;
    let start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    client.send(format!("{start}{}\r\n\r\n", "x".repeat(16 * 1024 - start.len() - 4))).await;
    assert_eq!(client.answer().await.0, "HTTP/1.1 200 OK");
    client.send(format!("GET / HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(100))).await;
    assert_eq!(client.answer().await.0, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn what_pingora_would_repair_is_answered_with_400() {
    let served = Served::plain(Limits::default());
    let table: &[(&str, &[u8])] = &[
        ("bare_lf", b"GET / HTTP/1.1\nHost: a\n\n"),
        ("bare_cr", b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
        ("nul", b"GET / HTTP/1.1\r\nHost: a\0\r\n\r\n"),
        ("obsolete_fold", b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"),
        ("field_name", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("request_line", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "ambiguous_framing",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ];
    for (slug, head) in table {
        let mut client = served.connect().await;
        client.send(head).await;
        assert!(client.rest().await.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{slug}");
        assert_eq!(served.refused(slug), 1, "{slug}");
    }
}

#[tokio::test]
async fn bytes_of_a_tls_hello_on_a_plain_listener_are_refused_at_once() {
    let served = Served::plain(Limits { header_timeout: Duration::from_secs(3600), ..Limits::default() });
    let mut client = served.connect().await;
    client.send(b"\x16\x03\x01\x02\x00").await;
    assert!(crate::app::soon(client.rest()).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn requests_arrive_however_they_are_cut() {
    let served = Served::plain(Limits::default());
    let mut client = served.connect().await;
    let request = "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    for cut in 1..request.len() {
        client.send(&request[..cut]).await;
        tokio::task::yield_now().await;
        client.send(&request[cut..]).await;
        assert_eq!(client.answer().await.1, "POST /a?b|hello", "cut at {cut}");
    }
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    let served = Served::plain(Limits::default());
    let body = "0123456789abcdef".repeat(64 * 1024);
    let mut client = served.connect().await;
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    let (status, answer) = client.answer().await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(answer == format!("POST /|{body}"), "{} bytes", answer.len());
}

fn assert_elapsed(began: Instant, expected: Duration) {
    let elapsed = began.elapsed();
    assert!(elapsed >= expected && elapsed < expected + Duration::from_secs(1), "{elapsed:?}");
}
