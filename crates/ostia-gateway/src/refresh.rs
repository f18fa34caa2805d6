//! Tokens are refreshed before they end, once per session on all nodes together, and nobody waits who need not.

mod ledger;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use ostia_config::Secret;
use ostia_oidc::relying_party::flights::{Landed, RefreshKey};
use ostia_oidc::relying_party::refresh::RefreshRequest;
use ostia_session::{
    Ask, Came, Current, Grant, Holder, Outcome, ProviderAnswer, RefreshFlight, Session, Token,
};
use ostia_telemetry::metrics::NONE;

pub use self::ledger::Refreshes;

use self::ledger::Ledger;
use crate::gateway::Gateway;
use crate::happened::Happened;
use crate::proxy::Front;
use crate::snapshot::{RunningProvider, Snapshot};

/// A little more than one call to the provider may take.
const BEYOND_TIMEOUT: Duration = Duration::from_millis(500);
/// How long the right to refresh a session is held without being renewed.
const LEASE: Duration = Duration::from_secs(10);
/// How often it is renewed while the provider is asked.
const RENEW: Duration = Duration::from_secs(3);
/// Looks at a session that another node refreshes, 125 ms apart on average.
const LOOKS: u32 = 40;
/// The pause after a failure that may pass, on all nodes.
const PAUSE: Duration = Duration::from_secs(5);

/// What became of a session whose tokens end soon.
pub enum Refreshed {
    /// It goes on as it is: the refresh is under way, or failed in a way that passes.
    Not,
    /// It goes on as this.
    Now(Arc<Session>),
    /// The provider says that it is over.
    Ended,
}

/// What a flight brings home; shared by everybody who holds the old cookie.
#[derive(Clone)]
pub enum Landing {
    /// The next generation.
    Renewed(Arc<Session>),
    /// The session is over.
    Ended,
    /// Not now.
    Postponed,
}

/// Starts the refresh of a session, or joins the one under way, or takes the result of the one that has landed. While
/// the access token lives nobody waits; after that everybody waits for the same call.
pub async fn refresh(
    front: &Front,
    snapshot: &Arc<Snapshot>,
    running: &Arc<RunningProvider>,
    session: &Session,
    now: SystemTime,
) -> Refreshed {
    let Some(token) = session.refresh_token.as_ref().map(Token::text) else { return Refreshed::Not };
    let key = key(session, &token);
    let deadline = match session.access_has_expired(now) {
        true => wait_for(running),
        false => Duration::ZERO,
    };
    let start = || {
        let (gateway, snapshot) = (Arc::clone(&front.gateway), Arc::clone(snapshot));
        let (running, session) = (Arc::clone(running), session.clone());
        async move { Attempt { gateway, snapshot, running, session }.fly().await }
    };
    match front.gateway.refreshes().flights().join(key, deadline, start).await {
        Ok(Landing::Renewed(next)) => Refreshed::Now(next),
        Ok(Landing::Ended) => Refreshed::Ended,
        Ok(Landing::Postponed) | Err(_) => Refreshed::Not,
    }
}

/// The generation after this one, where it was refreshed a moment ago or is being refreshed: on this node, or on one that
/// shares a store. Nothing is started.
pub(crate) async fn latest(
    gateway: &Gateway,
    snapshot: &Snapshot,
    session: &Session,
) -> Option<Arc<Session>> {
    let running = snapshot.providers.get(&*session.identity.provider)?;
    let token = session.refresh_token.as_ref().map(Token::text)?;
    let landing = gateway.refreshes().flights().landing(key(session, &token), wait_for(running)).await;
    if let Some(Landing::Renewed(next)) = landing {
        return Some(next);
    }
    let stored = snapshot.store.as_ref()?.store.current(session.id).await;
    let Ok(Current::Session(value)) = stored else { return None };
    let next = snapshot.sessions.open_from_store(session.id, &value)?;
    (next.generation > session.generation).then(|| Arc::new(next))
}

fn key(session: &Session, token: &Secret<String>) -> RefreshKey {
    RefreshKey::new(*session.id.as_bytes(), u64::from(session.generation), token.reveal())
}

/// How long somebody waits who has to.
fn wait_for(running: &RunningProvider) -> Duration {
    running.section.timeout + BEYOND_TIMEOUT
}

/// One attempt of this node to refresh one session.
struct Attempt {
    gateway: Arc<Gateway>,
    snapshot: Arc<Snapshot>,
    running: Arc<RunningProvider>,
    session: Session,
}

impl Attempt {
    /// Does what the machine asks for until it has a result.
    async fn fly(self) -> Landed<Landing> {
        // Without randomness nobody could tell two holders apart.
        let Ok(holder) = ostia_session::random_bytes().map(Holder::from_be_bytes) else {
            return Landed::for_now(Landing::Postponed);
        };
        let ledger = Ledger::new(&self.gateway, &self.snapshot, &self.session, holder);
        let why = OnceLock::new();
        let mut was_asked = false;
        let (mut flight, mut ask) = RefreshFlight::begin(LOOKS);
        loop {
            let came = match ask {
                Ask::Take => ledger.take(LEASE).await,
                Ask::Wait => {
                    tokio::time::sleep(look_after(holder)).await;
                    Came::Waited
                }
                Ask::Spend => ledger.spend().await,
                Ask::Present => {
                    was_asked = true;
                    Came::Presented(self.present(&ledger, &why).await)
                }
                Ask::Land(next) => ledger.land(next).await,
                Ask::GiveBack { was_sent } => ledger.give_back(was_sent, PAUSE).await,
                Ask::End => ledger.end().await,
                Ask::Done(outcome) => {
                    self.tell(&outcome, was_asked, why.get().or(ledger.failed()).copied());
                    return landed(outcome);
                }
            };
            ask = flight.next(came);
        }
    }

    /// Counts what came of it. The audit log hears of it where the provider was asked, or what it was told ends the
    /// matter: not of every request that finds that it is too early to ask again.
    fn tell(&self, outcome: &Outcome<Arc<Session>>, was_asked: bool, why: Option<&'static str>) {
        let name = &self.running.section.name;
        let renewed = if was_asked { "renewed" } else { "shared" };
        let (word, result) = match outcome {
            Outcome::Renewed(_) => (renewed, Ok(renewed)),
            Outcome::RenewedLast(_) => ("renewed_last", Ok("renewed_last")),
            Outcome::Ended => ("ended", Err(why.unwrap_or("ended_elsewhere"))),
            Outcome::Postponed => ("postponed", Err(why.unwrap_or("not_now"))),
            Outcome::Unrefreshable => ("unrefreshable", Err(why.unwrap_or("token_spent_unseen"))),
        };
        if *outcome == Outcome::Unrefreshable {
            tracing::info!(provider = %name, "a session goes on without being refreshed: its refresh token may have been spent unseen");
        }
        self.gateway.metrics().session_refreshed(name, word, result.err().unwrap_or(NONE));
        if was_asked || matches!(outcome, Outcome::Ended | Outcome::Unrefreshable) {
            Happened::refresh(&self.session, result).by_itself(&self.gateway);
        }
    }

    /// Asks the provider, and keeps the lease meanwhile.
    async fn present(
        &self,
        ledger: &Ledger<'_>,
        why: &OnceLock<&'static str>,
    ) -> ProviderAnswer<Arc<Session>> {
        let mut call = Box::pin(self.ask_provider(why));
        loop {
            tokio::select! {
                answer = &mut call => return answer,
                () = tokio::time::sleep(RENEW) => ledger.renew(LEASE).await,
            }
        }
    }

    async fn ask_provider(&self, why: &OnceLock<&'static str>) -> ProviderAnswer<Arc<Session>> {
        let session = &self.session;
        let Some(token) = session.refresh_token.as_ref().map(Token::text) else {
            return ProviderAnswer::NoAnswer { was_sent: false };
        };
        let request = RefreshRequest {
            refresh_token: &token,
            subject: &session.identity.subject,
            auth_time: session.auth_time,
            claims: &session.identity.claims,
            proof_key: session.proof_key.as_ref(),
        };
        let now = SystemTime::now();
        let name = &self.running.section.name;
        match self.running.provider.refresh(request, now).await {
            Ok(fresh) => {
                let passes_token = self.snapshot.config.identity.pass_access_token;
                let grant = Grant {
                    access_token: passes_token.then(|| Token::new(fresh.access_token.reveal())),
                    access_expires_at: fresh.access_expires_at,
                    refresh_token: Some(Token::new(fresh.refresh_token.reveal())),
                    id_token: fresh.id_token.as_ref().map(|token| Token::new(token.reveal())),
                    proof_key: None,
                };
                ProviderAnswer::Next(Arc::new(session.refreshed(fresh.claims, fresh.scopes, grant, now)))
            }
            Err(refused) if refused.is_end() => {
                let _ = why.set(refused.slug());
                tracing::info!(provider = %name, reason = refused.slug(), "a refresh token was refused by its provider");
                ProviderAnswer::Ended
            }
            Err(refused) => {
                let _ = why.set(refused.slug());
                tracing::warn!(provider = %name, reason = refused.slug(), "a session could not be refreshed; it goes on");
                ProviderAnswer::NoAnswer { was_sent: refused.may_have_spent_the_token() }
            }
        }
    }
}

/// What everybody who holds the old cookie gets.
fn landed(outcome: Outcome<Arc<Session>>) -> Landed<Landing> {
    match outcome {
        Outcome::Renewed(next) => Landed::finally(Landing::Renewed(next)),
        Outcome::RenewedLast(next) => {
            let next = Session { refresh_token: None, ..(*next).clone() };
            Landed::finally(Landing::Renewed(Arc::new(next)))
        }
        Outcome::Ended => Landed::finally(Landing::Ended),
        Outcome::Postponed => Landed::for_now(Landing::Postponed),
        Outcome::Unrefreshable => Landed::finally(Landing::Postponed),
    }
}

/// 50 to 200 ms, different for each who waits, so that they do not all look at once.
fn look_after(holder: Holder) -> Duration {
    let spread = u64::try_from(holder % 150).unwrap_or(75);
    Duration::from_millis(50 + spread)
}
