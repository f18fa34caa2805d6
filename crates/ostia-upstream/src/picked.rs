//! A chosen server, and the servers that were chosen before.

use std::sync::Arc;
use std::time::Instant;

use ostia_config::upstream::{Limits, ServerAddress};

use crate::group::Group;
use crate::server::Server;

/// What a request asks of a group.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What `affinity` says, read by the caller. It only counts with `consistent_hash` or a pin.
    pub key: Option<&'a [u8]>,
    /// When what the key stands for (a session) began, in seconds since 1970. A server that drains still serves those
    /// that began before its drain; a key without this is new to everybody.
    pub born: Option<u64>,
    /// The server that served it before, as its cookie says; see [`Picked::tag`].
    pub pinned: Option<ServerTag>,
    /// Where it has been.
    pub tried: &'a Tried,
    /// The time.
    pub now: Instant,
}

/// Names a server in a cookie: the same on every node and after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerTag(pub u64);

impl ServerTag {
    /// FNV-1a of the address as text: short, stable, and no secret, which is what the seal around it is for.
    pub(crate) fn of(address: &ServerAddress) -> Self {
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(address.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, hash))
    }
}

/// A chosen server; the request counts as in flight there until this is dropped.
#[derive(Debug)]
pub struct Picked {
    server: Arc<Server>,
    affinity: Option<AffinityOutcome>,
    /// Requests that were in flight at the server, and in the group, before this one.
    before: (u32, u32),
}

impl Picked {
    pub(crate) fn new(server: &Arc<Server>, affinity: Option<AffinityOutcome>) -> Self {
        let (at_server, in_group) = server.begin();
        Self { server: Arc::clone(server), affinity, before: (at_server, in_group) }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &ServerAddress {
        &self.server.address
    }

    /// Its name for a cookie.
    #[must_use]
    pub fn tag(&self) -> ServerTag {
        ServerTag::of(&self.server.address)
    }

    /// What became of the affinity; `None` when the group has none.
    #[must_use]
    pub fn affinity(&self) -> Option<AffinityOutcome> {
        self.affinity
    }

    /// Counts a failed connection against the server. After `health_check.fall` in a row it is out until it passes a
    /// check. For failures of the server only: a client that went away says nothing about it.
    pub fn failed_to_connect(&self, group: &Group) {
        self.server.refused_connection();
        self.failed(group, "no connection");
    }

    /// Counts against the server that it broke off or kept silent for too long. For failures of the server only.
    pub fn broke_off(&self, group: &Group, why: &'static str) {
        self.failed(group, why);
    }

    /// Takes the status of an answer: one of `outlier.statuses` counts against the server, any other one for it.
    pub fn answered(&self, group: &Group, status: u16) {
        let outlier = group.config().outlier.as_ref();
        if outlier.is_some_and(|outlier| outlier.statuses.contains(&status)) {
            self.failed(group, "its answers");
        } else {
            self.server.succeeded();
        }
    }

    fn failed(&self, group: &Group, why: &'static str) {
        let now = Instant::now();
        if self.server.failed(why, now) {
            group.eject(&self.server, why, now);
        }
    }

    /// Whether there was a place for it.
    pub(crate) fn is_within(&self, limits: &Limits) -> bool {
        self.before.0 < limits.connections && self.before.1 < limits.requests
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
    /// The key's own server is down, full, drained or was tried: another one serves it.
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
    servers: [u32; 8],
    count: u8,
}

impl Tried {
    /// Remembers a server.
    pub fn insert(&mut self, picked: &Picked) {
        if let Some(slot) = self.servers.get_mut(usize::from(self.count)) {
            *slot = picked.server.state.id;
            self.count += 1;
        }
    }

    /// Whether it has been nowhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn contains(&self, id: u32) -> bool {
        self.servers.iter().take(usize::from(self.count)).any(|tried| *tried == id)
    }
}
