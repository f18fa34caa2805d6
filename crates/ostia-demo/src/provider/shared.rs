//! What all endpoints of one provider share.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value, json};

use super::journal::Journal;
use super::keys::Keys;
use super::ledger::Ledger;
use super::running::AccessToken;
use super::settings::{Client, Lifetimes, Person, Settings};
use crate::browser::Trust;
use crate::jwt::Kind;

/// The provider behind its endpoints. No lock is held over an `await`.
pub(super) struct Shared {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) people: Vec<Person>,
    pub(super) trust: Trust,
    pub(super) keys: RwLock<Keys>,
    pub(super) lifetimes: Mutex<Lifetimes>,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) journal: Journal,
    clients: RwLock<Vec<Client>>,
}

impl Shared {
    pub(super) fn new(settings: Settings, issuer: String, trust: Trust) -> Self {
        Self {
            issuer,
            audience: settings.audience,
            people: settings.people,
            trust,
            keys: RwLock::new(Keys::generate()),
            lifetimes: Mutex::new(settings.lifetimes),
            ledger: Mutex::default(),
            journal: Journal::default(),
            clients: RwLock::new(settings.clients),
        }
    }

    pub(super) fn register(&self, client: Client) {
        let mut clients = self.clients.write();
        clients.retain(|known| known.client_id != client.client_id);
        clients.push(client);
    }

    pub(super) fn client(&self, client_id: &str) -> Option<Client> {
        self.clients.read().iter().find(|client| client.client_id == client_id).cloned()
    }

    pub(super) fn person(&self, username: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.username == username)
    }

    /// The address of an endpoint.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    /// The path of an endpoint, for links and forms on the provider's own pages.
    pub(super) fn path(&self, path: &str) -> String {
        let url = self.url(path);
        let after_scheme = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/").to_owned()
    }

    /// Whether cookies carry `Secure`.
    pub(super) fn is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// RFC 9068 section 2.2.
    pub(super) fn sign_access_token(&self, token: &AccessToken, jti: &str, now: SystemTime) -> String {
        let claims = json!({
            "sub": token.subject,
            "client_id": token.client_id,
            "aud": token.audience,
            "scope": token.scope,
            "jti": jti,
        });
        let claims = merge(self.dated(claims, token.lifetime, now), &token.claims);
        self.keys.read().sign(Kind::Access, &claims)
    }

    /// OpenID Connect Core section 2.
    pub(super) fn sign_id_token(&self, claims: Value, now: SystemTime) -> String {
        let lifetime = self.lifetimes.lock().id_token;
        let claims = self.dated(claims, lifetime, now);
        self.keys.read().sign(Kind::Id, &claims)
    }

    /// `claims` with `iss`, `iat` and `exp`.
    pub(super) fn dated(&self, claims: Value, lifetime: Duration, now: SystemTime) -> Value {
        let mut dated = Map::from_iter([
            ("iss".to_owned(), json!(self.issuer)),
            ("iat".to_owned(), json!(seconds(now))),
            ("exp".to_owned(), json!(seconds(now + lifetime))),
        ]);
        if let Value::Object(claims) = claims {
            dated.extend(claims);
        }
        Value::Object(dated)
    }
}

/// A NumericDate (RFC 7519 section 2).
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn merge(claims: Value, changes: &Map<String, Value>) -> Value {
    let Value::Object(mut claims) = claims else { return claims };
    for (name, value) in changes {
        if value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.clone(), value.clone());
        }
    }
    Value::Object(claims)
}
