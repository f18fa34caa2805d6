//! HTTP/2 with prior knowledge (h2c) beside HTTP/1.1 on a plain listener, told apart by the preface of a connection.

use std::sync::Arc;

use bytes::BytesMut;
use pingora_core::apps::HttpServerApp;
use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use crate::edge::Edge;
use crate::socket::Socket;
use crate::{http1, http2};

/// RFC 9113 section 3.4. No request of HTTP/1.1 begins like this: `PRI` is reserved.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves a plain connection in the protocol that it begins with.
pub(crate) async fn serve<A>(mut socket: Socket, edge: Arc<Edge<A>>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let protocols = edge.shared().settings.load().protocols;
    let speaks_http2 = match (protocols.http1, protocols.http2) {
        (_, false) => false,
        (false, true) => true,
        (true, true) => tokio::select! {
            biased;
            speaks_http2 = begins_with_preface(&mut socket) => speaks_http2,
            () = sleep(edge.bounds().header_timeout) => return,
            // HTTP/1.1 knows how to take leave of a client that has not said anything yet.
            () = edge.stopped() => false,
        },
    };
    let socket = Box::new(socket);
    if speaks_http2 {
        Box::pin(http2::serve(socket, edge)).await;
    } else {
        http1::serve(socket, edge).await;
    }
}

/// Looks at the first bytes and puts them back, whatever becomes of the wait.
async fn begins_with_preface(socket: &mut Socket) -> bool {
    let mut looking = Looking { socket, first: BytesMut::new() };
    loop {
        // Nothing is held for a client that has not said anything yet.
        let Looking { socket, first } = &mut looking;
        let mut next = [0; PREFACE.len()];
        let room = next.get_mut(first.len()..).unwrap_or_default();
        match socket.read(room).await {
            Ok(0) | Err(_) => return false,
            Ok(length) => first.extend_from_slice(room.get(..length).unwrap_or_default()),
        }
        if let Some(answer) = looks_like(first) {
            return answer;
        }
    }
}

/// A socket whose first bytes are being looked at.
struct Looking<'a> {
    socket: &'a mut Socket,
    first: BytesMut,
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.socket.unread(std::mem::take(&mut self.first));
    }
}

/// `None` while the bytes may still become the preface.
fn looks_like(bytes: &[u8]) -> Option<bool> {
    if bytes.len() >= PREFACE.len() {
        return Some(bytes.starts_with(PREFACE));
    }
    if PREFACE.starts_with(bytes) { None } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preface_is_known_as_soon_as_it_is_whole_and_refuted_at_its_first_wrong_byte() {
        for (bytes, expected) in [
            (&PREFACE[..], Some(true)),
            (&PREFACE[..23], None),
            (b"P", None),
            (b"POST / HTTP/1.1\r\nHost: a\r\n", Some(false)),
            (b"PO", Some(false)),
            (b"PRI * HTTP/1.1\r\n", Some(false)),
            (b"\x16\x03\x01", Some(false)),
        ] {
            assert_eq!(looks_like(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
