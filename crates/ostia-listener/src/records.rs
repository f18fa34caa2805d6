//! HTTP/1.1 over TLS: small writes become one record. Each record costs a header, a tag and a seal of its own, and the
//! engine writes a response head and its body apart.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pingora_core::protocols::tls::TlsStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::held::{Held, writes_through_held};
use crate::socket::Socket;
use crate::transport::passes_on;

/// A TLS connection that seals when it is flushed, or when there is enough.
#[derive(Debug)]
pub(crate) struct Records {
    stream: TlsStream<Socket>,
    held: Held,
}

impl Records {
    pub(crate) fn new(stream: TlsStream<Socket>) -> Self {
        Self { stream, held: Held::default() }
    }
}

impl AsyncRead for Records {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

writes_through_held!(Records, stream);

impl Drop for Records {
    fn drop(&mut self) {
        // The engine drops some connections without a flush; what goes out at once still does.
        if self.held.as_slice().is_empty() {
            return;
        }
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(Ok(())) = self.held.poll_send(&mut self.stream, &mut context) {
            let _ = Pin::new(&mut self.stream).poll_flush(&mut context);
        }
    }
}

passes_on!(Records, stream);
