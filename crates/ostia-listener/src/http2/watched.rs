//! The stream that HTTP/2 runs on, with an eye on its frames and a deadline on its writes.
//!
//! Frames are counted as the bytes pass, before the codec sees them; after a flood nothing more is read. A peer that
//! takes no byte for as long as `limits.body_timeout` is cut: the codec has no deadline of its own, and what it holds
//! for such a peer is memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::calm::Calm;
use super::frame::Frames;
use crate::transport::passes_on;

/// A connection's stream under watch.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    calm: Arc<Calm>,
    received: Frames,
    sent: Frames,
    patience: Duration,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    pub(super) fn new(stream: Stream, calm: Arc<Calm>, patience: Duration) -> Self {
        Self {
            stream,
            calm,
            received: Frames::of_client(),
            sent: Frames::of_server(),
            patience,
            stalled: None,
        }
    }

    /// Turns a write that makes no headway into an error when its time is over.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.stalled = None;
            return write;
        }
        let patience = self.patience;
        let clock = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + patience)));
        clock.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.calm.flood().is_some() {
            // The loop that polls us looks at the flood next and closes.
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        let bytes = buf.filled().get(before..).unwrap_or_default();
        this.received.read(bytes, |frame| this.calm.received(frame));
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(mut left)) = written {
            for buf in bufs {
                let taken = left.min(buf.len());
                this.sent.read(buf.get(..taken).unwrap_or_default(), |frame| this.calm.sent(frame));
                left -= taken;
            }
        }
        this.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.in_time(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.in_time(cx, shut)
    }
}

passes_on!(Watched, stream);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::http2::calm::Flood;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn watched(room: usize) -> (Watched, tokio::io::DuplexStream, Arc<Calm>) {
        let (inside, client) = duplex(room);
        let calm = Calm::new();
        (Watched::new(Box::new(inside), Arc::clone(&calm), PATIENCE), client, calm)
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_flood_nothing_more_is_read() {
        let (mut watched, mut client, calm) = watched(1 << 20);
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        client.write_all(&ping.repeat(4000)).await.unwrap();
        let mut room = [0; 4096];
        let mut read = 0;
        while let Ok(Ok(length)) = tokio::time::timeout(PATIENCE, watched.read(&mut room)).await {
            read += length;
        }
        assert_eq!(calm.flood(), Some(Flood::Frames));
        assert!(read < ping.len() * 2400, "{read} bytes of a flood were read");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_cut_at_its_deadline_and_a_slow_one_is_not() {
        let (mut watched, mut client, _calm) = watched(16);
        let began = Instant::now();
        let sent = tokio::spawn(async move {
            let written = watched.write_all(&[0; 64]).await;
            (written, watched)
        });
        for _ in 0..3 {
            tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
            client.read_exact(&mut [0; 16]).await.unwrap();
        }
        let (written, mut watched) = sent.await.unwrap();
        assert!(written.is_ok() && began.elapsed() > 2 * PATIENCE, "a slow reader gets everything");
        let began = Instant::now();
        let refused = watched.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(
            (refused.kind(), began.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, PATIENCE.as_secs())
        );
    }
}
