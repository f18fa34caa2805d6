//! A connection of the upstream server: request after request.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::net::TcpStream;

use super::answer::{Answer, head};
use super::received::{Reader, Received};
use super::running::Shared;
use super::{echo, page, web_socket};

/// How long `/unwell` lasts.
const ILLNESS: Duration = Duration::from_secs(15);
/// The most of `/bytes/N`.
const MOST_BYTES: usize = 64 * 1024 * 1024;

pub(super) async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = Reader::new(stream);
    while let Some(mut request) = reader.head().await? {
        if request.header("expect").is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue")) {
            write(&mut reader, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        reader.content(&mut request).await?;
        if web_socket::is_wanted(&request) {
            shared.note(&request);
            let (stream, early) = reader.into_parts();
            return web_socket::serve(stream, early, &request, &shared.name).await;
        }
        if request.path() == "/sse" {
            shared.note(&request);
            return events(&mut reader, &request, &shared.name).await;
        }
        let answer = answer(&request, shared).await;
        let closes = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        write(&mut reader, &answer.bytes(&shared.name, &request.method)).await?;
        if closes || request.version == "HTTP/1.0" {
            return Ok(());
        }
    }
    Ok(())
}

async fn write(reader: &mut Reader<TcpStream>, bytes: &[u8]) -> io::Result<()> {
    let mut stream = BufWriter::new(reader.stream());
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn answer(request: &Received, shared: &Shared) -> Answer {
    let path = request.path();
    if path == "/healthz" {
        return if shared.is_well() { Answer::text(200, "well") } else { Answer::text(503, "unwell") };
    }
    let served = shared.note(request);
    if path == "/slow" {
        let ms: u64 = request.parameter("ms").and_then(|ms| ms.parse().ok()).unwrap_or(1000);
        tokio::time::sleep(Duration::from_millis(ms.min(60_000))).await;
    }
    if path == "/unwell" && request.method == "POST" {
        shared.fall_ill(ILLNESS);
        return Answer::text(303, "unwell for 15 s").with("Location", "/");
    }
    if let Some(code) = path.strip_prefix("/status/") {
        let code: u16 = code.parse().unwrap_or(404);
        return Answer::text(if (200..=599).contains(&code) { code } else { 404 }, &format!("status {code}"));
    }
    if let Some(count) = path.strip_prefix("/bytes/") {
        let count: usize = count.parse().unwrap_or(0);
        return Answer::new(200, "application/octet-stream", vec![b'x'; count.min(MOST_BYTES)]);
    }
    let answer = if echo::wants_json(request) {
        let body = format!("{:#}\n", echo::echo(&shared.name, request));
        Answer::new(200, "application/json", body)
    } else {
        page::page(&shared.name, served, request)
    };
    answer.with("Cache-Control", "no-store").with("Vary", "Accept")
}

/// `/sse`: the connection ends with the last event, or when the client goes.
async fn events(reader: &mut Reader<TcpStream>, request: &Received, server: &str) -> io::Result<()> {
    let count: usize = request.parameter("count").and_then(|count| count.parse().ok()).unwrap_or(10);
    let fields = [
        ("Content-Type", "text/event-stream".to_owned()),
        ("Cache-Control", "no-store".to_owned()),
        ("Transfer-Encoding", "chunked".to_owned()),
        ("Connection", "close".to_owned()),
    ];
    write(reader, format!("{}\r\n", head(200, server, &fields)).as_bytes()).await?;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    for number in 0..count {
        tick.tick().await;
        let event = format!("id: {number}\ndata: {{\"server\":\"{server}\",\"event\":{number}}}\n\n");
        write(reader, format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
    }
    write(reader, b"0\r\n\r\n").await
}
