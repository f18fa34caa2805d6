//! The servers that are chosen from together: the primaries of a group, or its backups.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use ostia_config::upstream::{Balance, Upstream};

use crate::picked::{AffinityOutcome, Picked, Tried};
use crate::ring::Ring;
use crate::schedule::Schedule;
use crate::server::Server;

/// Turns that a pick takes before it looks at every server: one round, unless weights make that very long.
const MOST_TURNS: usize = 4096;
/// Points of the ring after which it is first asked whether anybody serves at all.
const NEAR: usize = 64;
/// Requests in flight that never count as too many: on a quiet group the mean is near zero, and without this the
/// second of two parallel requests of one session would already leave its server.
const QUIET: f64 = 8.0;

/// One pool, with what its selection needs.
#[derive(Debug)]
pub(crate) struct Pool {
    /// All servers of the group, members or not.
    servers: Arc<[Arc<Server>]>,
    /// Indices into `servers`.
    members: Box<[u16]>,
    weight: u32,
    schedule: Schedule,
    /// With `consistent_hash`.
    ring: Option<Ring>,
    bounded_load: f64,
    group_in_flight: Arc<AtomicU32>,
}

impl Pool {
    pub(crate) fn new(
        servers: &Arc<[Arc<Server>]>,
        is_backup: bool,
        section: &Upstream,
        group_in_flight: &Arc<AtomicU32>,
    ) -> Self {
        let members = || (0..=u16::MAX).zip(servers.iter()).filter(|(_, server)| server.backup == is_backup);
        let weights: Vec<_> = members().map(|(index, server)| (index, server.weight)).collect();
        let points: Vec<_> =
            members().map(|(index, server)| (index, server.address, server.weight)).collect();
        Self {
            members: members().map(|(index, _)| index).collect(),
            weight: weights.iter().map(|(_, weight)| u32::from(*weight)).sum(),
            schedule: Schedule::new(&weights),
            ring: (section.balance == Balance::ConsistentHash).then(|| Ring::new(&points)),
            bounded_load: section.bounded_load.max(1.0),
            group_in_flight: Arc::clone(group_in_flight),
            servers: Arc::clone(servers),
        }
    }

    /// Chooses a member that serves and was not tried. Allocates nothing and takes no lock.
    pub(crate) fn pick(&self, key: Option<&[u8]>, tried: &Tried) -> Option<Picked> {
        match (&self.ring, key) {
            (None, _) => self.by_turn(tried, None),
            (Some(_), None) => self.by_turn(tried, Some(AffinityOutcome::New)),
            (Some(ring), Some(key)) => self.by_key(ring, key, tried),
        }
    }

    fn by_turn(&self, tried: &Tried, affinity: Option<AffinityOutcome>) -> Option<Picked> {
        let turns = (0..self.schedule.round().min(MOST_TURNS)).filter_map(|_| self.schedule.turn());
        // Others take turns at the same time, so a round of ours may miss a server that serves.
        let mut candidates = turns.chain(self.members.iter().copied());
        candidates.find_map(|index| Some(Picked::new(self.usable(index, tried)?, index, affinity)))
    }

    /// The first server on the way around the ring that has room; if none is found soon, the first that serves.
    fn by_key(&self, ring: &Ring, key: &[u8], tried: &Tried) -> Option<Picked> {
        let patience = NEAR + 4 * self.members.len();
        let mut own = None;
        let mut first = None;
        for (step, index) in ring.walk(key).enumerate() {
            let own = *own.get_or_insert(index);
            if first.is_none() && step == NEAR && !self.is_anybody_usable(tried) {
                return None;
            }
            if first.is_some() && step > patience {
                break;
            }
            let Some(server) = self.usable(index, tried) else { continue };
            if self.has_room(server, tried) {
                return Some(Picked::new(server, index, Some(outcome(own, index))));
            }
            first.get_or_insert((own, index));
        }
        let (own, index) = first?;
        Some(Picked::new(self.usable(index, tried)?, index, Some(outcome(own, index))))
    }

    fn usable(&self, index: u16, tried: &Tried) -> Option<&Arc<Server>> {
        let server = self.servers.get(usize::from(index))?;
        (server.health().serves() && !tried.contains(index)).then_some(server)
    }

    fn is_anybody_usable(&self, tried: &Tried) -> bool {
        self.members.iter().any(|index| self.usable(*index, tried).is_some())
    }

    /// Bounded load: with this request, a server that is not [`QUIET`] carries at most `bounded_load` times its share
    /// of all requests in flight (Mirrokni, Thorup, Zadimoghaddam: Consistent Hashing with Bounded Loads, 2016).
    fn has_room(&self, server: &Server, tried: &Tried) -> bool {
        let in_flight = f64::from(server.in_flight());
        let total = f64::from(self.group_in_flight.load(Relaxed)) + 1.0;
        let bound = |of_weight: u32| {
            (self.bounded_load * total * f64::from(server.weight) / f64::from(of_weight.max(1))).ceil()
        };
        // The share among all members is the smaller one, and known without asking for everybody's health.
        in_flight < QUIET || in_flight < bound(self.weight) || in_flight < bound(self.usable_weight(tried))
    }

    fn usable_weight(&self, tried: &Tried) -> u32 {
        let usable = self.members.iter().filter_map(|index| self.usable(*index, tried));
        usable.map(|server| u32::from(server.weight)).sum()
    }
}

fn outcome(own: u16, index: u16) -> AffinityOutcome {
    if own == index { AffinityOutcome::Kept } else { AffinityOutcome::Moved }
}
