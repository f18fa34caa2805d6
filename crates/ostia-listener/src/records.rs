//! HTTP/1.1 over TLS: small writes become one record. Each record costs a header, a tag and a seal of its own, and the
//! engine writes a response head and its body apart.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pingora_core::protocols::tls::TlsStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::held::Held;
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

impl AsyncWrite for Records {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.held.poll_write_vectored(&mut this.stream, cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.held.poll_send(&mut this.stream, cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.held.poll_send(&mut this.stream, cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

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
