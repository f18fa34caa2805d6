//! The last words of a connection that became a WebSocket: whoever ends it from inside may leave a close frame to be
//! sent first (RFC 6455 section 5.5.1).
//!
//! The engine owns the stream while the tunnel lasts, and it is dropped with everything else when the exchange is let
//! go. So it is the stream that speaks, when it is dropped: if words were left for it, and if what went out until then
//! ends where a frame ends; else they would stand in the middle of a frame.

mod frames;

use std::future::Future;
use std::io::{self, Cursor};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::frames::Sent;
use crate::transport::passes_on;

/// The opcode of a close frame, with FIN.
const CLOSE: u8 = 0x88;
/// The longest reason: a control frame holds 125 bytes, two of them the code.
const MAX_REASON_BYTES: usize = 123;

type Words = Arc<Mutex<Vec<u8>>>;

tokio::task_local! {
    static WORDS: Words;
}

/// Leaves a close frame for the WebSocket whose exchange this task runs; it is sent when the exchange is dropped.
/// Elsewhere it does nothing. A reason of more than 123 bytes is left out.
pub fn close_web_socket(code: u16, reason: &str) {
    let reason = if reason.len() > MAX_REASON_BYTES { "" } else { reason };
    let [high, low] = code.to_be_bytes();
    let length = u8::try_from(2 + reason.len()).unwrap_or(2);
    let frame = [&[CLOSE, length, high, low], reason.as_bytes()].concat();
    let _ = WORDS.try_with(|words| *words.lock() = frame);
}

/// Runs an exchange; with words, on a stream that says them.
pub(super) async fn heard<T>(words: Option<Words>, exchange: impl Future<Output = T>) -> T {
    match words {
        Some(words) => Box::pin(WORDS.scope(words, exchange)).await,
        None => exchange.await,
    }
}

/// The stream of a connection that asks for an upgrade.
#[derive(Debug)]
pub(super) struct Farewell {
    stream: Stream,
    sent: Sent,
    words: Words,
}

impl Farewell {
    /// Puts itself before a stream; the words are left with [`heard`].
    pub(super) fn around(stream: Stream) -> (Stream, Words) {
        let words = Words::default();
        (Box::new(Self { stream, sent: Sent::default(), words: Arc::clone(&words) }), words)
    }
}

/// The stream itself, when it was not upgraded after all.
pub(super) fn inner(stream: Stream) -> Option<Stream> {
    if !(*stream).as_any().is::<Farewell>() {
        return Some(stream);
    }
    let mut farewell = stream.into_any().downcast::<Farewell>().ok()?;
    Some(std::mem::replace(&mut farewell.stream, Box::new(Cursor::new(Vec::new()))))
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let words = std::mem::take(&mut *self.words.lock());
        if words.is_empty() || !self.sent.is_between_frames() {
            return;
        }
        // What does not go out at once does not go out: nobody waits for a connection that ends.
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(Ok(_)) = Pin::new(&mut self.stream).poll_write(&mut context, &words) {
            let _ = Pin::new(&mut self.stream).poll_flush(&mut context);
        }
    }
}

impl AsyncRead for Farewell {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Farewell {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(taken)) = written {
            this.sent.read(bytes.get(..taken).unwrap_or_default());
        }
        written
    }

    /// One buffer after the other: a tunnel is no place where that counts.
    fn is_write_vectored(&self) -> bool {
        false
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

passes_on!(Farewell, stream);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

    /// What the peer gets after the server wrote these and let go with words.
    async fn said(written: &[&[u8]]) -> Vec<u8> {
        let (near, mut far) = duplex(4096);
        let (mut stream, words) = Farewell::around(Box::new(near));
        let exchange = async move {
            for bytes in written {
                stream.write_all(bytes).await.unwrap();
            }
            close_web_socket(1008, "over");
        };
        heard(Some(words), exchange).await;
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        got.split_off(written.iter().map(|bytes| bytes.len()).sum())
    }

    #[tokio::test]
    async fn a_web_socket_is_closed_with_its_reason_where_a_frame_ends() {
        let close = b"\x88\x06\x03\xf0over".to_vec();
        for (name, written, expected) in [
            ("idle", vec![SWITCH], true),
            ("after a frame", vec![SWITCH, b"\x81\x02hi"], true),
            ("after two in one write", vec![SWITCH, b"\x01\x01h\x80\x01i"], true),
            ("in a head of a frame", vec![SWITCH, b"\x81"], false),
            ("in a frame", vec![SWITCH, b"\x81\x05hi"], false),
            ("after the application closed", vec![SWITCH, b"\x88\x00"], false),
            ("before the switch", vec![b"HTTP/1.1 101 Switching"], false),
            ("another answer", vec![b"HTTP/1.1 401 Unauthorized\r\n\r\n"], false),
            ("after an interim answer", vec![b"HTTP/1.1 103 Early Hints\r\n\r\n", SWITCH], true),
        ] {
            let expected = if expected { close.clone() } else { Vec::new() };
            assert_eq!(said(&written).await, expected, "{name}");
        }
    }

    #[tokio::test]
    async fn without_words_nothing_is_said_and_elsewhere_nobody_listens() {
        let (near, mut far) = duplex(64);
        let (stream, words) = Farewell::around(Box::new(near));
        heard(Some(words), async move { drop(stream) }).await;
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert!(got.is_empty());
        close_web_socket(1008, "nobody hears it");
    }

    #[test]
    fn the_stream_comes_back_when_it_was_not_upgraded() {
        let (near, _far) = duplex(64);
        let (stream, _) = Farewell::around(Box::new(near));
        assert!((*inner(stream).unwrap()).as_any().is::<tokio::io::DuplexStream>());
    }
}
