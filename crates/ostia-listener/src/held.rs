//! Bytes that wait for more before they are written: a response head and its small body leave together.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// As many bytes wait: one segment on most paths.
pub(crate) const HOLD: usize = 1460;
/// Slices of one vectored write, the held bytes included.
const SLICES: usize = 16;

/// Written, not passed on yet. Empty means not allocated.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<u8>);

impl Held {
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// What is allocated.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Keeps small writes; a large one takes along what waits.
    pub(crate) fn poll_write_vectored(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        if self.0.len() + total <= HOLD {
            bufs.iter().for_each(|buf| self.hold(buf));
            return Poll::Ready(Ok(total));
        }
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let held = (!self.0.is_empty()).then(|| IoSlice::new(&self.0));
            let mut count = 0;
            for (slot, slice) in slices.iter_mut().zip(held.into_iter().chain(bufs.iter().copied())) {
                *slot = slice;
                count += 1;
            }
            let used = slices.get(..count).unwrap_or_default();
            let sent = ready!(Pin::new(&mut *to).poll_write_vectored(cx, used))?;
            // Zero would tell the caller that its bytes found no room; go on until some of them did.
            match self.sent(sent) {
                0 if sent != 0 => {}
                beyond => return Poll::Ready(Ok(beyond)),
            }
        }
    }

    /// Passes on what waits, without flushing it there.
    pub(crate) fn poll_send(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.0.is_empty() {
            let sent = ready!(Pin::new(&mut *to).poll_write(cx, &self.0))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent(sent);
        }
        Poll::Ready(Ok(()))
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(HOLD);
        }
        self.0.extend_from_slice(bytes);
    }

    /// Takes `sent` bytes off the front of what is held; returns how many were beyond it.
    fn sent(&mut self, sent: usize) -> usize {
        if sent >= self.0.len() {
            let beyond = sent - self.0.len();
            self.0 = Vec::new();
            return beyond;
        }
        self.0.drain(..sent);
        0
    }
}

/// Writes to the stream inside by way of the field `held`.
macro_rules! writes_through_held {
    ($outer:ty, $inner:ident) => {
        impl tokio::io::AsyncWrite for $outer {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_write_vectored(cx, &[std::io::IoSlice::new(bytes)])
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let this = self.get_mut();
                this.held.poll_write_vectored(&mut this.$inner, cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let this = self.get_mut();
                std::task::ready!(this.held.poll_send(&mut this.$inner, cx))?;
                std::pin::Pin::new(&mut this.$inner).poll_flush(cx)
            }

            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let this = self.get_mut();
                std::task::ready!(this.held.poll_send(&mut this.$inner, cx))?;
                std::pin::Pin::new(&mut this.$inner).poll_shutdown(cx)
            }
        }
    };
}

pub(crate) use writes_through_held;
