//! The answers that a connection gets before the request path is involved: 400, 408 and 431.

use std::time::Duration;

use pingora_core::protocols::Stream;
use pingora_core::protocols::http::date::get_cached_date;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::head::HeadRefused;

/// How long the answer may take to leave, and how long the client's rest is then read.
const LINGER: Duration = Duration::from_secs(1);
/// How much of the client's rest is read.
const LINGER_BYTES: usize = 256 * 1024;

/// Sends the status and closes. The connection is not used again: where one message ends is not known.
pub(crate) async fn refuse(mut stream: Stream, reason: HeadRefused) {
    let told = async {
        stream.write_all(&message(reason)).await?;
        stream.flush().await
    };
    if !matches!(timeout(LINGER, told).await, Ok(Ok(()))) {
        return;
    }
    let _ = timeout(LINGER, close_after(stream)).await;
}

/// Closing with unread bytes would reset the connection, and the reset can overtake the answer: so the writing half
/// is closed and the rest is read, within bounds (RFC 9112 section 9.6).
async fn close_after(mut stream: Stream) {
    let _ = stream.shutdown().await;
    let mut rest = [0; 2048];
    let mut bytes = 0;
    while bytes < LINGER_BYTES {
        match stream.read(&mut rest).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes += read,
        }
    }
}

fn message(reason: HeadRefused) -> Vec<u8> {
    let (status, phrase) = match reason.status() {
        408 => ("408 Request Timeout", "The request did not arrive in time.\n"),
        431 => ("431 Request Header Fields Too Large", "The request head is too large.\n"),
        _ => ("400 Bad Request", "The request is malformed.\n"),
    };
    let date = get_cached_date();
    let date = date.to_str().unwrap_or_default();
    let length = phrase.len();
    format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\nConnection: close\r\nCache-Control: no-store\r\n\
         Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{phrase}"
    )
    .into_bytes()
}
