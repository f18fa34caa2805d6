//! Tokens are refreshed before they end, once per session, and nobody waits who need not.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_oidc::Provider;
use ostia_oidc::relying_party::flights::{Landed, RefreshKey};
use ostia_oidc::relying_party::refresh::{RefreshRefused, RefreshRequest};
use ostia_session::{Grant, Session, Token};
use ostia_telemetry::Metrics;

use crate::proxy::Front;
use crate::snapshot::RunningProvider;

/// A little more than one call to the provider may take.
const BEYOND_TIMEOUT: Duration = Duration::from_millis(500);

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
    running: &RunningProvider,
    session: &Session,
    now: SystemTime,
) -> Refreshed {
    let Some(token) = session.refresh_token.as_ref().map(Token::text) else { return Refreshed::Not };
    let key = RefreshKey::new(*session.id.as_bytes(), u64::from(session.generation), token.reveal());
    let deadline = match session.access_has_expired(now) {
        true => running.section.timeout + BEYOND_TIMEOUT,
        false => Duration::ZERO,
    };
    let start = || {
        let (provider, metrics) = (Arc::clone(&running.provider), front.gateway.shared_metrics());
        let (name, session) = (running.section.name.clone(), session.clone());
        async move { fly(&provider, &metrics, &name, session).await }
    };
    match front.gateway.refreshes().join(key, deadline, start).await {
        Ok(Landing::Renewed(next)) => Refreshed::Now(next),
        Ok(Landing::Ended) => Refreshed::Ended,
        Ok(Landing::Postponed) | Err(_) => Refreshed::Not,
    }
}

async fn fly(provider: &Arc<Provider>, metrics: &Metrics, name: &str, session: Session) -> Landed<Landing> {
    let Some(token) = session.refresh_token.as_ref().map(Token::text) else {
        return Landed::for_now(Landing::Postponed);
    };
    let request = RefreshRequest {
        refresh_token: &token,
        subject: &session.identity.subject,
        auth_time: session.auth_time,
    };
    let now = SystemTime::now();
    match provider.refresh(request, now).await {
        Ok(fresh) => {
            metrics.session_refreshed(name, "renewed");
            let grant = Grant {
                access_token: None,
                access_expires_at: fresh.access_expires_at,
                refresh_token: Some(Token::new(fresh.refresh_token.reveal())),
                id_token: fresh.id_token.as_ref().map(|token| Token::new(token.reveal())),
            };
            let next = session.refreshed(fresh.claims, fresh.scopes, grant, now);
            Landed::finally(Landing::Renewed(Arc::new(next)))
        }
        Err(refused) => told(metrics, name, &refused),
    }
}

fn told(metrics: &Metrics, name: &str, refused: &RefreshRefused) -> Landed<Landing> {
    if refused.is_end() {
        metrics.session_refreshed(name, "ended");
        tracing::info!(provider = name, reason = refused.slug(), "a session was ended by its provider");
        return Landed::finally(Landing::Ended);
    }
    metrics.session_refreshed(name, "postponed");
    tracing::warn!(provider = name, reason = refused.slug(), "a session could not be refreshed; it goes on");
    Landed::for_now(Landing::Postponed)
}
