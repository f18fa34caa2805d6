//! The HTTP/1.1 half of the corpus: bytes on a socket.

mod body;
mod field;
mod framing;
mod host;
mod pipeline;
mod target;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{Arrival, Expected, FENCE, HOST, Mark, Outcome, Recorder};

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it tries: `framing`, `body`, `target`, `host`, `field`, `pipeline`.
    pub group: &'static str,
    /// What is odd about it.
    pub name: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What must become of it.
    pub expected: Expected,
}

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let groups =
        [framing::cases(), body::cases(), target::cases(), host::cases(), field::cases(), pipeline::cases()];
    groups.into_iter().flatten().collect()
}

/// Sends a case on a connection of its own and gathers how it was answered. `patience` must be longer than the proxy's
/// deadlines for heads and bodies.
pub async fn run(case: &Case, proxy: SocketAddr, recorder: &Recorder, patience: Duration) -> Outcome {
    let mark = Mark::unused();
    recorder.begin(mark);
    let deadline = Instant::now() + patience;
    let Ok(mut stream) = mark.connect(proxy).await else { return Outcome::of(mark) };
    // A proxy that refuses early closes early: what cannot be sent any more is no error.
    timeout_at(deadline, stream.write_all(&case.bytes)).await.ok();
    let wanted = match &case.expected {
        Expected::Arrives(arrivals) | Expected::Pipelined(arrivals) => arrivals.len(),
        _ => usize::MAX,
    };
    let (answered, is_closed) = listen(&mut stream, deadline, wanted).await;
    drop(stream);
    fence(mark, proxy).await;
    Outcome { statuses: statuses(&answered), is_closed, ..Outcome::of(mark) }
}

/// Reads until the proxy closes, `wanted` answers are there, or the time is over.
async fn listen(stream: &mut TcpStream, deadline: Instant, wanted: usize) -> (Vec<u8>, bool) {
    let (mut answered, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match timeout_at(deadline, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return (answered, true),
            Ok(Ok(length)) => answered.extend_from_slice(&buffer[..length]),
            Err(_) => return (answered, false),
        }
        if statuses(&answered).len() >= wanted {
            return (answered, false);
        }
    }
}

async fn fence(mark: Mark, proxy: SocketAddr) {
    let Ok(mut stream) = mark.connect(proxy).await else { return };
    let head = format!("GET {FENCE} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok();
    let deadline = Instant::now() + Duration::from_secs(5);
    listen(&mut stream, deadline, 1).await;
}

/// The status codes of a stream of answers, 1xx aside.
fn statuses(answered: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answered);
    let lines = text.split("HTTP/1.").skip(1).filter_map(|rest| rest.get(2..5)?.parse().ok());
    lines.filter(|status| *status >= 200).collect()
}

/// A case that must be refused before anything goes on.
fn refused(group: &'static str, name: &'static str, status: u16, bytes: impl AsRef<[u8]>) -> Case {
    Case { group, name, bytes: bytes.as_ref().to_vec(), expected: Expected::Refused(status) }
}

/// A case of which one request arrives.
fn arrives(group: &'static str, name: &'static str, bytes: impl AsRef<[u8]>, arrival: Arrival) -> Case {
    Case { group, name, bytes: bytes.as_ref().to_vec(), expected: Expected::Arrives(vec![arrival]) }
}

fn at(target: &str) -> Arrival {
    Arrival { target: target.to_owned(), ..Arrival::default() }
}

fn with_body(target: &str, body: &str) -> Arrival {
    Arrival { body: body.as_bytes().to_vec(), ..at(target) }
}

/// A GET for `/x` with more field lines, each with its own line end.
fn get(lines: &str) -> String {
    format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n")
}

/// A POST to `/x` with more field lines and what follows the head.
fn post(lines: &str, body: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n{body}")
}
