//! The way to one server: how it is dialled, and the connections that wait there to be used again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ostia_config::upstream::{KeepAlive, ServerAddress};
use parking_lot::Mutex;

use super::Wire;
use super::dial::{DialFailed, dial};
use crate::tls::ServerTls;

/// How one server is reached.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) address: ServerAddress,
    connect_timeout: Duration,
    tls: Option<ServerTls>,
    keep: usize,
    min_idle: usize,
    idle_timeout: Duration,
    /// The one used last is at the back, and is taken first.
    resting: Mutex<VecDeque<Resting>>,
    counters: Arc<LineCounters>,
}

/// What is counted of the HTTP/1.1 connections to the servers of an upstream.
#[derive(Debug, Default)]
pub struct LineCounters {
    opened: AtomicU64,
    closed: AtomicU64,
    reused: AtomicU64,
}

impl LineCounters {
    /// Connections that were made.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    /// Connections that stand now, in use or not.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.opened().saturating_sub(self.closed.load(Relaxed))
    }

    /// Requests that found a connection waiting.
    #[must_use]
    pub fn reused(&self) -> u64 {
        self.reused.load(Relaxed)
    }
}

/// Counts one connection as open.
#[derive(Debug)]
pub(super) struct Open(Arc<LineCounters>);

impl Open {
    fn new(counters: &Arc<LineCounters>) -> Self {
        counters.opened.fetch_add(1, Relaxed);
        Self(Arc::clone(counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed.fetch_add(1, Relaxed);
    }
}

#[derive(Debug)]
struct Resting {
    wire: Wire,
    /// The PROXY header that was sent on it: it belongs to that client's connection alone.
    header: Option<Box<[u8]>>,
    since: Instant,
}

impl Line {
    pub(crate) fn new(
        address: ServerAddress,
        connect_timeout: Duration,
        tls: Option<ServerTls>,
        keep_alive: &KeepAlive,
        counters: &Arc<LineCounters>,
    ) -> Self {
        Self {
            address,
            connect_timeout,
            tls,
            keep: keep_alive.connections,
            min_idle: keep_alive.min_idle.min(keep_alive.connections),
            idle_timeout: keep_alive.idle,
            resting: Mutex::default(),
            counters: Arc::clone(counters),
        }
    }

    /// A connection that waits, still stands, and sent the same PROXY header.
    pub(super) fn take(&self, header: Option<&[u8]>) -> Option<Wire> {
        loop {
            let Resting { mut wire, since, .. } = {
                let mut resting = self.resting.lock();
                let at = resting.iter().rposition(|resting| resting.header.as_deref() == header)?;
                resting.remove(at)?
            };
            if since.elapsed() < self.idle_timeout && wire.is_quiet() {
                self.counters.reused.fetch_add(1, Relaxed);
                return Some(wire);
            }
        }
    }

    pub(crate) async fn dial(&self, header: Option<&[u8]>) -> Result<Wire, DialFailed> {
        let io = dial(&self.address, header, self.tls.as_ref(), self.connect_timeout).await?;
        Ok(Wire { io, timer: None, _open: Open::new(&self.counters) })
    }

    /// Keeps a connection; where there are too many, the one that waited longest is closed.
    pub(super) fn give_back(&self, wire: Wire, header: Option<&[u8]>) {
        if self.keep == 0 {
            return;
        }
        let resting = Resting { wire, header: header.map(Into::into), since: Instant::now() };
        let mut waiting = self.resting.lock();
        let too_many = if waiting.len() >= self.keep { waiting.pop_front() } else { None };
        waiting.push_back(resting);
        drop(waiting);
        drop(too_many);
    }

    /// Connections that wait now.
    pub(crate) fn resting(&self) -> usize {
        self.resting.lock().len()
    }

    /// Closes what waited for too long, or was closed by the server.
    pub(crate) fn tidy(&self) {
        let mut gone = Vec::new();
        let mut waiting = self.resting.lock();
        for mut resting in std::mem::take(&mut *waiting) {
            let stays = resting.since.elapsed() < self.idle_timeout && resting.wire.is_quiet();
            if stays { waiting.push_back(resting) } else { gone.push(resting) }
        }
        drop(waiting);
        drop(gone);
    }

    /// Closes everything that waits: the server left, or nobody may go there.
    pub(crate) fn hang_up(&self) {
        let waiting = std::mem::take(&mut *self.resting.lock());
        drop(waiting);
    }

    /// Dials until `min_idle` connections wait; the first failure ends it until the next time.
    pub(crate) async fn warm_up(&self) {
        while self.resting() < self.min_idle {
            match self.dial(None).await {
                Ok(wire) => self.give_back(wire, None),
                Err(failed) => {
                    tracing::debug!(server = %self.address, reason = failed.slug(), "no warm connection");
                    return;
                }
            }
        }
    }
}
