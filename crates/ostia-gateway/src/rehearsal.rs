//! What would become of a request: the verbs of the command line ask the request path itself.
//!
//! A request is written into a connection that goes nowhere and handed to [`crate::admit`], as Pingora would hand it
//! over; nothing of the decision is done a second time here. An identity that is only assumed is put where the path looks
//! for callers that it has recognised before.

mod connection;
mod token;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};
use ostia_config::log::LogTarget;
use ostia_config::{Config, Name};
use ostia_identity::{Claims, Identity, Proof};
use ostia_policy::{Explanation, Facts};
use pingora_proxy::Session as Downstream;
use serde_json::{Map, Value};

use crate::compile::CompileRefused;
use crate::exchange::{Exchange, Progress};
use crate::gateway::Gateway;
use crate::proxy::Front;
use crate::recognised::Recognised;
use crate::stage::{forward, select};
use crate::{admit, key_file};
pub use token::{TokenCheck, TokenVerdict};

/// How long an assumed identity counts.
const ASSUMED_FOR: Duration = Duration::from_secs(3600);
/// Stands for the credential of an assumed identity.
const STAND_IN: &str = "assumed";

/// A gateway that serves nobody.
pub struct Rehearsal {
    gateway: Arc<Gateway>,
}

/// A request to try.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The method.
    pub method: String,
    /// `https` or `http`: which listener it comes to.
    pub is_https: bool,
    /// The host, with a port if there is one.
    pub authority: String,
    /// Path and query.
    pub target: String,
    /// Further fields.
    pub fields: Vec<(String, String)>,
    /// The client's address.
    pub source: IpAddr,
    /// The time.
    pub at: SystemTime,
}

/// Who makes the request.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Nobody who is known.
    Nobody,
    /// Whoever this bearer token says.
    Token(String),
    /// Somebody who is assumed to have signed in, or to have brought a good token.
    Assumed(Assumed),
}

/// An assumed identity.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// The provider; `None`: the first of the route's.
    pub provider: Option<String>,
    /// `sub`.
    pub subject: String,
    /// Granted scopes.
    pub scopes: Vec<String>,
    /// Whether a bearer token proves it, or a session; `None`: what the route takes, a session before a token.
    pub by_token: Option<bool>,
    /// Its claims.
    pub claims: Map<String, Value>,
}

/// What would become of a request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether it would be sent to a server.
    pub is_forwarded: bool,
    /// The status that Ostia itself would answer with.
    pub status: Option<u16>,
    /// Why, in a word.
    pub reason: String,
    /// The route.
    pub route: Option<String>,
    /// How the route was found, in words; several lines.
    pub routing: String,
    /// The policy that decided.
    pub policy: Option<String>,
    /// The policies of the route with every condition.
    pub explanation: Option<Explanation>,
    /// The upstream that would get it.
    pub upstream: Option<String>,
    /// The server that would be picked.
    pub server: Option<String>,
    /// Whether the same caller comes to this server again: by a hash, not by turn.
    pub is_hashed: bool,
    /// The fields that the server would get.
    pub fields: Vec<(String, String)>,
}

/// Why there is no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalRefused {
    /// The configuration cannot be built.
    #[error(transparent)]
    Compile(#[from] CompileRefused),
    /// The request cannot be written down.
    #[error("the request cannot be read: {0}")]
    Request(String),
    /// No listener takes it.
    #[error("there is no listener for `{0}`")]
    Listener(&'static str),
    /// The route does not exist, so nobody can be assumed there.
    #[error("`as` names no provider, and the route has none")]
    Provider,
}

impl Rehearsal {
    /// Builds everything that `config` means, writes no log and starts nothing. Whatever has to be written goes into
    /// `scratch`: a verb that somebody else runs must leave nothing in the state folder of the service.
    ///
    /// # Errors
    /// What cannot be built.
    pub fn new(mut config: Config, scratch: &Path) -> Result<Self, RehearsalRefused> {
        let keys = scratch.join("session.keys");
        key_file::make_if_absent(&keys).map_err(CompileRefused::from)?;
        config.sessions.keys_file = Some(keys);
        scratch.clone_into(&mut config.runtime.state_dir);
        config.logs.access = LogTarget::None;
        config.logs.audit = LogTarget::None;
        Ok(Self { gateway: Gateway::new(config, 1, crate::extension::Extensions::default())? })
    }

    /// Tries a request.
    ///
    /// # Errors
    /// What is wrong with the request itself.
    pub async fn run(&self, trial: &Trial, caller: &Caller) -> Result<Outcome, RehearsalRefused> {
        let front = Front { gateway: Arc::clone(&self.gateway), listener: self.listener(trial)? };
        let mut exchange = Exchange::new(self.gateway.snapshot());
        exchange.now = trial.at;
        let credential = self.credential(&exchange, trial, caller)?;
        let head = connection::head(trial, credential.as_ref())?;
        let mut downstream = connection::open(head, trial).await?;
        let admitted = admit::admit(&front, &mut downstream, &mut exchange).await;
        let mut outcome = self.told(&exchange, trial);
        match admitted {
            Err(answer) => {
                outcome.status = Some(answer.status().as_u16());
                answer.reason().clone_into(&mut outcome.reason);
            }
            Ok(authorized) => {
                outcome.is_forwarded = true;
                outcome.is_hashed = authorized.bond().is_hashed();
                exchange.progress = Progress::Authorized(Box::new(authorized));
                send(&mut downstream, &mut exchange, &mut outcome).await;
            }
        }
        Ok(outcome)
    }

    fn listener(&self, trial: &Trial) -> Result<Name, RehearsalRefused> {
        let snapshot = self.gateway.snapshot();
        let listeners = &snapshot.config.listeners;
        let of_scheme = listeners.iter().find(|listener| listener.tls.is_some() == trial.is_https);
        // Behind a terminator of TLS, https comes to a plain listener.
        let any = || listeners.iter().find(|listener| !listener.redirect_to_https);
        let scheme = if trial.is_https { "https" } else { "http" };
        let found = of_scheme.or_else(any).ok_or(RehearsalRefused::Listener(scheme))?;
        Ok(found.name.clone())
    }

    /// What a caller brings: a field of the request. An assumed one is made known to the path first.
    fn credential(
        &self,
        exchange: &Exchange,
        trial: &Trial,
        caller: &Caller,
    ) -> Result<Option<(&'static str, String)>, RehearsalRefused> {
        let snapshot = &exchange.snapshot;
        let assumed = match caller {
            Caller::Nobody => return Ok(None),
            Caller::Token(token) => return Ok(Some(("authorization", format!("Bearer {token}")))),
            Caller::Assumed(assumed) => assumed,
        };
        let host = connection::host_of(&trial.authority);
        let path = trial.target.split('?').next().unwrap_or_default();
        let method = http::Method::from_bytes(trial.method.as_bytes())
            .map_err(|error| RehearsalRefused::Request(error.to_string()))?;
        let found = snapshot.table.explain(&host, path, &method);
        let route = found.outcome().ok().and_then(|index| snapshot.route(index));
        // Without a route nobody is looked for.
        let Some(route) = route.filter(|route| !route.is_open()) else { return Ok(None) };
        let named = assumed.provider.clone();
        let first = || route.providers.first().map(|running| running.section.name.to_string());
        let provider = named.or_else(first).ok_or(RehearsalRefused::Provider)?;
        let by_token = assumed.by_token.unwrap_or(!route.credentials.session);
        let identity = self.identity(assumed, &provider, by_token, trial.at);
        let recognised = Arc::new(Recognised {
            fields: snapshot.projection.of(&identity, None),
            identity: Arc::new(identity),
            session_id: None,
            signed_in_at: None,
            ties: None,
            key: None,
            bound: None,
            valid_until: trial.at + ASSUMED_FOR,
        });
        if by_token {
            let key = snapshot.recognised.token_key(&route.token_judges, STAND_IN);
            snapshot.recognised.put(key, &recognised);
            return Ok(Some(("authorization", format!("Bearer {STAND_IN}"))));
        }
        let name = snapshot.config.sessions.cookie_name.clone();
        let parts = [name.as_bytes(), STAND_IN.as_bytes()];
        let key = snapshot.recognised.session_key(&host, &route.session_slots, parts);
        snapshot.recognised.put(key, &recognised);
        Ok(Some(("cookie", format!("{name}={STAND_IN}"))))
    }

    fn identity(&self, assumed: &Assumed, provider: &str, by_token: bool, at: SystemTime) -> Identity {
        let snapshot = self.gateway.snapshot();
        let section = snapshot.config.providers.get(&Name::from(provider)).cloned();
        let mut claims = assumed.claims.clone();
        claims.entry("sub").or_insert_with(|| assumed.subject.as_str().into());
        Identity {
            provider: provider.into(),
            issuer: section.map_or_else(|| "unknown".into(), |section| section.issuer.as_str().into()),
            subject: assumed.subject.as_str().into(),
            claims: Claims::new(claims),
            scopes: assumed.scopes.clone(),
            proof: if by_token { Proof::Bearer } else { Proof::Session },
            expires_at: at + ASSUMED_FOR,
        }
    }

    /// What the path left behind.
    fn told(&self, exchange: &Exchange, trial: &Trial) -> Outcome {
        let host = connection::host_of(&trial.authority);
        let path = trial.target.split('?').next().unwrap_or_default();
        let method = http::Method::from_bytes(trial.method.as_bytes()).unwrap_or_default();
        let routing = exchange.snapshot.table.explain(&host, path, &method).to_string();
        let said = &exchange.outcome;
        let identity = said.caller.as_ref().map(|caller| &*caller.identity);
        let facts = Facts::new(trial.source, trial.at, &trial.method, &host, path);
        let explanation = said.route.as_ref().filter(|_| said.decision.is_some());
        Outcome {
            is_forwarded: false,
            status: None,
            reason: said.decision.map_or_else(String::new, |decision| decision.reason.to_owned()),
            route: said.route.as_ref().map(|route| route.name.to_string()),
            routing,
            policy: String::from_utf8(said.policy.to_vec()).ok().filter(|policy| !policy.is_empty()),
            explanation: explanation.map(|route| route.gate.explain(identity, &facts)),
            upstream: said
                .upstream()
                .filter(|_| said.decision.is_some_and(|told| told.allowed))
                .map(Name::to_string),
            server: None,
            is_hashed: false,
            fields: Vec::new(),
        }
    }
}

/// Picks a server and dresses the request for it.
async fn send(downstream: &mut Downstream, exchange: &mut Exchange, outcome: &mut Outcome) {
    let mut request = downstream.req_header().clone();
    let selected = select::select(downstream, exchange).await;
    match selected.and_then(|_| forward::forward(&mut request, exchange)) {
        Ok(()) => {
            outcome.server = exchange.outcome.server.as_ref().map(ToString::to_string);
            outcome.fields = shown(&request.headers);
        }
        Err(error) => {
            outcome.status = Some(503);
            outcome.reason = error.to_string();
        }
    }
}

/// Fields as text, in the order of their names; what is a credential is only named.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut fields = BTreeMap::new();
    for (name, value) in headers {
        let secret = value.is_sensitive()
            || [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION].contains(name);
        let text =
            if secret { "<set>".to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() };
        fields.entry(name.as_str().to_owned()).or_insert_with(Vec::new).push(text);
    }
    fields
        .into_iter()
        .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
        .collect()
}
