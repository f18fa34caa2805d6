//! What was ended on this node, kept where it outlives the process, and told to the answers that are still open.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use ostia_identity::DEFAULT_MAX_LIFETIME;
use ostia_session::{
    Channel, Ended, EndedFile, EndedFileRefused, EndedSessions, Ending, Lifetimes, Mark, Marks, Session,
    SharedStore, Ticket,
};
use parking_lot::Mutex;

use crate::streams::{OpenStreams, seconds};

/// Entries that are kept at most: about 10 MB.
const CAPACITY: usize = 200_000;
/// Entries that front-channel logouts may make: anybody can send one, so they must not push out the others.
const FRONT_CHANNEL_CAPACITY: usize = 20_000;
/// How many of them a node tells the others in a second; the rest hold on this node alone.
const FRONT_CHANNEL_TOLD: u32 = 100;
/// How often it is looked what another process wrote, and whether the disk has what this one wrote.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is tried to tell the other nodes, and the pause between. A store that comes back later is told all that
/// it does not know.
const TELLINGS: u32 = 60;
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// No token that was issued until now is accepted after this: its longest life, and the clocks twice.
const LONGEST_TOKEN: Duration = DEFAULT_MAX_LIFETIME.saturating_add(Duration::from_secs(2 * 300));
/// The file in `runtime.state_dir`.
const FILE: &str = "sessions.ended";

/// The endings of a node.
#[derive(Debug)]
pub struct Endings {
    list: EndedSessions,
    by_front_channel: EndedSessions,
    front_channel_pace: Mutex<Pace>,
    file: Option<Mutex<EndedFile>>,
    unsynced: AtomicBool,
    streams: Arc<OpenStreams>,
    /// Tells the other nodes, where there are any.
    store: ArcSwapOption<SharedStore>,
}

impl Endings {
    /// Reads what was ended before. Without a folder nothing is kept.
    ///
    /// # Errors
    /// When the file in `folder` cannot be used: a node that forgets logouts at a restart must not start unnoticed.
    pub fn open(folder: Option<&Path>, now: SystemTime) -> Result<Arc<Self>, EndedFileRefused> {
        let list = EndedSessions::new(CAPACITY);
        let file = match folder {
            Some(folder) => Some(Mutex::new(EndedFile::open(&folder.join(FILE), &list, now)?)),
            None => None,
        };
        Ok(Arc::new(Self {
            list,
            by_front_channel: EndedSessions::new(FRONT_CHANNEL_CAPACITY),
            front_channel_pace: Mutex::default(),
            file,
            unsynced: AtomicBool::new(false),
            streams: Arc::default(),
            store: ArcSwapOption::empty(),
        }))
    }

    /// Whether the session of these marks is over.
    #[must_use]
    pub fn has(&self, session: &Marks) -> bool {
        self.list.has(session) || self.by_front_channel.has(session)
    }

    /// Whether the access token of these marks was ended. A front-channel logout ends no token: nobody vouches for it.
    #[must_use]
    pub fn has_token(&self, token: &Marks) -> bool {
        self.list.has(token)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len() + self.by_front_channel.len()
    }

    /// Whether nobody was signed out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The answers that are still open.
    #[must_use]
    pub fn streams(&self) -> &Arc<OpenStreams> {
        &self.streams
    }

    /// Ends one session, for as long as its cookie could live. Returns how many open answers ended with it.
    pub fn end_session(&self, session: &Session, lifetimes: Lifetimes, now: SystemTime) -> usize {
        let until = seconds(session.ends_at(lifetimes));
        self.end(Ending { mark: Mark::of(Ended::Session(session.id)), begun_by: u64::MAX, until }, now)
    }

    /// Ends the session of a ticket; as [`Endings::end_session`].
    pub fn end_ticket(&self, ticket: &Ticket, now: SystemTime) -> usize {
        let until = seconds(ticket.expires_at);
        self.end(Ending { mark: Mark::of(Ended::Session(ticket.id)), begun_by: u64::MAX, until }, now)
    }

    /// Ends everything under a name that began until now: sessions, none of which lives longer than `lifetimes`, and
    /// tokens. Returns how many open answers ended with it.
    pub fn end_all_of(&self, ended: Ended<'_>, lifetimes: Lifetimes, now: SystemTime) -> usize {
        self.end(ending_of_all(ended, lifetimes, now), now)
    }

    /// As [`Endings::end_all_of`], asked for by a request that nobody vouches for: kept apart, in memory only, and told
    /// to the other nodes once, a bounded number in each second.
    pub fn end_by_front_channel(&self, ended: Ended<'_>, lifetimes: Lifetimes, now: SystemTime) -> usize {
        let ending = ending_of_all(ended, lifetimes, now);
        if self.by_front_channel.add(ending, now)
            && self.front_channel_pace.lock().allows(seconds(now))
            && let Some(store) = self.store.load_full()
        {
            tokio::spawn(async move { store.publish(ending, Channel::FrontChannel).await });
        }
        self.streams.cut(&ending)
    }

    /// Notes that a logout token was used; false when it was used before, here or on another node. A store that does
    /// not answer has no say: to end a session twice harms nobody.
    pub async fn use_logout_token(&self, issuer: &str, id: &str, until: SystemTime, now: SystemTime) -> bool {
        let mark = Mark::of(Ended::LogoutToken { issuer, id });
        let ending = Ending { mark, begun_by: 0, until: seconds(until) };
        if !self.list.add(ending, now) {
            return false;
        }
        self.write(ending);
        match self.store.load_full() {
            Some(store) => store.use_once(mark, until, now).await.unwrap_or(true),
            None => true,
        }
    }

    fn end(&self, ending: Ending, now: SystemTime) -> usize {
        if self.list.add(ending, now) {
            self.write(ending);
            self.publish(ending);
        }
        self.streams.cut(&ending)
    }

    /// Takes over what another node ended.
    pub fn take_over(&self, ending: Ending, channel: Channel) {
        let now = SystemTime::now();
        let is_new = match channel {
            Channel::Vouched => self.list.add(ending, now),
            Channel::FrontChannel => self.by_front_channel.add(ending, now),
        };
        if !is_new {
            return;
        }
        if channel == Channel::Vouched {
            self.write(ending);
        }
        self.streams.cut(&ending);
    }

    /// Every ending of this channel that this node knows.
    #[must_use]
    pub fn living(&self, channel: Channel) -> Vec<Ending> {
        match channel {
            Channel::Vouched => self.list.living(SystemTime::now()),
            Channel::FrontChannel => self.by_front_channel.living(SystemTime::now()),
        }
    }

    /// From now on endings go to this store, too.
    pub fn tell(&self, store: Option<Arc<SharedStore>>) {
        self.store.store(store);
    }

    /// Tells the other nodes; nobody waits for it. What cannot be told now is told again until it can.
    fn publish(&self, ending: Ending) {
        let Some(store) = self.store.load_full() else { return };
        tokio::spawn(async move {
            for _ in 0..TELLINGS {
                match store.publish(ending, Channel::Vouched).await {
                    Ok(()) => return,
                    Err(_) => tokio::time::sleep(TELL_AGAIN).await,
                }
            }
            tracing::warn!(
                "a logout could not be told to the other nodes; they hear of it when the store is back"
            );
        });
    }

    fn write(&self, ending: Ending) {
        let Some(file) = &self.file else { return };
        if let Err(error) = file.lock().append(ending) {
            tracing::error!(%error, "a logout could not be written to the state folder; a restart would forget it");
        }
        self.unsynced.store(true, Ordering::Release);
    }

    /// Looks after the file until the last user of the endings is gone.
    pub fn keep(self: &Arc<Self>) {
        if self.file.is_none() {
            return;
        }
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut clock = tokio::time::interval(LOOK);
            clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                clock.tick().await;
                let Some(endings) = this.upgrade() else { return };
                // Not on a thread of requests: a disk may take its time.
                let looked = tokio::task::spawn_blocking(move || endings.look(SystemTime::now()));
                if let Ok(Err(error)) = looked.await {
                    tracing::error!(%error, "the list of ended sessions in the state folder cannot be kept");
                }
            }
        });
    }

    fn look(&self, now: SystemTime) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut file = file.lock();
        for ending in file.read_on(&self.list, now)? {
            self.streams.cut(&ending);
        }
        if self.unsynced.swap(false, Ordering::AcqRel) {
            file.sync()?;
        }
        file.tidy(&self.list, now)
    }
}

/// How much was told in this second.
#[derive(Debug, Default)]
struct Pace {
    second: u64,
    told: u32,
}

impl Pace {
    fn allows(&mut self, second: u64) -> bool {
        if self.second != second {
            *self = Self { second, told: 0 };
        }
        self.told += 1;
        self.told <= FRONT_CHANNEL_TOLD
    }
}

fn ending_of_all(ended: Ended<'_>, lifetimes: Lifetimes, now: SystemTime) -> Ending {
    let longest = lifetimes.absolute.max(LONGEST_TOKEN);
    let until = seconds(now).saturating_add(longest.as_secs());
    Ending { mark: Mark::of(ended), begun_by: seconds(now), until }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Sessions to end.

    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use ostia_identity::Claims;
    use ostia_session::{Grant, Lifetimes, Marks, Session, SessionId, SignedIn};

    /// Name and marks of [`a_session_of`].
    pub(crate) fn session_of(subject: &str, sid: &str, begun_at: u64) -> (SessionId, Marks) {
        let session = a_session_of(subject, sid, begun_at);
        (session.id, Marks::of(&session))
    }

    /// A session of `subject` under `sid`, begun at `begun_at`.
    pub(crate) fn a_session_of(subject: &str, sid: &str, begun_at: u64) -> Session {
        let claims = serde_json::json!({ "sid": sid });
        let who = SignedIn {
            provider: Arc::from("corp"),
            issuer: Arc::from("https://login.example.com"),
            subject: Arc::from(subject),
            claims: Claims::new(claims.as_object().unwrap().clone()),
            scopes: Vec::new(),
            auth_time: None,
        };
        let hour = Duration::from_secs(3600);
        let lifetimes = Lifetimes { idle: hour, absolute: 12 * hour, refresh_before: Duration::ZERO };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(begun_at);
        Session::begin(who, Grant::default(), lifetimes, now).unwrap()
    }
}
