//! The handle of an upstream server that runs.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::received::Received;
use super::serve;

/// How many requests are remembered.
const KEPT: usize = 10_000;

/// What the handle and the connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: String,
    log: Mutex<VecDeque<Received>>,
    served: Mutex<usize>,
    /// `None`: well. `Some(None)`: unwell until told otherwise.
    unwell: Mutex<Option<Option<Instant>>>,
}

impl Shared {
    /// Notes a request that is not a health check; how many there were.
    pub(super) fn note(&self, request: &Received) -> usize {
        let mut log = self.log.lock();
        if log.len() == KEPT {
            log.pop_front();
        }
        log.push_back(request.clone());
        drop(log);
        let mut served = self.served.lock();
        *served += 1;
        *served
    }

    pub(super) fn is_well(&self) -> bool {
        match *self.unwell.lock() {
            None => true,
            Some(until) => until.is_some_and(|until| Instant::now() >= until),
        }
    }

    pub(super) fn fall_ill(&self, duration: Duration) {
        *self.unwell.lock() = Some(Some(Instant::now() + duration));
    }
}

/// A server that serves until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningUpstream {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

pub(super) async fn start(name: &str, address: SocketAddr) -> io::Result<RunningUpstream> {
    if !address.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the demo upstream binds loopback addresses only",
        ));
    }
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared {
        name: name.to_owned(),
        log: Mutex::default(),
        served: Mutex::default(),
        unwell: Mutex::default(),
    });
    let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
    Ok(RunningUpstream { shared, address, task })
}

/// Accepts until it is aborted, and takes all its connections with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(one(stream, Arc::clone(&shared)));
                }
                // Out of descriptors: let some connections end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn one(stream: TcpStream, shared: Arc<Shared>) {
    // A peer that breaks off is no news here.
    let _ended = serve::serve(stream, &shared).await;
}

impl RunningUpstream {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request but health checks, oldest first; the last 10,000 are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.log.lock().iter().cloned().collect()
    }

    /// The same, and forgets them.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Received> {
        self.shared.log.lock().drain(..).collect()
    }

    /// Whether `/healthz` says 200 (the start) or 503.
    pub fn set_well(&self, is_well: bool) {
        *self.shared.unwell.lock() = if is_well { None } else { Some(None) };
    }

    /// Stops at once: the port is closed, open connections are cut.
    pub async fn stop(mut self) {
        self.task.abort();
        let _aborted = (&mut self.task).await;
    }
}

impl Drop for RunningUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}
