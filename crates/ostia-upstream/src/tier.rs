//! The servers that are chosen from together: those of a zone, or the backups of a group.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ostia_config::upstream::{Affinity, Balance, Upstream};

use crate::chance::random;
use crate::picked::{AffinityOutcome, Ask, Picked};
use crate::ring::{self, Ring};
use crate::schedule::Schedule;
use crate::server::Server;
use crate::state::GroupState;

/// Turns that a pick takes before it looks at every server.
const MOST_TURNS: usize = 64;
/// Up to so many servers, `least_requests` compares all; above, [`SAMPLE`] of them.
const ALL: usize = 16;
/// Of so many servers drawn by weight the one with the fewest requests is nearly always among the best few.
const SAMPLE: usize = 8;
/// Points of the ring that are walked on after the first server that serves, in search of one that has room.
const NEAR: usize = 64;
/// Requests in flight that never count as too many: on a quiet group the mean is near zero, and without this the
/// second of two parallel requests of one session would already leave its server.
const QUIET: f64 = 8.0;

/// One tier, with what its selection needs.
#[derive(Debug)]
pub(crate) struct Tier {
    members: Box<[Arc<Server>]>,
    schedule: Schedule,
    balance: Balance,
    /// With `consistent_hash`, and where a cookie falls back.
    ring: Option<Ring>,
    bounded_load: f64,
    slow_start: Duration,
    panic_threshold: f64,
    group: Arc<GroupState>,
    live: Live,
}

/// What was counted of the members when one of them changed last.
#[derive(Debug)]
struct Live {
    /// The number of the change.
    at: AtomicU64,
    /// Members that take new requests.
    count: AtomicU32,
    weight: AtomicU32,
    /// So few are healthy that health is not asked.
    is_panic: AtomicBool,
}

impl Tier {
    pub(crate) fn new(members: Vec<Arc<Server>>, section: &Upstream, group: &Arc<GroupState>) -> Self {
        let indexed = || (0..=u16::MAX).zip(&members).filter(|(_, server)| server.weight > 0);
        let weights: Vec<_> = indexed().map(|(index, server)| (index, server.weight)).collect();
        let hashes =
            section.balance == Balance::ConsistentHash || matches!(section.affinity, Affinity::Cookie(_));
        let ring = hashes.then(|| {
            Ring::new(
                &indexed().map(|(index, server)| (index, &server.address, server.weight)).collect::<Vec<_>>(),
            )
        });
        Self {
            schedule: Schedule::new(&weights),
            balance: section.balance,
            ring,
            bounded_load: section.bounded_load.max(1.0),
            slow_start: section.slow_start,
            panic_threshold: section.panic_threshold,
            group: Arc::clone(group),
            live: Live {
                at: AtomicU64::new(u64::MAX),
                count: AtomicU32::new(0),
                weight: AtomicU32::new(0),
                is_panic: AtomicBool::new(false),
            },
            members: members.into(),
        }
    }

    /// Chooses a member that serves and was not tried. Allocates nothing and takes no lock.
    pub(crate) fn pick(&self, ask: &Ask<'_>, has_cookie: bool) -> Option<Picked> {
        self.count(ask.now);
        if self.live.count.load(Relaxed) == 0 && ask.born.is_none() {
            return None;
        }
        match (&self.ring, ask.key) {
            (Some(ring), Some(key)) if self.balance == Balance::ConsistentHash || ask.pinned.is_some() => {
                self.by_key(ring, key, ask)
            }
            (ring, _) => {
                let is_new = has_cookie || (ring.is_some() && self.balance == Balance::ConsistentHash);
                self.by_load(ask).map(|server| Picked::new(server, is_new.then_some(AffinityOutcome::New)))
            }
        }
    }

    fn by_load(&self, ask: &Ask<'_>) -> Option<&Arc<Server>> {
        match self.balance {
            Balance::RoundRobin | Balance::ConsistentHash => self.by_turn(ask),
            Balance::Random => self.least((0..2).filter_map(|_| self.drawn(ask)), ask),
            Balance::LeastRequests if self.members.len() <= ALL => {
                let others = self.members.iter().filter(|server| self.takes(server, ask));
                self.least(self.next(ask).into_iter().chain(others), ask)
            }
            Balance::LeastRequests => {
                let others = (1..SAMPLE).filter_map(|_| self.drawn(ask));
                self.least(self.next(ask).into_iter().chain(others), ask)
            }
        }
    }

    fn by_turn(&self, ask: &Ask<'_>) -> Option<&Arc<Server>> {
        self.next(ask).or_else(|| self.anybody(ask))
    }

    /// The next turn that its server can take. A turn that it cannot take is lost: so the turns of a dead server fall
    /// to all others in the measure of their weights, and not to its neighbour alone.
    fn next(&self, ask: &Ask<'_>) -> Option<&Arc<Server>> {
        let turns = self.schedule.round().min(MOST_TURNS);
        (0..turns).find_map(|_| self.member(self.schedule.turn()?).filter(|server| self.takes(server, ask)))
    }

    /// A server by chance, in the measure of the weights.
    fn drawn(&self, ask: &Ask<'_>) -> Option<&Arc<Server>> {
        let turns = self.schedule.round().min(MOST_TURNS);
        (0..turns)
            .find_map(|_| self.member(self.schedule.at(random())?).filter(|server| self.takes(server, ask)))
    }

    /// The one with the fewest requests for its weight; the first of equals. Anybody, if there is none.
    fn least<'a>(
        &'a self,
        candidates: impl Iterator<Item = &'a Arc<Server>>,
        ask: &Ask<'_>,
    ) -> Option<&'a Arc<Server>> {
        let load = |server: &Server| (u64::from(server.state.in_flight()), u64::from(server.weight));
        let less = |(a, a_weight): (u64, u64), (b, b_weight): (u64, u64)| a * b_weight < b * a_weight;
        let best =
            candidates.reduce(|best, server| if less(load(server), load(best)) { server } else { best });
        best.or_else(|| self.anybody(ask))
    }

    /// Any server that serves, slowly starting or not; only asked when chance and turns found none.
    fn anybody(&self, ask: &Ask<'_>) -> Option<&Arc<Server>> {
        let start = usize::try_from(random()).unwrap_or(0).checked_rem(self.members.len())?;
        let (before, from) = self.members.split_at_checked(start)?;
        from.iter().chain(before).find(|server| server.weight > 0 && self.is_usable(server, ask))
    }

    /// The first server on the way around the ring that has room; if none is found soon, the first that serves.
    fn by_key(&self, ring: &Ring, key: &[u8], ask: &Ask<'_>) -> Option<Picked> {
        let patience = NEAR + 4 * self.members.len();
        let (mut own, mut first) = (None, None);
        for (step, index) in ring.walk(key).enumerate() {
            let own = *own.get_or_insert(index);
            if first.is_some() && step > patience {
                break;
            }
            let Some(server) = self.member(index).filter(|server| self.is_usable(server, ask)) else {
                continue;
            };
            if self.has_room(server) && self.is_warm_for(server, key, ask.now) {
                return Some(Picked::new(server, Some(outcome(own, index, ask))));
            }
            first.get_or_insert((server, outcome(own, index, ask)));
        }
        first.map(|(server, outcome)| Picked::new(server, Some(outcome)))
    }

    fn member(&self, index: u16) -> Option<&Arc<Server>> {
        self.members.get(usize::from(index))
    }

    /// Whether it serves, was not tried, and by its slow start takes this request.
    fn takes(&self, server: &Server, ask: &Ask<'_>) -> bool {
        let share = || server.state.slow_share(ask.now, self.slow_start);
        self.is_usable(server, ask) && share().is_none_or(|share| random() % 1000 < u64::from(share))
    }

    /// Keys come back to a server that starts slowly one after the other, each of them for good.
    fn is_warm_for(&self, server: &Server, key: &[u8], now: Instant) -> bool {
        let share = server.state.slow_share(now, self.slow_start);
        share.is_none_or(|share| ring::number(key) % 1000 < share)
    }

    /// Whether a member would serve, were it not full.
    pub(crate) fn is_full_for(&self, ask: &Ask<'_>) -> bool {
        let is_full = |server: &Arc<Server>| {
            let serves = server.is_fit() && server.state.admits(ask.born);
            let is_let_in = self.live.is_panic.load(Relaxed) && !server.state.is_ordered_away();
            (serves || is_let_in) && !server.has_place() && !ask.tried.contains(server.state.id)
        };
        self.members.iter().any(is_full)
    }

    fn is_usable(&self, server: &Server, ask: &Ask<'_>) -> bool {
        let serves = server.is_fit() && server.state.admits(ask.born);
        let is_let_in = || self.live.is_panic.load(Relaxed) && !server.state.is_ordered_away();
        (serves || is_let_in()) && server.has_place() && !ask.tried.contains(server.state.id)
    }

    /// Bounded load: with this request, a server that is not [`QUIET`] carries at most `bounded_load` times its share
    /// of all requests in flight (Mirrokni, Thorup, Zadimoghaddam: Consistent Hashing with Bounded Loads, 2016).
    fn has_room(&self, server: &Server) -> bool {
        let in_flight = f64::from(server.state.in_flight());
        let total = f64::from(self.group.in_flight.load(Relaxed)) + 1.0;
        let all = f64::from(self.live.weight.load(Relaxed).max(1));
        in_flight < QUIET || in_flight < (self.bounded_load * total * f64::from(server.weight) / all).ceil()
    }

    /// Counts the members that serve, if any server changed since they were counted.
    pub(crate) fn count(&self, now: Instant) {
        let at = self.group.changes.count();
        if self.live.at.load(Ordering::Acquire) == at {
            return;
        }
        let (mut count, mut weight, mut wanted) = (0, 0, 0);
        for server in self.members.iter().filter(|server| server.weight > 0) {
            let serves = server.is_fit() && server.state.admits(None);
            server.state.note_serving(serves, self.slow_start, now);
            wanted += u32::from(!server.state.is_ordered_away());
            if serves {
                count += 1;
                weight += u32::from(server.weight);
            }
        }
        let is_panic = f64::from(count) < self.panic_threshold * f64::from(wanted);
        if self.live.is_panic.swap(is_panic, Relaxed) != is_panic {
            tracing::warn!(serving = count, of = wanted, is_panic, "panic threshold of an upstream");
        }
        self.live.count.store(if is_panic { wanted } else { count }, Relaxed);
        self.live.weight.store(weight, Relaxed);
        self.live.at.store(at, Ordering::Release);
    }
}

/// A request with a pin that comes here has lost its server, wherever the ring leads it.
fn outcome(own: u16, index: u16, ask: &Ask<'_>) -> AffinityOutcome {
    if own == index && ask.pinned.is_none() { AffinityOutcome::Kept } else { AffinityOutcome::Moved }
}
