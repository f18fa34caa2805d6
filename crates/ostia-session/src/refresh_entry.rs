//! What several nodes know together about the refreshes of one session, so that a refresh token is spent once.
//!
//! Each cookie of a session carries the generation of its tokens; refreshing generation *n* makes *n + 1*. A node that
//! wants to refresh takes the **lease** of the generation, **spends** its token (says so before it presents it), and
//! **lands** the next generation for all. What was spent is never leased again: whoever finds it spent waits for the
//! landing, and when the spender is gone without one, the session goes on without being refreshed.
//!
//! This is the meaning, in Rust: the model test runs on it, and the scripts that a shared store runs are held against
//! it operation by operation.

/// Names one holder of a lease, drawn anew for each attempt.
pub type Holder = u128;

/// The entry of one session. `V` is what is landed: the sealed session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefreshEntry<V> {
    landed: Option<(u32, V)>,
    lease: Option<Lease>,
    spent: Option<(u32, Holder)>,
    /// The generation whose token was presented to a provider that never answered: perhaps it took it.
    doubtful: Option<u32>,
    /// The greatest generation that anybody asked for: those below it are spent, whatever else is remembered.
    newest: u32,
    /// Somebody may still present a token of before the newest generation, which a careful provider punishes by
    /// refusing all later ones: a refusal proves nothing any more.
    tainted: bool,
    paused_until: u64,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lease {
    holder: Holder,
    until: u64,
}

/// The answer to [`RefreshEntry::take`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Taken<V> {
    /// The lease is yours.
    Lease {
        /// The token was presented before, and no answer came: a refusal of it proves nothing.
        is_doubtful: bool,
    },
    /// A later generation is there.
    Landed(V),
    /// The provider said that the session is over.
    Ended,
    /// Somebody else is at it.
    Busy,
    /// The token was presented, and who presented it is gone: whether it is worth anything, nobody knows.
    Lost,
    /// The provider failed a moment ago; not now.
    Paused,
}

/// The answer to [`RefreshEntry::current`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Current<V> {
    /// The session.
    Session(V),
    /// It is over.
    Ended,
    /// Nothing is known of it.
    Nothing,
}

impl<V> Default for RefreshEntry<V> {
    fn default() -> Self {
        Self {
            landed: None,
            lease: None,
            spent: None,
            doubtful: None,
            newest: 0,
            tainted: false,
            paused_until: 0,
            ended: false,
        }
    }
}

impl<V> RefreshEntry<V> {
    /// Forgets what was landed, but not that it was.
    pub fn forget_landed(&mut self) {
        if let Some((landed, _)) = self.landed.take() {
            self.newest = self.newest.max(landed);
        }
    }
}

impl<V: Clone> RefreshEntry<V> {
    /// Lands a session as it is: one that has just begun, or that the store lost. False: it is over, or a later
    /// generation is there.
    pub fn begin(&mut self, generation: u32, value: V) -> bool {
        let is_older = self.landed.as_ref().is_some_and(|(landed, _)| *landed > generation);
        if self.ended || is_older {
            return false;
        }
        self.landed = Some((generation, value));
        true
    }

    /// The session as it was landed last.
    pub fn current(&self) -> Current<V> {
        match &self.landed {
            _ if self.ended => Current::Ended,
            Some((_, value)) => Current::Session(value.clone()),
            None => Current::Nothing,
        }
    }

    /// Somebody signed out: what was landed is forgotten, and nothing is landed any more.
    pub fn close(&mut self) {
        self.landed = None;
        self.ended = true;
    }

    /// Asks for the lease of `generation`, for `lease` milliseconds from `now`.
    pub fn take(&mut self, generation: u32, holder: Holder, now: u64, lease: u64) -> Taken<V> {
        if self.ended {
            return Taken::Ended;
        }
        if let Some((landed, value)) = &self.landed
            && *landed > generation
        {
            return Taken::Landed(value.clone());
        }
        let is_held = self.lease.is_some_and(|held| now < held.until && held.holder != holder);
        if is_held {
            return Taken::Busy;
        }
        if generation < self.newest || self.spent.is_some_and(|(spent, _)| spent == generation) {
            return Taken::Lost;
        }
        self.newest = generation;
        self.tainted |= self.spent.is_some();
        if now < self.paused_until {
            return Taken::Paused;
        }
        self.lease = Some(Lease { holder, until: now + lease });
        Taken::Lease { is_doubtful: self.tainted || self.doubtful == Some(generation) }
    }

    /// Keeps the lease; false when it was lost.
    pub fn renew(&mut self, holder: Holder, now: u64, lease: u64) -> bool {
        match &mut self.lease {
            Some(held) if held.holder == holder => {
                held.until = now + lease;
                true
            }
            _ => false,
        }
    }

    /// Says that the token of `generation` will be presented now. False: it must not be.
    pub fn spend(&mut self, generation: u32, holder: Holder, now: u64) -> bool {
        let holds = self.lease.is_some_and(|held| held.holder == holder && now < held.until);
        let is_new = self.spent.is_none_or(|(spent, _)| spent != generation);
        let is_latest = self.landed.as_ref().is_none_or(|(landed, _)| *landed <= generation);
        if !(holds && is_new && is_latest && !self.ended) {
            return false;
        }
        self.spent = Some((generation, holder));
        true
    }

    /// Lands what came after `generation`. False: this entry does not remember that the holder spent it.
    pub fn land(&mut self, generation: u32, holder: Holder, value: V) -> bool {
        if self.spent != Some((generation, holder)) {
            return false;
        }
        self.landed = Some((generation + 1, value));
        self.spent = None;
        self.free(holder);
        true
    }

    /// The provider gave no tokens for a reason that says nothing about the session: the token may be tried again,
    /// after a pause until `until`. `was_sent`: perhaps the provider took the token all the same.
    pub fn give_back(&mut self, generation: u32, holder: Holder, was_sent: bool, until: u64) -> bool {
        if self.spent != Some((generation, holder)) {
            return false;
        }
        self.spent = None;
        if was_sent {
            self.doubtful = Some(generation);
        }
        self.paused_until = until;
        self.free(holder);
        true
    }

    /// The provider says that the session is over.
    pub fn end(&mut self, generation: u32, holder: Holder) -> bool {
        if self.spent != Some((generation, holder)) {
            return false;
        }
        self.ended = true;
        self.free(holder);
        true
    }

    fn free(&mut self, holder: Holder) {
        if self.lease.is_some_and(|held| held.holder == holder) {
            self.lease = None;
        }
    }
}
