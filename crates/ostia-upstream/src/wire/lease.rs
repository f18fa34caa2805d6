//! A connection on loan to Pingora: reads have deadlines, and at the end it goes back to its line or is closed.
//!
//! Pingora tells in two ways how an exchange ended. When the connection may not be used again it shuts the socket down
//! or just drops it. When it may, it looks, by a read of a single byte, whether the server sent something unasked
//! (`test_reusable_stream`); no other read after the head of an answer is that small. We look ourselves, say "closed", so
//! that Pingora drops the socket instead of keeping it, and give the connection back.
//!
//! The first read of a tunnel waits one turn: Pingora handles the end of the (empty) request body and the first bytes of
//! the answer in one `select!` of random order. When a quick server's 101 is there before the first turn and is taken
//! first, the end of the request is mistaken for the end of the tunnel, and the fresh WebSocket is closed
//! (`proxy_handle_upstream` in `proxy_h1.rs`).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pingora_core::protocols::l4::virt::{VirtualSockOpt, VirtualSocket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep_until;

use super::Wire;
use super::trip::{Trip, Waited};

#[derive(Debug)]
pub(super) struct Lease {
    /// `None` once it went back.
    wire: Option<Wire>,
    trip: Arc<Trip>,
    /// Since when nothing moved; `None` while something does.
    silent_since: Option<Instant>,
    /// A byte of the final answer is here.
    is_answered: bool,
    /// The exchange is over and the connection may be kept.
    is_done: bool,
    has_waited: bool,
}

impl Lease {
    pub(super) fn new(wire: Wire, trip: Arc<Trip>) -> Self {
        let has_waited = !trip.is_tunnel;
        Self { wire: Some(wire), trip, silent_since: None, is_answered: false, is_done: false, has_waited }
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Waited> {
        if !self.trip.is_asked() && !self.is_answered {
            // The client has not said all yet, and has deadlines of its own.
            self.silent_since = None;
            return Poll::Pending;
        }
        let patience = self.trip.patience;
        let (waited, limit) = if self.is_answered || self.trip.has_head() {
            (Waited::BetweenBytes, patience.between_bytes)
        } else {
            (Waited::FirstByte, patience.first_byte)
        };
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        // Later than any timer can be set: no deadline.
        let (Some(wire), Some(deadline)) = (&mut self.wire, since.checked_add(limit)) else {
            return Poll::Pending;
        };
        let deadline = tokio::time::Instant::from_std(deadline);
        let timer = wire.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // A timer that rings early is set anew then; so it is touched once a deadline and not once a read.
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= deadline {
                return Poll::Ready(waited);
            }
            timer.as_mut().reset(deadline);
        }
    }
}

impl AsyncRead for Lease {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(wire) = &mut this.wire else { return Poll::Ready(Ok(())) };
        // Pingora asks whether the connection could be kept.
        if buffer.remaining() == 1 && this.trip.has_head() && !this.trip.is_tunnel {
            this.is_done = wire.is_quiet();
            return Poll::Ready(Ok(()));
        }
        if !this.has_waited {
            this.has_waited = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if let Poll::Ready(result) = Pin::new(wire).poll_read(context, buffer) {
            this.silent_since = None;
            let read = buffer.filled().get(before..).unwrap_or_default();
            this.is_answered = this.is_answered || !is_interim(read);
            return Poll::Ready(result);
        }
        let waited = ready!(this.poll_deadline(context));
        this.trip.gave_up(waited);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the server kept silent for too long")))
    }
}

/// The head of an answer that another one follows, such as 100 and 103, but not 101.
fn is_interim(bytes: &[u8]) -> bool {
    matches!(bytes, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'1', b'0', last, ..] if *last != b'1')
}

impl AsyncWrite for Lease {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(wire) = &mut this.wire else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
        this.trip.sends();
        let written = ready!(Pin::new(wire).poll_write(context, bytes));
        this.silent_since = None;
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().wire {
            Some(wire) => Pin::new(wire).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().wire {
            Some(wire) => Pin::new(wire).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl VirtualSocket for Lease {
    fn set_socket_option(&self, _: VirtualSockOpt) -> io::Result<()> {
        // What we want was set when the connection was made.
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(wire) = self.wire.take().filter(|_| self.is_done && self.trip.may_be_kept()) {
            self.trip.line.give_back(wire, self.trip.header.as_deref());
        }
    }
}
