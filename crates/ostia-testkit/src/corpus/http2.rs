//! The HTTP/2 half of the corpus: frames on a connection with prior knowledge.

mod content;
mod fine;
mod frames;
mod head;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{Arrival, Expected, FENCE, Mark, Outcome, Recorder};
pub use wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY,
    PUSH_PROMISE, RST_STREAM, Received, SETTINGS, WINDOW_UPDATE, fields, frame, request, settings, status_of,
    window_update,
};

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it tries: `head`, `content`, `frames`, `fine`.
    pub group: &'static str,
    /// What is odd about it.
    pub name: &'static str,
    /// The bytes behind the preface and our SETTINGS.
    pub bytes: Vec<u8>,
    /// What must become of it.
    pub expected: Expected,
}

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    [head::cases(), content::cases(), frames::cases(), fine::cases()].into_iter().flatten().collect()
}

/// Sends a case on a connection of its own and gathers how it was answered.
pub async fn run(case: &Case, proxy: SocketAddr, recorder: &Recorder, patience: Duration) -> Outcome {
    let mark = Mark::unused();
    recorder.begin(mark);
    let deadline = Instant::now() + patience;
    let Ok(mut stream) = mark.connect(proxy).await else { return Outcome::of(mark) };
    let bytes = [PREFACE, &settings(&[]), &case.bytes].concat();
    timeout_at(deadline, stream.write_all(&bytes)).await.ok();
    let (statuses, is_closed) =
        listen(&mut stream, deadline, matches!(case.expected, Expected::Closed)).await;
    drop(stream);
    fence(mark, proxy).await;
    Outcome { statuses, is_closed, is_shared: true, ..Outcome::of(mark) }
}

/// Reads until the proxy closes or says that it will, until a stream has ended (unless a close is what is waited
/// for), or until the time is over.
async fn listen(stream: &mut TcpStream, deadline: Instant, until_closed: bool) -> (Vec<u16>, bool) {
    let (mut received, mut buffer) = (Received::default(), [0; 16 * 1024]);
    let mut statuses = Vec::new();
    loop {
        match timeout_at(deadline, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return (statuses, true),
            Ok(Ok(length)) => received.push(&buffer[..length]),
            Err(_) => return (statuses, false),
        }
        let (mut has_ended, mut is_leaving) = (false, false);
        for frame in received.by_ref() {
            match frame.kind {
                HEADERS => statuses.extend(status_of(&frame.payload).filter(|status| *status >= 200)),
                RST_STREAM if statuses.is_empty() => statuses.push(0),
                GOAWAY => is_leaving = true,
                _ => {}
            }
            has_ended |= frame.kind == RST_STREAM
                || matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0;
        }
        if is_leaving || (has_ended && !until_closed) {
            return (statuses, is_leaving);
        }
    }
}

async fn fence(mark: Mark, proxy: SocketAddr) {
    let Ok(mut stream) = mark.connect(proxy).await else { return };
    let bytes = [PREFACE, &settings(&[]), &request(1, &[(":path", FENCE)], true)].concat();
    stream.write_all(&bytes).await.ok();
    listen(&mut stream, Instant::now() + Duration::from_secs(5), false).await;
}

fn case(group: &'static str, name: &'static str, expected: Expected, bytes: impl AsRef<[u8]>) -> Case {
    Case { group, name, bytes: bytes.as_ref().to_vec(), expected }
}

fn arrives(name: &'static str, arrival: Arrival, bytes: impl AsRef<[u8]>) -> Case {
    case("fine", name, Expected::Arrives(vec![arrival]), bytes)
}

fn at(target: &str) -> Arrival {
    Arrival { target: target.to_owned(), ..Arrival::default() }
}
