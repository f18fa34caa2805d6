//! Each way in which a client is too slow, too large or gone ends with its own status, reason, page and counter.

use std::time::Duration;

use ostia_testkit::raw::Connection;
use ostia_testkit::{Ostia, ScriptedUpstream, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SOON: Duration = Duration::from_secs(20);
const POST: &str = "POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n";
const CHUNKED: &str = "POST /count HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
const FAILED: &str = "ostia_http_requests_failed_total";
const REJECTED: &str = "ostia_connections_rejected_total";

async fn node() -> (Ostia, ScriptedUpstream) {
    let upstream = ScriptedUpstream::start().await;
    let yaml = format!(
        "listeners:\n  http:\n    bind: \"<listen>\"\n    \
         limits: {{ header_timeout: 1s, body_timeout: 500ms, body_bytes: 1KiB }}\n\
         routes: [{{ host: localhost, allow: anyone, upstream: \"{}\" }}]\n",
        upstream.address()
    );
    (Ostia::start(crate::world::BINARY, &yaml).await, upstream)
}

/// What a client does after its head.
enum Then {
    /// It says nothing more.
    Waits,
    /// One byte now and then, often enough for every deadline between two reads.
    Drips,
    /// It closes.
    Leaves,
    /// It says this.
    Says(String),
}

/// A client: the reason and the end in the log, the counter, the status (`None`: nobody is left to tell, or the answer
/// has begun), its head, what it does then.
type Case = (&'static str, &'static str, &'static str, Option<u16>, &'static str, Then);

fn cases() -> Vec<Case> {
    let large = format!("500\r\n{}\r\n0\r\n\r\n", "x".repeat(0x500));
    let get = "GET /bytes/50000000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let slow = "client_timeout";
    vec![
        ("header_timeout", slow, REJECTED, Some(408), "GET /x HTTP/1.1\r\nHost: loc", Then::Waits),
        ("body_timeout", slow, FAILED, Some(408), POST, Then::Waits),
        ("body_too_slow", slow, FAILED, Some(408), POST, Then::Drips),
        ("body_too_large", "too_large", FAILED, Some(413), CHUNKED, Then::Says(large)),
        ("client_reads_nothing", slow, FAILED, None, get, Then::Waits),
        ("client_gone", "client_gone", FAILED, None, POST, Then::Leaves),
    ]
}

/// Does what the client does; the status of what it is told, and the connection where it is left open.
async fn act(
    mut client: Connection,
    head: &str,
    then: Then,
    is_told: bool,
) -> (Option<u16>, Option<Connection>) {
    client.send(head.as_bytes()).await;
    match then {
        Then::Leaves => return (None, None),
        Then::Drips => return (dripping(client).await, None),
        Then::Says(text) => client.send(text.as_bytes()).await,
        Then::Waits => {}
    }
    if is_told { (client.answer().await.map(|answer| answer.status), None) } else { (None, Some(client)) }
}

/// Sends a byte now and then until it is told something.
async fn dripping(client: Connection) -> Option<u16> {
    let (mut read, mut write) = client.into_parts().0.into_split();
    let drops = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut beginning = [0; 12];
    let read = read.read_exact(&mut beginning).await;
    drops.abort();
    read.ok().and_then(|_| std::str::from_utf8(&beginning[9..]).ok()?.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_slowness_of_a_client_has_its_status_reason_and_counter() {
    let (node, _upstream) = node().await;
    for (reason, end, metric, status, head, then) in cases() {
        let client = Connection::open(node.port()).await.unwrap();
        let acted = tokio::time::timeout(SOON, act(client, head, then, status.is_some())).await;
        let (told, _open) = acted.unwrap_or_else(|_| panic!("{reason}: nothing happens"));
        assert_eq!(told, status, "{reason}");
        let line = eventually(&format!("{reason}: a line is written"), SOON, async || {
            node.access_lines().into_iter().find(|line| line["ostia.reason"] == reason)
        })
        .await;
        assert_eq!(line["ostia.end"], end, "{line}");
        if let Some(status) = status {
            assert_eq!(line["http.response.status_code"], status, "{line}");
        }
        assert_eq!(node.metrics().await.sum(metric, &[("reason", reason)]), 1.0, "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_was_too_slow_gets_a_page_and_a_machine_a_problem() {
    let (node, _upstream) = node().await;
    let head = "GET /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n";
    let person = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\n";
    for (more, media_type) in [(person, "text/html"), ("", "application/problem+json")] {
        let mut client = Connection::open(node.port()).await.unwrap();
        client.send(format!("{head}{more}\r\nhel").as_bytes()).await;
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.status, 408, "{media_type}");
        assert!(answer.field("content-type").unwrap().starts_with(media_type), "{answer:?}");
        let id = answer.field("x-request-id").expect("the id that the log has");
        assert!(answer.text().contains(id) && answer.text().contains("slow"), "{}", answer.text());
    }
}
