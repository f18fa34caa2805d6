//! A chosen server, and the servers that were chosen before.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::server::Server;

/// A chosen server; the request counts as in flight there until this is dropped.
#[derive(Debug)]
pub struct Picked {
    server: Arc<Server>,
    index: u16,
    affinity: Option<AffinityOutcome>,
}

impl Picked {
    pub(crate) fn new(server: &Arc<Server>, index: u16, affinity: Option<AffinityOutcome>) -> Self {
        server.begin();
        Self { server: Arc::clone(server), index, affinity }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Its place in [`crate::Group::servers`].
    #[must_use]
    pub fn index(&self) -> usize {
        usize::from(self.index)
    }

    /// What became of the affinity; `None` when the group does not hash.
    #[must_use]
    pub fn affinity(&self) -> Option<AffinityOutcome> {
        self.affinity
    }

    /// Counts a failed connection against the server. After `health_check.fall` in a row it is out until it passes a
    /// check; without a health check nobody would bring it back, so it stays in. For failures of the server only:
    /// a client that went away says nothing about it.
    pub fn failed_to_connect(&self) {
        self.server.refused_connection();
    }

    /// Counts an answer: connections that failed before it are forgotten.
    pub fn answered(&self) {
        self.server.connected();
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }
}

impl Drop for Picked {
    fn drop(&mut self) {
        self.server.end();
    }
}

/// What became of the affinity of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AffinityOutcome {
    /// The key's own server serves it.
    Kept,
    /// The key's own server is down, full or was tried: another one serves it.
    Moved,
    /// The request brought no key.
    New,
}

impl AffinityOutcome {
    /// The word in metrics and logs.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Moved => "moved",
            Self::New => "new",
        }
    }
}

/// The servers that a request has been sent to already, so that a retry takes another. Belongs to one request and
/// one group. Holds eight, more than `retry.attempts` allows; further ones are not remembered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried {
    servers: [u16; 8],
    count: u8,
}

impl Tried {
    /// Remembers a server.
    pub fn insert(&mut self, picked: &Picked) {
        if let Some(slot) = self.servers.get_mut(usize::from(self.count)) {
            *slot = picked.index;
            self.count += 1;
        }
    }

    pub(crate) fn contains(&self, index: u16) -> bool {
        self.servers.iter().take(usize::from(self.count)).any(|tried| *tried == index)
    }
}
