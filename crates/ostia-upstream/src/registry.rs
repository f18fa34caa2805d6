//! What is known of servers, whatever configuration names them: it outlives reloads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ostia_config::upstream::{HealthCheck, ServerAddress};
use ostia_config::{Name, Upstream};
use parking_lot::Mutex;
use pingora_core::upstreams::peer::HttpPeer;
use tokio::sync::Notify;

use crate::checker::{Checks, SharedCheck};
use crate::state::GroupState;

/// What is known of servers, by upstream and address, and of checks, by what they ask. One for a process: every
/// configuration that is compiled with it finds the state that those before it left.
#[derive(Debug, Default)]
pub struct Registry {
    groups: Mutex<BTreeMap<Name, Arc<GroupState>>>,
    checks: Checks,
    changes: Arc<Changes>,
}

impl Registry {
    /// The state of an upstream.
    pub(crate) fn group(&self, name: &Name) -> Arc<GroupState> {
        let mut groups = self.groups.lock();
        let state = || Arc::new(GroupState::new(Arc::clone(&self.changes)));
        Arc::clone(groups.entry(name.clone()).or_insert_with(state))
    }

    /// The check of an address; the same for everybody who asks it the same.
    pub(crate) fn check(
        &self,
        upstream: &Upstream,
        address: &ServerAddress,
        section: &HealthCheck,
        template: &HttpPeer,
    ) -> Arc<SharedCheck> {
        self.checks.find(upstream, address, section, template, &self.changes)
    }

    /// Forgets upstreams that no configuration uses any more. To be called after a reload is in force.
    pub fn forget_unused(&self) {
        self.groups.lock().retain(|_, state| Arc::strong_count(state) > 1);
    }
}

/// Counts every change of who may serve, so that groups know when to count their servers anew.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    count: AtomicU64,
    told: Notify,
}

impl Changes {
    pub(crate) fn happened(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.wake();
    }

    /// Lets the upkeep of every group look at what is due.
    pub(crate) fn wake(&self) {
        self.told.notify_waiters();
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    pub(crate) fn told(&self) -> &Notify {
        &self.told
    }
}
