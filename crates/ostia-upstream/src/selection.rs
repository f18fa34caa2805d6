//! An immutable set of servers, in tiers: what a pick chooses from.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ostia_config::upstream::{Affinity, Upstream};

use crate::picked::{AffinityOutcome, Ask, Picked, ServerTag};
use crate::server::Server;
use crate::state::GroupState;
use crate::tier::Tier;

/// The servers of a group at one time.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) servers: Box<[Arc<Server>]>,
    /// In the order in which they are asked: zones, servers of no zone, backups.
    pub(crate) tiers: Box<[Tier]>,
    /// Servers by the tags in cookies; empty without an affinity cookie.
    tags: HashMap<ServerTag, u16>,
    has_cookie: bool,
}

impl Selection {
    pub(crate) fn new(servers: Vec<Arc<Server>>, section: &Arc<Upstream>, group: &Arc<GroupState>) -> Self {
        let has_cookie = matches!(section.affinity, Affinity::Cookie(_));
        let mut ranks: BTreeMap<(usize, u16), Vec<Arc<Server>>> = BTreeMap::new();
        for server in &servers {
            ranks.entry(server.rank).or_default().push(Arc::clone(server));
        }
        let tags =
            (0..=u16::MAX).zip(&servers).map(|(index, server)| (ServerTag::of(&server.address), index));
        Self {
            tiers: ranks.into_values().map(|members| Tier::new(members, section, group)).collect(),
            tags: if has_cookie { tags.collect() } else { HashMap::new() },
            has_cookie,
            servers: servers.into(),
        }
    }

    /// Chooses a server that serves and was not tried. Allocates nothing and takes no lock.
    pub(crate) fn pick(&self, ask: &Ask<'_>) -> Option<Picked> {
        if let Some(server) = ask.pinned.and_then(|tag| self.tagged(tag, ask)) {
            return Some(Picked::new(server, Some(AffinityOutcome::Kept)));
        }
        self.tiers.iter().find_map(|tier| tier.pick(ask, self.has_cookie))
    }

    pub(crate) fn has(&self, tag: ServerTag) -> bool {
        self.tags.contains_key(&tag)
    }

    fn tagged(&self, tag: ServerTag, ask: &Ask<'_>) -> Option<&Arc<Server>> {
        let server = self.servers.get(usize::from(*self.tags.get(&tag)?))?;
        let usable = server.is_fit()
            && server.has_place()
            && server.state.admits(ask.born)
            && !ask.tried.contains(server.state.id);
        usable.then_some(server)
    }
}
