//! E4: whoever floods a node is cut off, its memory stays bounded, and everybody else is served as usual.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ostia_testkit::corpus::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM,
    Received, fields, frame, request, settings, window_update,
};
use ostia_testkit::raw::Connection;
use ostia_testkit::{Ostia, ScriptedUpstream, eventually, raw};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Frames of one kind that an attacker sends at most; it must be cut long before.
const ENOUGH: u32 = 20_000;
/// What a flood may cost in memory (`docs/explanation/floods.md`).
const MEMORY: usize = 64 * 1024 * 1024;
/// What an answer of which the client reads nothing may hold (the same page).
const UNREAD: usize = 512 * 1024;
/// `ENHANCE_YOUR_CALM`.
const CALM: u32 = 0xb;

async fn node(limits: &str) -> (Ostia, ScriptedUpstream) {
    let upstream = ScriptedUpstream::start().await;
    let yaml = format!(
        "listeners:\n  http:\n    bind: \"<listen>\"\n    protocols: [h2, http/1.1]\n    limits: {{ {limits} }}\n\
         routes: [{{ host: app.test, allow: anyone, upstream: \"{}\" }}]\n",
        upstream.address()
    );
    (Ostia::start(crate::world::BINARY, &yaml).await, upstream)
}

/// How an attack ended: the code of the GOAWAY, if one came before the close.
#[derive(Debug, PartialEq, Eq)]
enum End {
    GoAway(u32),
    Closed,
    /// Everything was sent and nobody minded.
    Never,
}

/// Sends what `next` makes until the node ends the connection or nothing is left.
async fn attack(port: u16, mut next: impl FnMut(u32) -> Vec<u8>) -> End {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let listening = tokio::spawn(async move {
        let (mut received, mut buffer) = (Received::default(), vec![0; 64 * 1024]);
        let mut end = End::Closed;
        while let Ok(length @ 1..) = read.read(&mut buffer).await {
            received.push(&buffer[..length]);
            for frame in received.by_ref().filter(|frame| frame.kind == GOAWAY) {
                let code = frame.payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
                end = End::GoAway(code.unwrap_or(0));
            }
        }
        end
    });
    write.write_all(&[PREFACE, &settings(&[])].concat()).await.unwrap();
    for number in 0..ENOUGH {
        if listening.is_finished() || write.write_all(&next(number)).await.is_err() {
            break;
        }
    }
    match tokio::time::timeout(Duration::from_secs(10), listening).await {
        Ok(end) => end.unwrap(),
        Err(_) => End::Never,
    }
}

fn stream_of(number: u32) -> u32 {
    number * 2 + 1
}

fn post(number: u32) -> Vec<u8> {
    request(stream_of(number), &[(":method", "POST"), (":path", "/count")], false)
}

/// A flood: its name, and the frames of its nth step.
type Flood = (&'static str, fn(u32) -> Vec<u8>);

/// Streams that are reset, by the client or because of it.
const RESETS: [Flood; 7] = [
    ("rapid reset", |n| {
        [request(stream_of(n), &[], true), frame(RST_STREAM, 0, stream_of(n), &[0, 0, 0, 8])].concat()
    }),
    ("made to reset by a window of nothing", |n| [post(n), window_update(stream_of(n), 0)].concat()),
    ("made to reset by a window over 2^31", |n| [post(n), window_update(stream_of(n), 0x7fff_ffff)].concat()),
    ("made to reset by a priority of itself", |n| {
        [post(n), frame(PRIORITY, 0, stream_of(n), &[&stream_of(n).to_be_bytes()[..], &[16]].concat())]
            .concat()
    }),
    ("made to reset by a priority of four bytes", |n| {
        [post(n), frame(PRIORITY, 0, stream_of(n), &[0, 0, 0, 1])].concat()
    }),
    ("made to reset by data behind the end", |n| {
        [request(stream_of(n), &[(":path", "/poll")], true), frame(DATA, 0, stream_of(n), b"x")].concat()
    }),
    ("made to reset by fields behind the end", |n| {
        let trailers = fields(&[("x", "1")]);
        let again = frame(HEADERS, END_HEADERS | END_STREAM, stream_of(n), &trailers);
        [request(stream_of(n), &[(":path", "/poll")], true), again].concat()
    }),
];

/// Frames that cost work or memory and ask for nothing.
const FRAMES: [Flood; 8] = [
    ("pings", |_| frame(PING, 0, 0, &[0; 8])),
    ("settings", |_| settings(&[(3, 100)])),
    ("priorities", |n| frame(PRIORITY, 0, stream_of(n), &[0, 0, 0, 0, 16])),
    ("windows", |n| if n == 0 { post(0) } else { window_update(1, 1) }),
    ("empty data", |n| if n == 0 { post(0) } else { frame(DATA, 0, 1, b"") }),
    ("frames nobody knows", |n| frame(0x42, 0, n, b"x")),
    ("continuations", |n| {
        if n == 0 {
            frame(HEADERS, END_STREAM, 1, &fields(&[(":method", "GET")]))
        } else {
            frame(CONTINUATION, 0, 1, b"")
        }
    }),
    ("continuations with fields", |n| {
        if n == 0 {
            frame(HEADERS, END_STREAM, 1, &fields(&[(":method", "GET")]))
        } else {
            frame(CONTINUATION, 0, 1, &fields(&[("x", "1234567890".repeat(100))]))
        }
    }),
];

/// Small on the wire, large in memory.
const BOMBS: [Flood; 2] = [
    ("a field that is remembered and named again and again", |n| {
        let ours = fields(&[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "app.test"),
            (":path", "/poll"),
        ]);
        let remembered = [&[0x40, 1, b'x', 0x7f, 0x81, 0x1e][..], &[b'a'; 3968]].concat();
        let block = if n == 0 { [ours, remembered].concat() } else { [ours, vec![0xbe; 15_000]].concat() };
        frame(HEADERS, END_HEADERS | END_STREAM, stream_of(n), &block)
    }),
    ("cookies in ten thousand crumbs", |n| {
        let ours = fields(&[
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "app.test"),
            (":path", "/poll"),
        ]);
        let crumbs = vec![0x60, 1, b'a'];
        let block = [ours, crumbs, vec![0xbe; 10_000]].concat();
        frame(HEADERS, END_HEADERS | END_STREAM, stream_of(n), &block)
    }),
];

/// What half of a bystander's requests may take on a machine that attacks itself.
fn slower_at_most(usual: Duration) -> Duration {
    usual * 4 + Duration::from_millis(10)
}

/// A client that asks one thing after the other and notes how long each took.
async fn usual_client(port: u16, requests: usize) -> Vec<Duration> {
    let mut client = Connection::open(port).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..requests {
        let asked = Instant::now();
        client.send(b"GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(client.answer().await.expect("a bystander is served").status, 200);
        times.push(asked.elapsed());
    }
    times.sort();
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_http_2_are_cut_with_bounded_memory_while_others_are_served() {
    let (node, upstream) = node("streams_per_connection: 100").await;
    let usual = usual_client(node.port(), 300).await[150];
    let before = node.resident_bytes();
    let mut most = before;
    let mut meanwhile = Vec::new();
    for (name, flood) in RESETS.iter().chain(&FRAMES).chain(&BOMBS) {
        let bystander = tokio::spawn(usual_client(node.port(), 100));
        let end = attack(node.port(), flood).await;
        assert!(matches!(end, End::GoAway(1..) | End::Closed), "{name}: {end:?}");
        most = most.max(node.resident_bytes());
        meanwhile.extend(bystander.await.unwrap());
    }
    meanwhile.sort();
    let meanwhile = meanwhile[meanwhile.len() / 2];
    assert!(meanwhile < slower_at_most(usual), "{usual:?} became {meanwhile:?}");
    let grown = most.saturating_sub(before);
    assert!(grown < MEMORY, "{} KiB more", grown / 1024);
    // Each attacker got through with what one budget allows at most, bystanders with all.
    let got_through = upstream.requests() - 300 - 100 * (RESETS.len() + FRAMES.len() + BOMBS.len());
    assert!(got_through < 400 * RESETS.len(), "{got_through} requests of attackers got through");
    // A connection is counted when it is torn down, which may be after its client was told.
    for reason in ["http2_reset_flood", "http2_frame_flood"] {
        eventually(&format!("{reason} is counted"), Duration::from_secs(10), async || {
            let metrics = node.metrics().await;
            let counted = metrics.sum("ostia_connections_rejected_total", &[("reason", reason)]);
            (counted >= 1.0).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reset_flood_is_answered_with_calm_down() {
    let (node, _upstream) = node("streams_per_connection: 100").await;
    for (name, flood) in [RESETS[0], FRAMES[0], FRAMES[1]] {
        assert_eq!(attack(node.port(), flood).await, End::GoAway(CALM), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_opens_no_window_holds_little_and_not_for_long() {
    // Long enough that a busy machine asks the upstream for most of them before the first is given up.
    let (node, upstream) = node("streams_per_connection: 100, body_timeout: 8s").await;
    let before = node.resident_bytes();
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, node.port())).await.unwrap();
        let mut bytes = [PREFACE, &settings(&[(4, 0)])].concat();
        // Far more than a stream may hold, and little enough that the kernel has room for what four hundred servers
        // write: where its memory for TCP is short, nobody connects any more.
        (0..100).for_each(|n| bytes.extend(request(stream_of(n), &[(":path", "/bytes/1500000")], true)));
        stream.write_all(&bytes).await.unwrap();
        streams.push(stream);
    }
    let asked = async || (upstream.requests() >= 300).then_some(());
    eventually("most are asked for", Duration::from_secs(30), asked).await;
    let each = node.resident_bytes().saturating_sub(before) / 400;
    assert!(each < UNREAD, "{} KiB for each of four hundred streams", each / 1024);
    let in_flight = async || {
        let metrics = node.metrics().await;
        (metrics.sum("ostia_http_requests_in_flight", &[]) == 0.0).then_some(())
    };
    eventually("all are given up", Duration::from_secs(40), in_flight).await;
    assert_eq!(raw::get_host(node.port(), "app.test", "/x").await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_read_nothing_are_cut() {
    let (node, _upstream) = node("body_timeout: 1s").await;
    let http1 = b"GET /bytes/50000000 HTTP/1.1\r\nHost: app.test\r\n\r\n".to_vec();
    let windows = [settings(&[(4, 0x7fff_ffff)]), window_update(0, 0x7000_0000)].concat();
    let http2 = [PREFACE, &windows, &request(1, &[(":path", "/bytes/50000000")], true)].concat();
    for (name, bytes) in [("HTTP/1.1", http1), ("HTTP/2", http2)] {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, node.port())).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let gone = async || (node.metrics().await.sum("ostia_connections_active", &[]) == 0.0).then_some(());
        eventually(&format!("{name}: the connection is cut"), Duration::from_secs(20), gone).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_bodies_hold_their_connections_no_longer_than_the_deadline() {
    let (node, _upstream) = node("header_timeout: 1s, body_timeout: 1s").await;
    let usual = usual_client(node.port(), 200).await[100];
    let mut slow = Vec::new();
    for number in 0..400 {
        let mut client = Connection::open(node.port()).await.unwrap();
        let text = match number % 3 {
            0 => "GET / HTTP/1.1\r\nHost: app",
            1 => "POST /count HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100\r\n\r\nhalf",
            _ => "POST /count HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        };
        client.send(text.as_bytes()).await;
        slow.push(client);
    }
    let meanwhile = usual_client(node.port(), 200).await[100];
    assert!(meanwhile < slower_at_most(usual), "{usual:?} became {meanwhile:?}");
    for client in &mut slow {
        assert_eq!(client.answer().await.map(|answer| answer.status), Some(408));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_no_more_connections_than_it_may() {
    let (node, _upstream) = node("connections_per_address: 20").await;
    let mut open = Vec::new();
    for _ in 0..20 {
        let mut client = Connection::open(node.port()).await.unwrap();
        client.send(b"GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(client.answer().await.unwrap().status, 200);
        open.push(client);
    }
    let mut turned_away = Connection::open(node.port()).await.unwrap();
    assert!(turned_away.is_closed_by_peer().await);
    let metrics = node.metrics().await;
    assert_eq!(metrics.sum("ostia_connections_rejected_total", &[("reason", "address_limit")]), 1.0);
    drop(open);
    let served =
        async || raw::get_host(node.port(), "app.test", "/x").await.filter(|answer| answer.status == 200);
    eventually("places are given back", Duration::from_secs(10), served).await;
}
