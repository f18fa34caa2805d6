//! One refresh per session, shared by everybody who needs it.
//!
//! A browser sends many requests with the same cookie, and goes on sending the old one for a while after the new one was
//! made. A rotating refresh token must be spent once: the second time, a careful issuer revokes the whole family
//! (RFC 9700 section 4.14.2). So the first request starts a flight in a task of its own, the others wait for it, and its
//! result is handed to whoever comes with the old token for a minute after.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Names one spending of one refresh token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefreshKey {
    session: [u8; 16],
    generation: u64,
    /// SHA-256 of the refresh token that is to be spent.
    token: [u8; 32],
}

impl RefreshKey {
    /// The session's identifier, the generation of its tokens, and the refresh token of that generation, of which only
    /// a digest is kept.
    #[must_use]
    pub fn new(session: [u8; 16], generation: u64, refresh_token: &str) -> Self {
        let mut token = [0; 32];
        for (to, from) in token.iter_mut().zip(digest(&SHA256, refresh_token.as_bytes()).as_ref()) {
            *to = *from;
        }
        Self { session, generation, token }
    }
}

impl std::fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshKey").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// A result, and how long it answers for those who come later.
#[derive(Clone, Debug)]
pub struct Landed<T> {
    /// The result.
    pub result: T,
    /// How long it is handed out after the flight. A success or the end of a session: [`Landed::REPLAY`]. A failure
    /// that may pass: [`Landed::PAUSE`], so that a failing issuer is not asked by every request.
    pub replay: Duration,
}

impl<T> Landed<T> {
    /// How long a final result is handed out: 60 s.
    pub const REPLAY: Duration = Duration::from_secs(60);
    /// How long a passing failure is handed out: 5 s.
    pub const PAUSE: Duration = Duration::from_secs(5);

    /// The old token is spent, or worth nothing: this answers for a minute.
    pub fn finally(result: T) -> Self {
        Self { result, replay: Self::REPLAY }
    }

    /// The old token may work yet: ask again in a while.
    pub fn for_now(result: T) -> Self {
        Self { result, replay: Self::PAUSE }
    }
}

/// Why a flight brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlightLost {
    /// The deadline of this wait passed; the flight goes on.
    #[error("the refresh took too long to wait for")]
    Waited,
    /// The task ended without a result.
    #[error("the refresh ended without a result")]
    Ended,
    /// Too many are in the air; nothing was started.
    #[error("too many refreshes are under way")]
    Full,
}

impl FlightLost {
    /// The reason as a word for logs and metrics.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Waited => "refresh_wait_deadline",
            Self::Ended => "refresh_lost",
            Self::Full => "refresh_overload",
        }
    }
}

/// The refreshes of this node, under way and lately finished. `T` is what the gateway makes of one: the new session,
/// sealed, or why there is none. Cloned for each who waits, so an `Arc` or small.
#[derive(Debug)]
pub struct RefreshFlights<T> {
    board: Mutex<Board<T>>,
    most: usize,
}

type Ticket<T> = watch::Receiver<Option<Arrival<T>>>;

/// A result that is handed out until its time is over, counted from the landing.
#[derive(Debug)]
struct Arrival<T> {
    result: T,
    until: Instant,
}

#[derive(Debug)]
struct Board<T> {
    flights: HashMap<RefreshKey, Ticket<T>>,
    /// In the order of take-off, for cleaning up.
    order: VecDeque<RefreshKey>,
}

impl<T> Default for RefreshFlights<T> {
    fn default() -> Self {
        Self::new(16 * 1024)
    }
}

impl<T> RefreshFlights<T> {
    /// At most this many are remembered, flying or finished. The default is 16,384.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { board: Mutex::new(Board { flights: HashMap::new(), order: VecDeque::new() }), most }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().flights.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Board<T>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone + Send + Sync + 'static> RefreshFlights<T> {
    /// The result of the refresh that this key names: of one that is finished, of one that is under way, or of the one
    /// that `start` makes. Waits no longer than `deadline`; the flight itself goes on when the caller goes away.
    ///
    /// `start` is called while a lock is held: it only makes the future, which owns what it needs.
    ///
    /// # Errors
    /// See [`FlightLost`].
    pub async fn join<F>(
        &self,
        key: RefreshKey,
        deadline: Duration,
        start: impl FnOnce() -> F,
    ) -> Result<T, FlightLost>
    where
        F: Future<Output = Landed<T>> + Send + 'static,
    {
        let mut ticket = self.ticket(key, start)?;
        let wait = timeout(deadline, ticket.wait_for(Option::is_some));
        match wait.await {
            Err(_) => Err(FlightLost::Waited),
            Ok(Err(_)) => Err(FlightLost::Ended),
            Ok(Ok(arrival)) => {
                arrival.as_ref().map(|arrival| arrival.result.clone()).ok_or(FlightLost::Ended)
            }
        }
    }

    /// The same without waiting, for a session that has time left: the result if there is one, else `None`, with the
    /// flight under way (unless too many are).
    pub fn begin<F>(&self, key: RefreshKey, start: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = Landed<T>> + Send + 'static,
    {
        let ticket = self.ticket(key, start).ok()?;
        let arrival = ticket.borrow();
        arrival.as_ref().map(|arrival| arrival.result.clone())
    }

    /// The result of the refresh that this key names, if there is one or one is under way, which is waited for no longer
    /// than `deadline`. Starts nothing.
    pub async fn landing(&self, key: RefreshKey, deadline: Duration) -> Option<T> {
        let mut ticket = {
            let board = self.lock();
            board.flights.get(&key).filter(|ticket| is_worth_something(ticket, Instant::now()))?.clone()
        };
        let arrival = timeout(deadline, ticket.wait_for(Option::is_some)).await.ok()?.ok()?;
        arrival.as_ref().map(|arrival| arrival.result.clone())
    }

    fn ticket<F>(&self, key: RefreshKey, start: impl FnOnce() -> F) -> Result<Ticket<T>, FlightLost>
    where
        F: Future<Output = Landed<T>> + Send + 'static,
    {
        let mut board = self.lock();
        let now = Instant::now();
        if let Some(ticket) = board.flights.get(&key).filter(|ticket| is_worth_something(ticket, now)) {
            return Ok(ticket.clone());
        }
        board.make_room(self.most, now)?;
        let (sender, ticket) = watch::channel(None);
        let work = start();
        tokio::spawn(async move {
            let landed = work.await;
            sender
                .send_replace(Some(Arrival { result: landed.result, until: Instant::now() + landed.replay }));
        });
        if board.flights.insert(key, ticket.clone()).is_none() {
            board.order.push_back(key);
        }
        Ok(ticket)
    }
}

/// Under way, or finished with a result that is still handed out.
fn is_worth_something<T>(ticket: &Ticket<T>, now: Instant) -> bool {
    match &*ticket.borrow() {
        Some(arrival) => now < arrival.until,
        // A task that ended without a result has dropped its sender.
        None => ticket.has_changed().is_ok(),
    }
}

impl<T> Board<T> {
    /// Forgets what is over, two of the oldest at each take-off, so that the board shrinks without a task; when it is
    /// full, all that is over, then the oldest result. Flights under way are never forgotten.
    fn make_room(&mut self, most: usize, now: Instant) -> Result<(), FlightLost> {
        for _ in 0..2 {
            self.forget_front(now);
        }
        if self.flights.len() < most {
            return Ok(());
        }
        self.flights.retain(|_, ticket| is_worth_something(ticket, now));
        let flights = &self.flights;
        self.order.retain(|key| flights.contains_key(key));
        if self.flights.len() < most {
            return Ok(());
        }
        let has_landed =
            |key: &RefreshKey| self.flights.get(key).is_none_or(|ticket| ticket.borrow().is_some());
        let oldest = self.order.iter().position(has_landed);
        let key = oldest.and_then(|place| self.order.remove(place)).ok_or(FlightLost::Full)?;
        self.flights.remove(&key);
        Ok(())
    }

    fn forget_front(&mut self, now: Instant) {
        let Some(key) = self.order.front().copied() else { return };
        if !self.flights.get(&key).is_some_and(|ticket| is_worth_something(ticket, now)) {
            self.flights.remove(&key);
            self.order.pop_front();
        }
    }
}
