//! E2: what clients speak to Ostia: streams, polls, ranges, early answers, large bodies, and HTTP/2 without TLS.

use std::time::{Duration, Instant};

use ostia_testkit::raw::Connection;
use ostia_testkit::{Ostia, ScriptedUpstream, eventually, raw};

const SOON: Duration = Duration::from_secs(10);

/// A node whose deadlines for bodies are short, so that what must outlive them can be seen to.
async fn node() -> (Ostia, ScriptedUpstream) {
    let upstream = ScriptedUpstream::start().await;
    let yaml = format!(
        "listeners:\n  http:\n    bind: \"<listen>\"\n    protocols: [h2, http/1.1]\n    \
         limits: {{ body_timeout: 500ms, body_bytes: 1GiB }}\n\
         upstreams:\n  app: {{ servers: [\"{}\"], timeouts: {{ between_bytes: 1s, idle: 1h }} }}\n\
         routes: [{{ host: localhost, allow: anyone, upstream: app }}]\n",
        upstream.address()
    );
    (Ostia::start(crate::world::BINARY, &yaml).await, upstream)
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

async fn waiting(upstream: &ScriptedUpstream) {
    eventually("the request waits at the server", SOON, async || (upstream.listeners() > 0).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_arrives_event_by_event_without_delay() {
    let (node, upstream) = node().await;
    let mut client = Connection::open(node.port()).await.unwrap();
    client.send(get("/events", "Accept: text/event-stream\r\n").as_bytes()).await;
    client.until("\r\n\r\n").await;
    waiting(&upstream).await;
    let mut delays = Vec::new();
    for number in 0..50 {
        let sent = Instant::now();
        upstream.event(&format!("event-{number};"));
        client.until(&format!("event-{number};")).await;
        delays.push(sent.elapsed());
    }
    delays.sort();
    // Whoever waits for more before it sends waits for ever here, or for 40 ms in the kernel.
    assert!(delays[25] < Duration::from_millis(25), "half of the events took longer than {:?}", delays[25]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_and_a_poll_may_be_silent_for_longer_than_any_body() {
    let (node, upstream) = node().await;
    let mut stream = Connection::open(node.port()).await.unwrap();
    stream.send(get("/events", "Accept: text/event-stream\r\n").as_bytes()).await;
    stream.until("\r\n\r\n").await;
    let mut poll = Connection::open(node.port()).await.unwrap();
    // Whoever polls for long says that events are what it waits for.
    poll.send(get("/poll", "Accept: text/event-stream, */*\r\n").as_bytes()).await;
    eventually("both wait", SOON, async || (upstream.listeners() == 2).then_some(())).await;
    // Four times the deadline between two reads of a body.
    tokio::time::sleep(Duration::from_secs(2)).await;
    upstream.event("after-silence");
    stream.until("after-silence").await;
    let answer = poll.answer().await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "after-silence"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_to_continue_before_it_sends_its_body() {
    let (node, _upstream) = node().await;
    let mut client = Connection::open(node.port()).await.unwrap();
    let head =
        "POST /informed HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    client.send(head.as_bytes()).await;
    client.until("HTTP/1.1 100 Continue\r\n").await;
    client.until("\r\n").await;
    client.send(b"hello").await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_head_answers_pass_unchanged() {
    let (node, _upstream) = node().await;
    let answer = raw::send(node.port(), get("/range", "Range: bytes=40-\r\n")).await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (206, "0123456789"));
    assert_eq!(answer.field("content-range"), Some("bytes 40-49/100"));

    let mut client = Connection::open(node.port()).await.unwrap();
    for _ in 0..2 {
        client.send(b"HEAD /x HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let answer = client.answer_to("HEAD").await.unwrap();
        assert_eq!((answer.status, answer.field("content-length")), (200, Some("12345")));
    }
    client.send(get("/x", "").as_bytes()).await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "the connection is still in step");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_before_the_body_was_sent_reaches_the_client() {
    let (node, _upstream) = node().await;
    for framing in ["Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut client = Connection::open(node.port()).await.unwrap();
        client.send(format!("POST /early HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n").as_bytes()).await;
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "early"), "{framing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_both_ways_in_constant_memory() {
    const SIZE: usize = 96 * 1024 * 1024;
    let (node, _upstream) = node().await;
    assert_eq!(raw::get(node.port(), "/bytes/1000000").await.unwrap().body.len(), 1_000_000);
    let before = node.resident_bytes();
    let mut most = before;
    for path in ["/bytes/", "/chunks/"] {
        let mut client = Connection::open(node.port()).await.unwrap();
        client.send(get(&format!("{path}{SIZE}"), "").as_bytes()).await;
        assert_eq!(client.skim().await, Some((200, SIZE)), "{path}");
        most = most.max(node.resident_bytes());
    }
    let mut client = Connection::open(node.port()).await.unwrap();
    let head = format!("POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\n\r\n");
    client.send(head.as_bytes()).await;
    let piece = vec![b'x'; 1024 * 1024];
    for _ in 0..SIZE / piece.len() {
        client.send(&piece).await;
        most = most.max(node.resident_bytes());
    }
    assert_eq!(client.answer().await.unwrap().text(), SIZE.to_string());
    let grown = most.saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "{} KiB more for {} MiB", grown / 1024, SIZE / 1024 / 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_pauses_or_is_too_large_is_told_so() {
    let upstream = ScriptedUpstream::start().await;
    let yaml = format!(
        "listeners:\n  http: {{ bind: \"<listen>\", limits: {{ body_timeout: 300ms, body_bytes: 1KiB }} }}\n\
         routes: [{{ host: localhost, allow: anyone, upstream: \"{}\" }}]\n",
        upstream.address()
    );
    let node = Ostia::start(crate::world::BINARY, &yaml).await;
    let post = |framing: &str, body: &str| {
        format!("POST /count HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n{body}")
    };
    let large = format!("800\r\n{}\r\n0\r\n\r\n", "x".repeat(0x800));
    for (name, request, status) in [
        ("nothing of a body", post("Content-Length: 5", ""), 408),
        ("half of a body", post("Content-Length: 5", "hel"), 408),
        ("half of a chunk", post("Transfer-Encoding: chunked", "5\r\nhel"), 408),
        ("no last chunk", post("Transfer-Encoding: chunked", "5\r\nhello\r\n"), 408),
        ("an announced body", post("Content-Length: 2000", ""), 413),
        ("a chunked body", post("Transfer-Encoding: chunked", &large), 413),
    ] {
        let mut client = Connection::open(node.port()).await.unwrap();
        client.send(request.as_bytes()).await;
        let answer = client.answer().await.unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        assert!(client.is_closed_by_peer().await, "{name}");
    }
}
