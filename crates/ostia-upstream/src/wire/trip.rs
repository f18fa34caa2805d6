//! One try of one request, from the connection to the end of the answer.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

use pingora_core::connectors::L4Connect;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::protocols::l4::virt::VirtualSocketStream;
use pingora_error::{Error, ErrorType, Result};

use super::lease::Lease;
use super::line::Line;

/// How long a server may keep silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the last byte of the request to the first one of the answer.
    pub first_byte: Duration,
    /// Between two reads of the answer, or of a tunnel.
    pub between_bytes: Duration,
}

/// What a server kept silent for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The answer did not begin.
    FirstByte,
    /// The answer did not go on.
    BetweenBytes,
}

/// One try. Shared by the request, which asks how it went, and by the socket that Pingora reads.
#[derive(Debug)]
pub struct Trip {
    me: Weak<Self>,
    pub(super) line: Arc<Line>,
    pub(super) patience: Patience,
    /// The PROXY header that goes before the first request.
    pub(super) header: Option<Box<[u8]>>,
    /// The connection becomes a tunnel: it is never kept.
    pub(super) is_tunnel: bool,
    is_asked: AtomicBool,
    has_head: AtomicBool,
    is_spoilt: AtomicBool,
    is_reused: AtomicBool,
    has_sent: AtomicBool,
    waited: AtomicU8,
}

impl Trip {
    pub(crate) fn new(
        line: &Arc<Line>,
        patience: Patience,
        header: Option<Box<[u8]>>,
        is_tunnel: bool,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            line: Arc::clone(line),
            patience,
            header,
            is_tunnel,
            is_asked: AtomicBool::new(false),
            has_head: AtomicBool::new(false),
            is_spoilt: AtomicBool::new(false),
            is_reused: AtomicBool::new(false),
            has_sent: AtomicBool::new(false),
            waited: AtomicU8::new(0),
        })
    }

    /// Says that the request is complete: from now on the server is waited for, and no more the client.
    pub fn request_complete(&self) {
        self.is_asked.store(true, Relaxed);
    }

    /// Says that the head of the answer is here.
    pub fn head_arrived(&self) {
        self.has_head.store(true, Relaxed);
    }

    /// Says that the connection must not carry another request, as after NTLM, which signs in connections and not
    /// requests.
    pub fn spoil(&self) {
        self.is_spoilt.store(true, Relaxed);
    }

    /// Whether the connection had carried requests before.
    #[must_use]
    pub fn was_reused(&self) -> bool {
        self.is_reused.load(Relaxed)
    }

    /// Whether a byte of the request was handed to the network.
    #[must_use]
    pub fn has_sent(&self) -> bool {
        self.has_sent.load(Relaxed)
    }

    /// What was waited for in vain.
    #[must_use]
    pub fn waited(&self) -> Option<Waited> {
        match self.waited.load(Relaxed) {
            1 => Some(Waited::FirstByte),
            2 => Some(Waited::BetweenBytes),
            _ => None,
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.load(Relaxed)
    }

    pub(super) fn has_head(&self) -> bool {
        self.has_head.load(Relaxed)
    }

    pub(super) fn may_be_kept(&self) -> bool {
        !self.is_tunnel && !self.is_spoilt.load(Relaxed)
    }

    pub(super) fn sends(&self) {
        if !self.has_sent.load(Relaxed) {
            self.has_sent.store(true, Relaxed);
        }
    }

    pub(super) fn gave_up(&self, waited: Waited) {
        self.waited.store(if waited == Waited::FirstByte { 1 } else { 2 }, Relaxed);
    }
}

#[async_trait::async_trait]
impl L4Connect for Trip {
    async fn connect(&self, _: &SocketAddr) -> Result<Stream> {
        let Some(me) = self.me.upgrade() else {
            return Error::e_explain(ErrorType::InternalError, "a trip that nobody is on");
        };
        let header = self.header.as_deref();
        let waiting = if self.is_tunnel { None } else { self.line.take(header) };
        let wire = match waiting {
            Some(wire) => {
                self.is_reused.store(true, Relaxed);
                wire
            }
            None => self.line.dial(header).await?,
        };
        Ok(VirtualSocketStream::new(Box::new(Lease::new(wire, me))).into())
    }
}

#[cfg(test)]
mod tests;
