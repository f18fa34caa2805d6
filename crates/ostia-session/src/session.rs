//! A login session: what it holds and when it ends.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::Secret;
use ostia_identity::{Claims, Identity, Proof};

use crate::random::{NoRandomness, random_bytes};
use crate::token::Token;

/// Names a session from its sign-in to its end, through every refresh. Drawn anew at each sign-in and step-up; nothing
/// that was presented before one names the session after it.
///
/// It proves nothing by itself, but it is not shown either: logs get the subject.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub(crate) [u8; 16]);

impl SessionId {
    /// The bytes; a good affinity key, and the key of the table of refreshes in flight.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<session id>")
    }
}

/// Somebody who signed in. Times are kept in whole seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Who it is; what policies and headers read.
    pub identity: Arc<Identity>,
    /// When they signed in here.
    pub created_at: SystemTime,
    /// When the issuer says that they signed in there (`auth_time`, OpenID Connect Core section 2).
    pub auth_time: Option<SystemTime>,
    /// When it ends at the latest.
    pub expires_at: SystemTime,
    /// The last request that was written into the cookie; at most a tenth of the idle timeout behind the truth.
    pub last_seen_at: SystemTime,
    /// The last answer of the token endpoint.
    pub refreshed_at: SystemTime,
    /// When the access token ends (`expires_in`); `None` where the issuer does not say.
    pub access_expires_at: Option<SystemTime>,
    /// How often the tokens were refreshed. Of two cookies of one session the greater generation is the newer.
    pub generation: u32,
    /// The access token, only where a route asks for it.
    pub access_token: Option<Token>,
    /// The refresh token. Spent once.
    pub refresh_token: Option<Token>,
    /// The ID token, a hint at logout. It travels in a cookie of its own and is `None` in a session that was opened.
    pub id_token: Option<Token>,
    /// The private key that the tokens are bound to (RFC 9449), where they are. The same through every refresh.
    pub proof_key: Option<Secret<[u8; 32]>>,
}

/// Somebody who has just signed in, as the relying party verified it.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// `iss`; the issuer of that provider.
    pub issuer: Arc<str>,
    /// `sub`.
    pub subject: Arc<str>,
    /// Verified claims, with `groups` gathered.
    pub claims: Claims,
    /// Granted scopes.
    pub scopes: Vec<String>,
    /// `auth_time`.
    pub auth_time: Option<SystemTime>,
}

/// What the token endpoint gave.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// Kept only where a route asks for it.
    pub access_token: Option<Token>,
    /// When the access token ends.
    pub access_expires_at: Option<SystemTime>,
    /// `None` at a refresh: the old one stays.
    pub refresh_token: Option<Token>,
    /// `None` at a refresh: the old one stays.
    pub id_token: Option<Token>,
    /// What they are bound to. Not read at a refresh: the old one stays.
    pub proof_key: Option<Secret<[u8; 32]>>,
}

/// The lifetimes of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// A session that nobody uses ends after this.
    pub idle: Duration,
    /// Every session ends after this.
    pub absolute: Duration,
    /// Tokens are refreshed this long before the access token ends, but never in the first half of its life.
    pub refresh_before: Duration,
}

impl From<&ostia_config::Sessions> for Lifetimes {
    fn from(config: &ostia_config::Sessions) -> Self {
        Self { idle: config.idle_timeout, absolute: config.lifetime, refresh_before: config.refresh_before }
    }
}

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Serve.
    Live,
    /// Serve, and refresh the tokens meanwhile.
    NeedsRefresh,
    /// Not used for too long.
    IdleEnded,
    /// Its time is over.
    Ended,
}

impl Session {
    /// Begins a session with a new id.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn begin(
        who: SignedIn,
        grant: Grant,
        lifetimes: Lifetimes,
        now: SystemTime,
    ) -> Result<Self, NoRandomness> {
        let now = whole_seconds(now);
        let expires_at = whole_seconds(after(now, lifetimes.absolute));
        let SignedIn { provider, issuer, subject, claims, scopes, auth_time } = who;
        let identity =
            Identity { provider, issuer, subject, claims, scopes, proof: Proof::Session, expires_at };
        Ok(Self {
            id: SessionId(random_bytes()?),
            identity: Arc::new(identity),
            created_at: now,
            auth_time: auth_time.map(whole_seconds),
            expires_at,
            last_seen_at: now,
            refreshed_at: now,
            access_expires_at: grant.access_expires_at.map(whole_seconds),
            generation: 0,
            access_token: grant.access_token,
            refresh_token: grant.refresh_token,
            id_token: grant.id_token,
            proof_key: grant.proof_key,
        })
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Where it is in its life. Lifetimes that a reload made shorter hold for sessions of before, too.
    #[must_use]
    pub fn liveness(&self, lifetimes: Lifetimes, now: SystemTime) -> Liveness {
        if now >= self.ends_at(lifetimes) {
            return Liveness::Ended;
        }
        if now >= after(self.last_seen_at, lifetimes.idle) {
            return Liveness::IdleEnded;
        }
        match self.refresh_at(lifetimes).is_some_and(|at| now >= at) {
            true => Liveness::NeedsRefresh,
            false => Liveness::Live,
        }
    }

    /// The same session, which has just begun, as the latest of its browser, whatever the clocks of nodes say: by
    /// `expires_at`, a second behind that of another. When it does end follows from its beginning
    /// ([`Session::ends_at`]).
    #[must_use]
    pub fn later_than(mut self, other: &Self) -> Self {
        self.expires_at = self.expires_at.max(after(other.expires_at, Duration::from_secs(1)));
        Arc::make_mut(&mut self.identity).expires_at = self.expires_at;
        self
    }

    /// When it ends at the latest.
    #[must_use]
    pub fn ends_at(&self, lifetimes: Lifetimes) -> SystemTime {
        self.expires_at.min(after(self.created_at, lifetimes.absolute))
    }

    /// Whether the access token has ended: a route that forwards it has to wait for the refresh.
    #[must_use]
    pub fn access_has_expired(&self, now: SystemTime) -> bool {
        self.access_expires_at.is_some_and(|at| now >= at)
    }

    /// Whether enough time has passed since the cookie was written that it should be written anew, and the session can
    /// gain by it.
    #[must_use]
    pub fn is_worth_sealing_again(&self, lifetimes: Lifetimes, now: SystemTime) -> bool {
        let idle_end = after(self.last_seen_at, lifetimes.idle);
        idle_end < self.ends_at(lifetimes) && now >= self.reseal_at(lifetimes)
    }

    /// From when its last use is old enough to be written anew: a tenth of the idle timeout.
    #[must_use]
    pub fn reseal_at(&self, lifetimes: Lifetimes) -> SystemTime {
        after(self.last_seen_at, lifetimes.idle / 10)
    }

    /// The same session, seen now.
    #[must_use]
    pub fn seen(mut self, now: SystemTime) -> Self {
        self.last_seen_at = self.last_seen_at.max(whole_seconds(now));
        self
    }

    /// The same session after a refresh: the next generation. Claims and scopes of before stay where the answer has
    /// none; so do the refresh token and the ID token.
    #[must_use]
    pub fn refreshed(
        &self,
        claims: Option<Claims>,
        scopes: Option<Vec<String>>,
        grant: Grant,
        now: SystemTime,
    ) -> Self {
        let mut next = self.clone();
        if claims.is_some() || scopes.is_some() {
            let identity = Arc::make_mut(&mut next.identity);
            identity.claims = claims.unwrap_or_else(|| std::mem::take(&mut identity.claims));
            identity.scopes = scopes.unwrap_or_else(|| std::mem::take(&mut identity.scopes));
        }
        next.refreshed_at = whole_seconds(now);
        next.access_expires_at = grant.access_expires_at.map(whole_seconds);
        next.access_token = grant.access_token;
        next.refresh_token = grant.refresh_token.or(next.refresh_token);
        next.id_token = grant.id_token.or(next.id_token);
        next.generation = next.generation.saturating_add(1);
        next.seen(now)
    }

    /// From when its tokens are refreshed; `None` where they cannot be, or nobody says when they end. An access token
    /// that lives shorter than `refresh_before` would be refreshed on every request: half its life is the least
    /// distance.
    #[must_use]
    pub fn refresh_at(&self, lifetimes: Lifetimes) -> Option<SystemTime> {
        let ends_at = self.access_expires_at.filter(|_| self.refresh_token.is_some())?;
        let life = ends_at.duration_since(self.refreshed_at).unwrap_or_default();
        ends_at.checked_sub(lifetimes.refresh_before.min(life / 2))
    }
}

/// `time + span`; a sum that no clock can show never comes.
pub(crate) fn after(time: SystemTime, span: Duration) -> SystemTime {
    let never = || SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 1000);
    time.checked_add(span).unwrap_or_else(never)
}

/// Cuts off what a cookie does not keep.
pub(crate) fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests;
