//! What an operator asks about sessions, and what they end: by the issuer's session, by subject, by provider, all. Access
//! tokens that were issued until then end with the sessions.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::SystemTime;

use ostia_session::Ended;

use crate::gateway::Gateway;
use crate::happened::Happened;
use crate::snapshot::RunningProvider;

/// Which sessions are to end. `sid` and `subject` mean the provider's; without a provider, those of every provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The provider's name in the configuration.
    #[serde(default)]
    pub provider: Option<String>,
    /// `sid`: what goes back to this session at the issuer.
    #[serde(default)]
    pub sid: Option<String>,
    /// `sub`: everything of this person or machine.
    #[serde(default)]
    pub subject: Option<String>,
    /// Everybody; the only way to name nothing else.
    #[serde(default)]
    pub all: bool,
}

/// What was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Revoked {
    /// Open answers that ended with their sessions.
    pub streams_ended: usize,
    /// Whether other nodes are told.
    pub shared: bool,
}

/// Why nothing was ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevokeRefused {
    /// Nobody is named, or more than one way.
    #[error("name one of `sid`, `subject`, `provider` and `all`")]
    NotOne,
    /// The configuration has no provider of that name.
    #[error("there is no provider `{0}`")]
    NoProvider(String),
}

impl RevokeRefused {
    /// The reason as a word.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NotOne => "not_one",
            Self::NoProvider(_) => "no_provider",
        }
    }
}

/// What a node knows of sessions. It keeps no list of them: they are in their browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SessionCounts {
    /// Answers that are open: WebSockets, event streams, gRPC calls.
    pub open_streams: usize,
    /// Endings that are remembered: sign-outs, revocations, used logout tokens.
    pub endings: usize,
    /// Refreshes in flight, and landed a moment ago.
    pub refreshes: usize,
    /// `up` or `down`; `none` where nodes share nothing.
    pub store: &'static str,
}

impl Gateway {
    /// What this node knows of sessions.
    #[must_use]
    pub fn session_counts(&self) -> SessionCounts {
        let store = match &self.snapshot().store {
            None => "none",
            Some(running) if running.store.is_reachable() => "up",
            Some(_) => "down",
        };
        SessionCounts {
            open_streams: self.endings().streams().len(),
            endings: self.endings().len(),
            refreshes: self.refreshes().flights().len(),
            store,
        }
    }

    /// Ends sessions and tokens, here and on the nodes that share a store. Whoever is signed out may sign in again, and
    /// tokens that are issued later count.
    ///
    /// # Errors
    /// [`RevokeRefused`]; nothing was ended then.
    pub fn revoke_sessions(&self, revocation: &Revocation) -> Result<Revoked, RevokeRefused> {
        let snapshot = self.snapshot();
        let Revocation { provider, sid, subject, all } = revocation;
        let ways = [sid.is_some(), subject.is_some(), *all].into_iter().filter(|way| *way).count();
        if ways > 1 || (ways == 0 && provider.is_none()) || (*all && provider.is_some()) {
            return Err(RevokeRefused::NotOne);
        }
        let named = |running: &&Arc<RunningProvider>| {
            provider.as_ref().is_none_or(|name| *running.section.name == **name)
        };
        let meant: Vec<_> = snapshot.providers.values().filter(named).collect();
        if let (true, Some(name)) = (meant.is_empty(), provider) {
            return Err(RevokeRefused::NoProvider(name.clone()));
        }
        let (lifetimes, now) = (snapshot.sessions.lifetimes(), SystemTime::now());
        let end = |ended| self.endings().end_all_of(ended, lifetimes, now);
        let mut streams_ended = 0;
        if *all {
            streams_ended += end(Ended::Everybody);
            Happened::revocation("all", None, None).by_itself(self);
        }
        for running in meant.iter().filter(|_| !*all) {
            let issuer = running.section.issuer.as_str();
            let by = match (sid, subject) {
                (Some(_), _) => "sid",
                (None, Some(_)) => "subject",
                (None, None) => "provider",
            };
            Happened::revocation(by, Some(&running.section.name), subject.as_deref()).by_itself(self);
            streams_ended += end(match (sid, subject) {
                (Some(session), _) => Ended::IssuerSession { issuer, session },
                (None, Some(subject)) => Ended::Subject { issuer, subject },
                (None, None) => Ended::Issuer(issuer),
            });
        }
        tracing::info!(
            provider = provider.as_deref(),
            by_sid = sid.is_some(),
            by_subject = subject.is_some(),
            all,
            streams_ended,
            "the operator ended sessions"
        );
        Ok(Revoked { streams_ended, shared: snapshot.store.is_some() })
    }
}
