//! What is known of one server of one upstream, and of the upstream as a whole.
//!
//! There is one [`ServerState`] for each upstream and address in a process, whatever number of configurations name
//! it: requests in flight, orders of the operator, ejections and failures are kept over reloads and when a server
//! leaves a discovered set and comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use ostia_config::upstream::{Mode, Outlier, Server as Listed, ServerAddress, Source};
use parking_lot::Mutex;

use crate::clock::{millis, unix_seconds};
use crate::limit::Room;
use crate::outlier::Streak;
use crate::peer::Lines;
use crate::registry::Changes;
use crate::retry::RetryBudget;

/// Numbers states, so that a request can remember servers whatever becomes of their places.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// Requests of sessions that were born before go there; nobody else.
const DRAINING: u8 = 1;
/// Nobody goes there: maintenance, or the end of a drain.
const CLOSED: u8 = 2;
/// Nobody goes there for a while: too many failures.
const EJECTED: u8 = 4;
/// It has just come back and takes less than its share.
const SLOW: u8 = 8;

/// What an upstream shares between the configurations that name it.
#[derive(Debug)]
pub(crate) struct GroupState {
    /// Requests in flight at all its servers.
    pub(crate) in_flight: AtomicU32,
    /// Requests that wait for a place.
    pub(crate) room: Room,
    /// What may be retried.
    pub(crate) budget: RetryBudget,
    /// Ways to the servers that are in use.
    pub(crate) lines: Lines,
    /// What discovery found last, and where.
    pub(crate) found: Mutex<Option<(Source, Vec<Listed>)>>,
    servers: Mutex<BTreeMap<ServerAddress, Known>>,
    pub(crate) changes: Arc<Changes>,
    /// Counts the groups that were put in force. 0: none yet; servers that are seen for the first time later than that
    /// start slowly.
    generation: AtomicU64,
    /// One ejection at a time, so that together they keep below the cap.
    pub(crate) ejecting: Mutex<()>,
    pub(crate) ejections: AtomicU64,
}

/// A server, and how it was listed last; not at all while no configuration that names it is in force.
#[derive(Debug)]
struct Known {
    state: Arc<ServerState>,
    listed: Option<Listed>,
}

impl GroupState {
    pub(crate) fn new(changes: Arc<Changes>) -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            room: Room::default(),
            budget: RetryBudget::new(Instant::now()),
            lines: Lines::default(),
            found: Mutex::default(),
            servers: Mutex::default(),
            changes,
            generation: AtomicU64::new(0),
            ejecting: Mutex::default(),
            ejections: AtomicU64::new(0),
        }
    }

    /// Puts the next group in force; those of before have no say over the set of servers any more.
    pub(crate) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn is_in_force(&self, generation: u64) -> bool {
        self.generation.load(Relaxed) == generation
    }

    /// The state of an address; made when it is seen for the first time.
    pub(crate) fn server(self: &Arc<Self>, address: &ServerAddress) -> Arc<ServerState> {
        let mut servers = self.servers.lock();
        let state = || {
            let was_serving = self.generation.load(Relaxed) == 0;
            Known { state: Arc::new(ServerState::new(Arc::clone(&self.changes), was_serving)), listed: None }
        };
        Arc::clone(&servers.entry(address.clone()).or_insert_with(state).state)
    }

    /// Remembers how a server is listed by what is in force.
    pub(crate) fn list(&self, server: &Listed) {
        if let Some(known) = self.servers.lock().get_mut(&server.address) {
            known.listed = Some(server.clone());
        }
    }

    /// Servers that were listed, without these.
    pub(crate) fn listed_but(&self, named: &BTreeSet<&ServerAddress>) -> Vec<(Listed, Arc<ServerState>)> {
        let servers = self.servers.lock();
        let others = servers.iter().filter(|(address, _)| !named.contains(address));
        others.filter_map(|(_, known)| Some((known.listed.clone()?, Arc::clone(&known.state)))).collect()
    }

    pub(crate) fn forget(&self, address: &ServerAddress) {
        self.servers.lock().remove(address);
    }
}

/// What is known of one server of one upstream.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) id: u32,
    /// [`DRAINING`] and the others; what a pick looks at.
    flags: AtomicU8,
    in_flight: AtomicU32,
    requests: AtomicU64,
    connect_failures: AtomicU64,
    failures: AtomicU64,
    /// Since when it drains, in seconds since 1970.
    drains_since: AtomicU64,
    /// Since when it starts slowly, by [`millis`].
    slow_since: AtomicU64,
    /// Whether it took requests when it was looked at last; when that begins, it starts slowly.
    was_serving: AtomicBool,
    streak: Streak,
    cold: Mutex<Cold>,
    changes: Arc<Changes>,
}

/// What changes seldom.
#[derive(Debug)]
struct Cold {
    mode: Mode,
    /// What the configuration said last.
    configured: Mode,
    /// Whether the set of servers does not hold it any more.
    is_removed: bool,
    since: SystemTime,
    /// When a drain ends.
    drained_at: Option<Instant>,
    ejected_until: Option<Instant>,
    /// Ejections in a row, without a calm time in between.
    ejections_in_a_row: u32,
    ejections: u64,
    ejected_since: Option<SystemTime>,
    last_failure: Option<&'static str>,
    slow_until: Option<Instant>,
}

/// The orders and ejections of a server as they are told.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) mode: Mode,
    pub(crate) is_removed: bool,
    pub(crate) is_drained: bool,
    pub(crate) is_slow: bool,
    pub(crate) since: SystemTime,
    pub(crate) ends_in: Option<Duration>,
    pub(crate) ejected_since: Option<SystemTime>,
    pub(crate) ejections: u64,
    pub(crate) last_failure: Option<&'static str>,
}

impl ServerState {
    fn new(changes: Arc<Changes>, was_serving: bool) -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            flags: AtomicU8::new(0),
            in_flight: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            connect_failures: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            drains_since: AtomicU64::new(0),
            slow_since: AtomicU64::new(0),
            was_serving: AtomicBool::new(was_serving),
            streak: Streak::default(),
            cold: Mutex::new(Cold {
                mode: Mode::Ready,
                configured: Mode::Ready,
                is_removed: false,
                since: SystemTime::now(),
                drained_at: None,
                ejected_until: None,
                ejections_in_a_row: 0,
                ejections: 0,
                ejected_since: None,
                last_failure: None,
                slow_until: None,
            }),
            changes,
        }
    }
}

/// What a pick asks; no lock is taken.
impl ServerState {
    /// Whether a request may go there, its health aside; `born` is when its session began, in seconds since 1970.
    pub(crate) fn admits(&self, born: Option<u64>) -> bool {
        match self.flags.load(Relaxed) & !SLOW {
            0 => true,
            DRAINING => born.is_some_and(|born| born <= self.drains_since.load(Relaxed)),
            _ => false,
        }
    }

    /// Whether the operator, the configuration or discovery keeps new requests away.
    pub(crate) fn is_ordered_away(&self) -> bool {
        self.flags.load(Relaxed) & (DRAINING | CLOSED) != 0
    }

    /// How much of its share it takes while it starts slowly, in thousandths; `None` for all of it.
    pub(crate) fn slow_share(&self, now: Instant, window: Duration) -> Option<u32> {
        if self.flags.load(Relaxed) & SLOW == 0 {
            return None;
        }
        let elapsed = millis(now).saturating_sub(self.slow_since.load(Relaxed));
        let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
        let share = elapsed.saturating_mul(1000) / window;
        u32::try_from(share).ok().filter(|share| *share < 1000).map(|share| share.max(LEAST_SHARE))
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Counts a request; says how many were in flight before.
    pub(crate) fn begin(&self) -> u32 {
        self.requests.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed)
    }

    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    pub(crate) fn connect_failures(&self) -> u64 {
        self.connect_failures.load(Relaxed)
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }
}

/// In thousandths: a server that has just come back is asked this often at least, or it would never be known.
const LEAST_SHARE: u32 = 100;

/// What requests report.
impl ServerState {
    pub(crate) fn count_connect_failure(&self) {
        self.connect_failures.fetch_add(1, Relaxed);
    }

    pub(crate) fn succeeded(&self, outlier: Option<&Outlier>, now: Instant) {
        if let Some(outlier) = outlier {
            self.streak.succeeded(outlier, now);
        }
    }

    /// Counts a failure; says whether there were too many now.
    pub(crate) fn failed(&self, outlier: Option<&Outlier>, why: &'static str, now: Instant) -> bool {
        self.failures.fetch_add(1, Relaxed);
        let is_too_much = outlier.is_some_and(|outlier| self.streak.failed(outlier, now));
        if is_too_much {
            self.cold.lock().last_failure = Some(why);
        }
        is_too_much
    }

    /// Takes it out for a time that grows with each ejection in a row; says for how long.
    pub(crate) fn eject(&self, outlier: &Outlier, now: Instant) -> Duration {
        let mut cold = self.cold.lock();
        let calm = cold.ejected_until.is_some_and(|until| now >= until + outlier.eject);
        cold.ejections_in_a_row = if calm { 1 } else { cold.ejections_in_a_row.saturating_add(1) };
        let factor = 1_u32 << (cold.ejections_in_a_row - 1).min(16);
        let time = outlier.eject.saturating_mul(factor).min(outlier.max_eject.max(outlier.eject));
        cold.ejected_until = Some(now + time);
        cold.ejections += 1;
        cold.ejected_since = Some(SystemTime::now());
        self.streak.forget();
        self.flags.fetch_or(EJECTED, Relaxed);
        self.changes.happened();
        time
    }

    pub(crate) fn is_ejected(&self) -> bool {
        self.flags.load(Relaxed) & EJECTED != 0
    }
}

/// Orders: of the operator, of the configuration, of discovery.
impl ServerState {
    /// The operator's word stays in force over reloads.
    pub(crate) fn order(&self, mode: Mode, drain_timeout: Duration, now: Instant) {
        let mut cold = self.cold.lock();
        self.enter(&mut cold, mode, drain_timeout, now);
    }

    /// The configuration's word counts when it is another than it was.
    pub(crate) fn configure(&self, mode: Mode, drain_timeout: Duration, now: Instant) {
        let mut cold = self.cold.lock();
        if std::mem::replace(&mut cold.configured, mode) != mode {
            self.enter(&mut cold, mode, drain_timeout, now);
        }
    }

    /// Whether the set of servers holds it; one that left drains.
    pub(crate) fn set_removed(&self, is_removed: bool, drain_timeout: Duration, now: Instant) {
        let mut cold = self.cold.lock();
        if std::mem::replace(&mut cold.is_removed, is_removed) != is_removed {
            let mode = cold.mode;
            self.enter(&mut cold, mode, drain_timeout, now);
        }
    }

    fn enter(&self, cold: &mut Cold, mode: Mode, drain_timeout: Duration, now: Instant) {
        cold.since = SystemTime::now();
        cold.mode = mode;
        let drains = mode == Mode::Drain || (cold.is_removed && mode == Mode::Ready);
        cold.drained_at = drains.then_some(now + drain_timeout);
        if drains {
            self.drains_since.store(unix_seconds(cold.since), Relaxed);
        }
        let flag = match (drains, mode) {
            (true, _) => DRAINING,
            (false, Mode::Maint) => CLOSED,
            (false, _) => 0,
        };
        let before = self.flags.load(Relaxed);
        self.flags.store((before & !(DRAINING | CLOSED)) | flag, Relaxed);
        self.changes.happened();
    }

    /// Whether it left, and neither a session nor a request needs it any more.
    pub(crate) fn is_gone(&self) -> bool {
        let cold = self.cold.lock();
        cold.is_removed && cold.drained_at.is_none() && self.in_flight() == 0
    }

    /// Notes whether it takes requests; one that begins to does so slowly.
    pub(crate) fn note_serving(&self, is_serving: bool, window: Duration, now: Instant) {
        // A plain load first: this is asked of every server whenever one of them changes.
        if self.was_serving.load(Relaxed) == is_serving {
            return;
        }
        let began = !self.was_serving.swap(is_serving, Relaxed) && is_serving;
        if began && !window.is_zero() {
            self.start_slowly(window, now);
        }
    }

    fn start_slowly(&self, window: Duration, now: Instant) {
        self.cold.lock().slow_until = Some(now + window);
        self.slow_since.store(millis(now), Relaxed);
        self.flags.fetch_or(SLOW, Relaxed);
        self.changes.wake();
    }

    /// Does what is due; says when the next thing will be, and whether an ejection ended.
    pub(crate) fn keep_up(&self, now: Instant) -> (Option<Instant>, bool) {
        let mut cold = self.cold.lock();
        let ended = self.is_ejected() && cold.ejected_until.is_none_or(|until| until <= now);
        if ended {
            cold.ejected_since = None;
            self.flags.fetch_and(!EJECTED, Relaxed);
        }
        let drained = cold.drained_at.take_if(|at| *at <= now).is_some();
        if drained {
            self.flags.fetch_or(CLOSED, Relaxed);
        }
        if cold.slow_until.take_if(|at| *at <= now).is_some() {
            self.flags.fetch_and(!SLOW, Relaxed);
        }
        if ended || drained {
            self.changes.happened();
        }
        let ejected_until = cold.ejected_until.filter(|_| self.is_ejected());
        // A server that left is forgotten soon after its last request.
        let leaves = (cold.is_removed && cold.drained_at.is_none()).then_some(now + Duration::from_secs(1));
        let next = [ejected_until, cold.drained_at, cold.slow_until, leaves].into_iter().flatten().min();
        (next, ended)
    }

    pub(crate) fn orders(&self, now: Instant) -> Orders {
        let cold = self.cold.lock();
        let flags = self.flags.load(Relaxed);
        let until =
            if flags & EJECTED != 0 { cold.ejected_until } else { cold.drained_at.or(cold.slow_until) };
        Orders {
            mode: cold.mode,
            is_removed: cold.is_removed,
            is_drained: flags & DRAINING != 0 && flags & CLOSED != 0,
            is_slow: flags & SLOW != 0,
            since: cold.since,
            ends_in: until.map(|until| until.saturating_duration_since(now)),
            ejected_since: cold.ejected_since,
            ejections: cold.ejections,
            last_failure: cold.last_failure,
        }
    }
}
