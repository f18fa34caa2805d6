//! The task of a group: ends ejections, drains and slow starts when they are due.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until};

use crate::discovery::DiscoveryTask;
use crate::group::Group;

/// Looks at least so often, should nothing be known to be due. A server that left with a request in flight is forgotten
/// at such a look.
const IDLE: Duration = Duration::from_secs(10);
/// How often connections that wait are looked after.
const TIDY: Duration = Duration::from_secs(1);

/// Owner of what runs for a group: its upkeep stops when it is dropped, its health checks when nobody else has the same.
#[derive(Debug)]
pub struct GroupTasks {
    upkeep: JoinHandle<()>,
    connections: JoinHandle<()>,
    _discovery: Option<DiscoveryTask>,
}

impl GroupTasks {
    pub(crate) fn start(group: &Arc<Group>) -> Self {
        Self {
            upkeep: tokio::spawn(run(Arc::downgrade(group))),
            connections: tokio::spawn(keep_connections(Arc::downgrade(group))),
            _discovery: DiscoveryTask::start(group),
        }
    }
}

impl Drop for GroupTasks {
    fn drop(&mut self) {
        self.upkeep.abort();
        self.connections.abort();
    }
}

async fn run(group: Weak<Group>) {
    loop {
        let Some(group) = group.upgrade() else { return };
        let changes = Arc::clone(group.changes());
        let mut told = std::pin::pin!(changes.told().notified());
        told.as_mut().enable();
        let now = Instant::now();
        let due = group.keep_up(now).map_or(now + IDLE, |due| due.min(now + IDLE));
        drop(group);
        tokio::select! { () = told => {}, () = sleep_until(due.into()) => {} }
    }
}

/// Closes connections that waited for too long, and makes those of `min_idle`.
async fn keep_connections(group: Weak<Group>) {
    loop {
        let Some(members) = group.upgrade().map(|group| group.members()) else { return };
        for server in members {
            server.line.tidy();
            if server.is_fit() && server.state.admits(None) {
                server.line.warm_up().await;
            } else if server.state.is_ordered_away() && server.state.in_flight() == 0 {
                server.line.hang_up();
            }
        }
        sleep(TIDY).await;
    }
}
