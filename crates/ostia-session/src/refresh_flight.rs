//! One attempt to refresh a session that several nodes share, as a machine without time and network: it says what to do
//! next and is told what came of it. The gateway does it with a real store and a real provider, the model test with
//! every order of events that can happen.

use crate::refresh_entry::Taken;

/// What to do next. `V` is what is landed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask<V> {
    /// [`crate::RefreshEntry::take`].
    Take,
    /// Wait a little; others are at it.
    Wait,
    /// [`crate::RefreshEntry::spend`].
    Spend,
    /// Present the refresh token to the provider, renewing the lease meanwhile.
    Present,
    /// [`crate::RefreshEntry::land`].
    Land(V),
    /// [`crate::RefreshEntry::give_back`].
    GiveBack {
        /// Perhaps the provider took the token.
        was_sent: bool,
    },
    /// [`crate::RefreshEntry::end`].
    End,
    /// Nothing: this came of it.
    Done(Outcome<V>),
}

/// What came of an [`Ask`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came<V> {
    /// Of `Take`.
    Taken {
        /// The store's answer.
        taken: Taken<V>,
        /// The store's memory, looked at after its answer, reaches back to when the session's tokens were made.
        is_remembered: bool,
    },
    /// Of `Wait`.
    Waited,
    /// Of `Spend`, `Land`, `GiveBack`, `End`: whether the store agreed.
    Agreed(bool),
    /// Of `Present`.
    Presented(Presented<V>),
    /// Of any but `Present` and `Wait`: the store does not answer.
    StoreFailed,
}

/// The provider's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented<V> {
    /// The next generation.
    Next(V),
    /// `invalid_grant`, or an answer that ends the session.
    Ended,
    /// No tokens, for a reason that says nothing about the session: unreachable, 5xx, our own mistake.
    NoAnswer {
        /// The request went out and nothing came back: perhaps the provider took the token.
        was_sent: bool,
    },
}

/// What becomes of the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome<V> {
    /// It goes on as this.
    Renewed(V),
    /// It goes on as this, but the refresh token in it may be worth nothing: the store lost its memory meanwhile, and
    /// somebody else may have presented the one before it. It must not be presented.
    RenewedLast(V),
    /// It is over.
    Ended,
    /// It goes on as it is; try again later.
    Postponed,
    /// It goes on as it is until its own end; its refresh token must not be presented any more.
    Unrefreshable,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefreshFlight<V> {
    at: At,
    looks_left: u32,
    /// The token may have been presented before: no answer came, or the store does not remember that far back. Then
    /// `invalid_grant` proves nothing.
    is_doubtful: bool,
    next: Option<V>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    Taking,
    Waiting,
    Spending,
    Presenting,
    Landing,
    GivingBack,
    Ending,
    Over,
}

impl<V: Clone> RefreshFlight<V> {
    /// Begins. While another node refreshes, it is waited for `looks` times.
    #[must_use]
    pub fn begin(looks: u32) -> (Self, Ask<V>) {
        (Self { at: At::Taking, looks_left: looks, is_doubtful: false, next: None }, Ask::Take)
    }

    /// What to do after what came of the last ask. An answer that does not fit ends the attempt without harm.
    pub fn next(&mut self, came: Came<V>) -> Ask<V> {
        let (at, ask) = match (self.at, came) {
            (At::Taking, Came::Taken { taken, is_remembered }) => self.after_taking(taken, is_remembered),
            (At::Waiting, Came::Waited) => (At::Taking, Ask::Take),
            (At::Spending, Came::Agreed(true)) => (At::Presenting, Ask::Present),
            // The lease was lost: look again.
            (At::Spending, Came::Agreed(false)) => (At::Taking, Ask::Take),
            (At::Presenting, Came::Presented(presented)) => self.after_presenting(presented),
            (At::Landing, Came::Agreed(true)) => self.done(Outcome::Renewed),
            (At::Landing, Came::Agreed(false)) => self.done(Outcome::RenewedLast),
            // The others will not hear of it, this browser does.
            (At::Landing, Came::StoreFailed) => self.done(Outcome::Renewed),
            (At::Ending, Came::Agreed(true) | Came::StoreFailed) => over(Outcome::Ended),
            // The store forgot that we spent the token: another node may have spent it before us.
            (At::Ending, Came::Agreed(false)) => over(Outcome::Unrefreshable),
            _ => over(Outcome::Postponed),
        };
        self.at = at;
        ask
    }

    fn after_taking(&mut self, taken: Taken<V>, is_remembered: bool) -> (At, Ask<V>) {
        match taken {
            Taken::Lease { is_doubtful } => {
                self.is_doubtful = is_doubtful || !is_remembered;
                (At::Spending, Ask::Spend)
            }
            Taken::Landed(value) => over(Outcome::Renewed(value)),
            Taken::Ended => over(Outcome::Ended),
            Taken::Lost => over(Outcome::Unrefreshable),
            Taken::Paused => over(Outcome::Postponed),
            Taken::Busy => match self.looks_left.checked_sub(1) {
                None => over(Outcome::Postponed),
                Some(left) => {
                    self.looks_left = left;
                    (At::Waiting, Ask::Wait)
                }
            },
        }
    }

    fn after_presenting(&mut self, presented: Presented<V>) -> (At, Ask<V>) {
        match presented {
            Presented::Next(value) => {
                self.next = Some(value.clone());
                (At::Landing, Ask::Land(value))
            }
            Presented::Ended if !self.is_doubtful => (At::Ending, Ask::End),
            // The token may have been presented before us: that it is refused now proves nothing.
            Presented::Ended => over(Outcome::Unrefreshable),
            Presented::NoAnswer { was_sent } => (At::GivingBack, Ask::GiveBack { was_sent }),
        }
    }

    fn done(&mut self, outcome: impl FnOnce(V) -> Outcome<V>) -> (At, Ask<V>) {
        over(self.next.take().map_or(Outcome::Postponed, outcome))
    }
}

fn over<V>(outcome: Outcome<V>) -> (At, Ask<V>) {
    (At::Over, Ask::Done(outcome))
}

#[cfg(test)]
mod tests;
