//! The handle of a provider that runs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use super::back_channel::{self, Delivery};
use super::journal::{self, Call, Fault};
use super::settings::{Client, Lifetimes, Settings};
use super::shared::Shared;
use super::{authorize, console, end_session, metadata, revoke, token, userinfo};
use crate::browser::Trust;
use crate::random;

/// A provider that serves until it is stopped or dropped.
pub struct RunningProvider {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// An access token to be made outside of any flow (RFC 9068), see [`RunningProvider::mint_access_token`].
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// `sub`.
    pub subject: String,
    /// `client_id`.
    pub client_id: String,
    /// `aud`.
    pub audience: String,
    /// `scope`, separated by spaces.
    pub scope: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
    /// Added last: they replace the claims above, and a `null` removes one.
    pub claims: Map<String, Value>,
}

pub(super) async fn start(settings: Settings) -> io::Result<RunningProvider> {
    if !settings.bind.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the demo provider binds loopback addresses only",
        ));
    }
    let listener = TcpListener::bind(settings.bind).await?;
    let address = listener.local_addr()?;
    let issuer = settings.issuer.clone().unwrap_or_else(|| format!("http://{address}"));
    let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidInput, problem);
    let url = Url::parse(&issuer).map_err(|problem| invalid(format!("issuer: {problem}")))?;
    let trust = match &settings.trusted_certificate {
        Some(pem) => Trust::certificate(pem).map_err(|problem| invalid(problem.to_string()))?,
        None => Trust::none(),
    };
    let shared = Arc::new(Shared::new(settings, issuer, trust));
    let (stop, stopped) = watch::channel(false);
    let app = router(&shared, url.path());
    let task = tokio::spawn(async move {
        let mut stopped = stopped;
        let end = async move {
            let _closed = stopped.wait_for(|stop| *stop).await;
        };
        let _ended = axum::serve(listener, app).with_graceful_shutdown(end).await;
    });
    Ok(RunningProvider { shared, address, stop, task })
}

fn router(shared: &Arc<Shared>, path: &str) -> Router {
    let routes = Router::new()
        .route("/", get(console::show))
        .route("/rotate-key", post(console::rotate_key))
        .route(metadata::DISCOVERY, get(metadata::discovery))
        .route("/jwks", get(metadata::jwks))
        .route("/authorize", get(authorize::by_query).post(authorize::by_form))
        .route("/sign-in", post(authorize::sign_in))
        .route("/token", post(token::token))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .route("/revoke", post(revoke::revoke))
        .route("/end-session", get(end_session::by_query).post(end_session::by_form))
        .route("/sign-out", post(end_session::confirmed));
    let path = path.trim_end_matches('/');
    let routes = if path.is_empty() { routes } else { Router::new().nest(path, routes) };
    routes
        .layer(middleware::from_fn_with_state(Arc::clone(shared), journal::keep))
        .with_state(Arc::clone(shared))
}

impl RunningProvider {
    /// The issuer, as in every token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Audience of access tokens when the client asks for no other.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.shared.audience
    }

    /// Registers one more client, or replaces the one with the same `client_id`.
    pub fn register(&self, client: Client) {
        self.shared.register(client);
    }

    /// Changes how long things live that are given out from now on.
    pub fn set_lifetimes(&self, lifetimes: Lifetimes) {
        *self.shared.lifetimes.lock() = lifetimes;
    }

    /// How long things live that are given out now.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        *self.shared.lifetimes.lock()
    }

    /// Makes a new key, which signs from now on; the old ones stay in the key set. The new `kid`.
    pub fn rotate_key(&self) -> String {
        self.shared.keys.write().rotate()
    }

    /// Takes every key but the signing one out of the key set.
    pub fn forget_old_keys(&self) {
        self.shared.keys.write().forget_old();
    }

    /// Lets the provider fail, or heals it with [`Fault::None`].
    pub fn set_fault(&self, fault: Fault) {
        self.shared.journal.set_fault(fault);
    }

    /// How many calls of an endpoint were answered: `discovery`, `jwks`, `authorize`, `sign-in`, `token`, `userinfo`,
    /// `revoke`, `end-session`, `sign-out`, `console`, and `back-channel` for logout tokens that were posted.
    #[must_use]
    pub fn calls(&self, endpoint: &str) -> usize {
        self.shared.journal.count(|call| call.endpoint == endpoint)
    }

    /// How many token requests of a kind were answered, `refresh_token` for example.
    #[must_use]
    pub fn token_calls(&self, grant_type: &str) -> usize {
        self.shared.journal.count(|call| call.grant_type.as_deref() == Some(grant_type))
    }

    /// Every call, oldest first; the last 10,000 are kept.
    #[must_use]
    pub fn journal(&self) -> Vec<Call> {
        self.shared.journal.all()
    }

    /// How often a code or a refresh token came a second time. Above 0 a client is broken, or somebody stole.
    #[must_use]
    pub fn replays(&self) -> usize {
        self.shared.ledger.lock().replays()
    }

    /// An access token for a machine, as the token endpoint gives them.
    #[must_use]
    pub fn access_token(&self, client_id: &str, scope: &str) -> AccessToken {
        AccessToken {
            subject: client_id.to_owned(),
            client_id: client_id.to_owned(),
            audience: self.shared.audience.clone(),
            scope: scope.to_owned(),
            lifetime: self.lifetimes().access_token,
            claims: Map::new(),
        }
    }

    /// Signs an access token.
    #[must_use]
    pub fn mint_access_token(&self, token: &AccessToken) -> String {
        let jti = random::text::<16>();
        let now = SystemTime::now();
        self.shared.sign_access_token(token, &jti, now)
    }

    /// Signs an ID token for a person at a client, outside of any flow: to show that it is refused as a bearer token.
    #[must_use]
    pub fn mint_id_token(&self, client_id: &str, subject: &str) -> String {
        let claims = json!({ "sub": subject, "aud": client_id, "sid": random::text::<16>() });
        self.shared.sign_id_token(claims, SystemTime::now())
    }

    /// Ends every sign-on of a person, and posts a logout token to each client concerned that wants one
    /// (OpenID Connect Back-Channel Logout 1.0). What each client answered.
    pub async fn sign_out(&self, username: &str) -> Vec<Delivery> {
        let ended = self.shared.ledger.lock().sign_off_everywhere(username);
        back_channel::notify(&self.shared, &ended).await
    }

    /// Stops: no new connections, open requests end within a second.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ended = tokio::time::timeout(Duration::from_secs(1), &mut self.task).await;
    }
}

impl Drop for RunningProvider {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.task.abort();
    }
}

impl std::fmt::Debug for RunningProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningProvider").field("issuer", &self.issuer()).finish_non_exhaustive()
    }
}
