//! An OpenID provider that signs in whom the test names, without asking, and misbehaves on request.
//!
//! It is strict about what it receives (PKCE S256, client authentication, single use of codes and refresh tokens), so
//! a mistake of the relying party is seen here; and it records every call, so "exactly one" can be asserted.

mod signing;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::signing::IdTokenSigning;

use crate::jar::unix_now;
use crate::ports::free_port;
use crate::secrets;
use crate::signer::{Signer, pkce_challenge, random_text, signing_input};

/// Client id and secret of the only relying party.
const CLIENT: (&str, &str) = ("ostia", "the-secret-of-the-client-0123456789");

/// Client id and secret of the resource server that may ask about tokens.
const RESOURCE_SERVER: (&str, &str) = ("ostia-rs", "the-secret-of-the-resource-server-01234");

/// Parameters of a request, decoded.
type Parameters = HashMap<String, String>;

/// How it behaves; a test changes it while it runs.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Claims of whoever signs in next; `sub` among them.
    pub person: Value,
    /// Lifetime of access tokens.
    pub access_token_seconds: u64,
    /// Members put over the claims of ID tokens; null removes one.
    pub id_token: Map<String, Value>,
    /// How ID tokens are signed.
    pub signing: IdTokenSigning,
    /// Keys that stand in the key set before its own.
    pub other_keys: Vec<Value>,
    /// Members put over what the UserInfo endpoint says of whoever signed in: `sub` alone.
    pub userinfo: Map<String, Value>,
    /// `iss` of the authorization response, when it shall not be the issuer.
    pub response_issuer: Option<String>,
    /// An error instead of a code.
    pub authorization_error: Option<String>,
    /// The `state` with which browsers come back from the end-session endpoint, when it shall not be the one that was
    /// sent; empty: none.
    pub logout_state: Option<String>,
    /// How long the token endpoint thinks.
    pub token_delay: Duration,
    /// The secret that the token endpoint accepts.
    pub client_secret: String,
    /// The `error` that the token endpoint answers with.
    pub token_error: Option<String>,
    /// What the introspection endpoint answers about each opaque token; of every other it says that it is not active.
    pub opaque: HashMap<String, Value>,
    /// What every endpoint does instead of its work.
    pub outage: Option<Outage>,
}

/// A provider in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Answers with this status.
    Status(u16),
    /// Never answers.
    Silent,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            person: json!({ "sub": "ana", "email": "ana@example.com", "email_verified": true, "groups": ["staff", "finance"] }),
            access_token_seconds: 600,
            id_token: Map::new(),
            signing: IdTokenSigning::default(),
            other_keys: Vec::new(),
            userinfo: Map::new(),
            response_issuer: None,
            authorization_error: None,
            logout_state: None,
            token_delay: Duration::ZERO,
            client_secret: CLIENT.1.to_owned(),
            token_error: None,
            opaque: HashMap::new(),
            outage: None,
        }
    }
}

#[derive(Debug)]
struct Inner {
    issuer: String,
    behaviour: Mutex<Behaviour>,
    signer: Mutex<Arc<Signer>>,
    keys_made: Mutex<u32>,
    calls: Mutex<Vec<(String, Parameters)>>,
    /// What each code stands for: the authorization request and the claims of the person.
    codes: Mutex<HashMap<String, (Parameters, Value)>>,
    /// Claims of the person behind each refresh token that was not used yet.
    refresh_tokens: Mutex<HashMap<String, Value>>,
}

/// A running provider; stopped when dropped.
#[derive(Debug)]
pub struct FaultProvider {
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl FaultProvider {
    /// Starts one on a free loopback port.
    pub async fn start() -> Self {
        let port = free_port();
        let inner = Arc::new(Inner {
            issuer: format!("http://127.0.0.1:{port}"),
            behaviour: Mutex::default(),
            signer: Mutex::new(Arc::new(Signer::new("key-1"))),
            keys_made: Mutex::new(1),
            calls: Mutex::default(),
            codes: Mutex::default(),
            refresh_tokens: Mutex::default(),
        });
        secrets::keep(CLIENT.1);
        secrets::keep(RESOURCE_SERVER.1);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, serving }
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// The id of the client it knows.
    #[must_use]
    pub fn client_id(&self) -> &'static str {
        CLIENT.0
    }

    /// The secret of the client it knows.
    #[must_use]
    pub fn client_secret(&self) -> &'static str {
        CLIENT.1
    }

    /// Id and secret of the resource server that may ask about tokens.
    #[must_use]
    pub fn resource_server(&self) -> (&'static str, &'static str) {
        RESOURCE_SERVER
    }

    /// Changes how it behaves from the next call on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.inner.behaviour.lock().unwrap());
    }

    /// Signs in this person from now on.
    pub fn expect_person(&self, claims: Value) {
        self.behave(|behaviour| behaviour.person = claims);
    }

    /// Parameters of each call to an endpoint so far (`/authorize`, `/token`, `/jwks`, …), oldest first.
    #[must_use]
    pub fn calls(&self, path: &str) -> Vec<Parameters> {
        let calls = self.inner.calls.lock().unwrap();
        calls.iter().filter(|(called, _)| called == path).map(|(_, parameters)| parameters.clone()).collect()
    }

    /// Calls of the token endpoint with this grant.
    #[must_use]
    pub fn token_calls(&self, grant: &str) -> usize {
        self.calls("/token")
            .iter()
            .filter(|call| call.get("grant_type").is_some_and(|given| given == grant))
            .count()
    }

    /// Replaces the signing key; the old one is gone from the key set.
    pub fn rotate_keys(&self) {
        let mut made = self.inner.keys_made.lock().unwrap();
        *made += 1;
        *self.inner.signer.lock().unwrap() = Arc::new(Signer::new(&format!("key-{made}")));
    }

    /// The key that signs now.
    #[must_use]
    pub fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.inner.signer.lock().unwrap())
    }

    /// An access token (RFC 9068) for `subject` with `edit` put over its claims; null removes one.
    #[must_use]
    pub fn access_token(&self, subject: &str, edit: Value) -> String {
        self.signed("at+jwt", &self.access_claims(subject, edit))
    }

    /// A token with this `typ` and these claims, signed by the current key.
    #[must_use]
    pub fn signed(&self, typ: &str, claims: &Value) -> String {
        let signer = self.signer();
        kept(signer.sign(&signer.header(typ), claims))
    }

    /// A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4) with `edit` put over its claims; null
    /// removes one.
    #[must_use]
    pub fn logout_token(&self, edit: Value) -> String {
        self.signed("logout+jwt", &self.logout_claims(edit))
    }

    /// The claims that [`FaultProvider::logout_token`] would sign; they name nobody.
    #[must_use]
    pub fn logout_claims(&self, edit: Value) -> Value {
        let now = unix_now();
        let mut claims = json!({
            "iss": self.issuer(), "aud": CLIENT.0, "iat": now, "exp": now + 120, "jti": random_text(),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        put_over(&mut claims, edit.as_object().unwrap());
        claims
    }

    /// A token that says `alg: none` and has no signature.
    #[must_use]
    pub fn unsigned(&self, claims: &Value) -> String {
        kept(format!("{}.", signing_input(&json!({ "alg": "none", "typ": "at+jwt" }), claims)))
    }

    /// The claims that [`FaultProvider::access_token`] would sign.
    #[must_use]
    pub fn access_claims(&self, subject: &str, edit: Value) -> Value {
        let now = unix_now();
        let mut claims = json!({
            "iss": self.issuer(), "aud": "https://api.example.com", "sub": subject, "client_id": subject,
            "iat": now, "exp": now + 600, "jti": random_text(), "scope": "orders.read", "groups": ["staff"],
        });
        put_over(&mut claims, edit.as_object().unwrap());
        claims
    }
}

impl Drop for FaultProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let text = if body.is_empty() { parts.uri.query().unwrap_or_default().as_bytes() } else { &body };
    let parameters: Parameters = url::form_urlencoded::parse(text).into_owned().collect();
    let path = parts.uri.path().to_owned();
    inner.calls.lock().unwrap().push((path.clone(), parameters.clone()));
    let behaviour = inner.behaviour.lock().unwrap().clone();
    match behaviour.outage {
        Some(Outage::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Outage::Silent) => std::future::pending().await,
        None => {}
    }
    match path.as_str() {
        "/.well-known/openid-configuration" => Json(inner.discovery()).into_response(),
        "/jwks" => {
            let own = inner.signer.lock().unwrap().jwk();
            let keys = behaviour.other_keys.into_iter().chain([own]).chain(behaviour.signing.jwk());
            Json(json!({ "keys": keys.collect::<Vec<_>>() })).into_response()
        }
        "/userinfo" => userinfo(&behaviour, parts.headers.get("authorization")),
        "/authorize" => inner.authorize(&behaviour, parameters),
        "/token" => {
            tokio::time::sleep(behaviour.token_delay).await;
            let authorization = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
            inner.token(&behaviour, authorization, &parameters)
        }
        "/introspect" => {
            let authorization = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
            introspect(&behaviour, authorization, &parameters)
        }
        "/revoke" => {
            let token = parameters.get("token").cloned().unwrap_or_default();
            inner.refresh_tokens.lock().unwrap().remove(&token);
            StatusCode::OK.into_response()
        }
        "/end_session" => match parameters.get("post_logout_redirect_uri") {
            Some(uri) => {
                let sent = parameters.get("state").cloned();
                let state = behaviour.logout_state.or(sent).filter(|state| !state.is_empty());
                let mut target = url::Url::parse(uri).unwrap();
                target.query_pairs_mut().extend_pairs(state.iter().map(|state| ("state", state)));
                if target.query() == Some("") {
                    target.set_query(None);
                }
                Redirect::to(target.as_str()).into_response()
            }
            None => "signed out".into_response(),
        },
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Inner {
    fn discovery(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "end_session_endpoint": format!("{issuer}/end_session"),
            "introspection_endpoint": format!("{issuer}/introspect"),
            "revocation_endpoint": format!("{issuer}/revoke"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": true,
            "scopes_supported": ["openid", "profile", "email", "groups", "offline_access"],
        })
    }

    fn authorize(&self, behaviour: &Behaviour, request: Parameters) -> Response {
        let says = |name: &str, value: &str| request.get(name).is_some_and(|given| given == value);
        let long = |name: &str| request.get(name).is_some_and(|given| given.len() >= 22);
        let sound = says("response_type", "code")
            && says("client_id", CLIENT.0)
            && says("code_challenge_method", "S256")
            && request.get("scope").is_some_and(|scope| scope.split(' ').any(|s| s == "openid"))
            && ["state", "nonce", "code_challenge"].into_iter().all(long);
        let (true, Some(redirect_uri)) = (sound, request.get("redirect_uri")) else {
            return (StatusCode::BAD_REQUEST, format!("not a sound request: {request:?}")).into_response();
        };
        let mut target = url::Url::parse(redirect_uri).unwrap();
        let by_form = says("response_mode", "form_post");
        let mut query = target.query_pairs_mut();
        query.append_pair("state", &request["state"]);
        query.append_pair("iss", behaviour.response_issuer.as_ref().unwrap_or(&self.issuer));
        match &behaviour.authorization_error {
            Some(error) => query.append_pair("error", error),
            None => {
                let code = kept(random_text());
                query.append_pair("code", &code);
                let mut person = behaviour.person.clone();
                // The time of this login, which a refresh must not change (OpenID Connect Core section 12.2).
                person["auth_time"] = unix_now().into();
                self.codes.lock().unwrap().insert(code, (request.clone(), person));
                &mut query
            }
        };
        drop(query);
        if by_form { posting(target) } else { Redirect::to(target.as_str()).into_response() }
    }

    fn token(&self, behaviour: &Behaviour, authorization: Option<&str>, call: &Parameters) -> Response {
        let expected =
            format!("Basic {}", STANDARD.encode(format!("{}:{}", CLIENT.0, behaviour.client_secret)));
        if authorization != Some(expected.as_str()) {
            return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        if let Some(error) = &behaviour.token_error {
            return refuse(StatusCode::BAD_REQUEST, error);
        }
        let given = |name: &str| call.get(name).map_or("", String::as_str);
        let granted = match given("grant_type") {
            "authorization_code" => self.redeem(given("code"), given("code_verifier"), given("redirect_uri")),
            "refresh_token" => {
                self.refresh_tokens.lock().unwrap().remove(given("refresh_token")).map(|p| (p, None))
            }
            _ => return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        };
        match granted {
            Some((person, nonce)) => self.tokens(behaviour, person, nonce),
            None => refuse(StatusCode::BAD_REQUEST, "invalid_grant"),
        }
    }

    /// The person behind a code and the nonce of its request. A code works once, right or wrong.
    fn redeem(&self, code: &str, verifier: &str, redirect_uri: &str) -> Option<(Value, Option<String>)> {
        let (request, person) = self.codes.lock().unwrap().remove(code)?;
        let sound =
            request["code_challenge"] == pkce_challenge(verifier) && request["redirect_uri"] == redirect_uri;
        sound.then(|| (person, Some(request["nonce"].clone())))
    }

    fn tokens(&self, behaviour: &Behaviour, person: Value, nonce: Option<String>) -> Response {
        let signer = Arc::clone(&self.signer.lock().unwrap());
        let now = unix_now();
        let times = json!({ "iss": self.issuer, "iat": now });
        let mut id_claims = json!({ "aud": CLIENT.0, "exp": now + 300 });
        let mut access_claims = json!({
            "aud": "https://api.example.com", "exp": now + behaviour.access_token_seconds,
            "client_id": CLIENT.0, "jti": random_text(), "scope": "orders.read",
        });
        for claims in [&mut id_claims, &mut access_claims] {
            put_over(claims, times.as_object().unwrap());
            put_over(claims, person.as_object().unwrap());
        }
        if let Some(nonce) = nonce {
            id_claims["nonce"] = nonce.into();
        }
        put_over(&mut id_claims, &behaviour.id_token);
        let refresh_token = kept(random_text());
        self.refresh_tokens.lock().unwrap().insert(refresh_token.clone(), person);
        let answer = json!({
            "token_type": "Bearer",
            "access_token": kept(signer.sign(&signer.header("at+jwt"), &access_claims)),
            "expires_in": behaviour.access_token_seconds,
            "id_token": kept(behaviour.signing.sign(&signer, &id_claims)),
            "refresh_token": refresh_token,
            "scope": "openid profile email groups offline_access",
        });
        ([("cache-control", "no-store")], Json(answer)).into_response()
    }
}

/// A page that posts what the query of `target` says (OAuth 2.0 Form Post Response Mode).
fn posting(mut target: url::Url) -> Response {
    let inputs: String = target
        .query_pairs()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"))
        .collect();
    target.set_query(None);
    Html(format!("<form method=\"post\" action=\"{target}\">{inputs}</form>")).into_response()
}

/// Section 5.3 of OpenID Connect Core, for whoever brings a bearer token.
fn userinfo(behaviour: &Behaviour, authorization: Option<&HeaderValue>) -> Response {
    if !authorization.is_some_and(|value| value.as_bytes().starts_with(b"Bearer ey")) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_token");
    }
    let mut claims = json!({ "sub": behaviour.person["sub"] });
    put_over(&mut claims, &behaviour.userinfo);
    Json(claims).into_response()
}

fn introspect(behaviour: &Behaviour, authorization: Option<&str>, call: &Parameters) -> Response {
    let expected =
        format!("Basic {}", STANDARD.encode(format!("{}:{}", RESOURCE_SERVER.0, RESOURCE_SERVER.1)));
    if authorization != Some(expected.as_str()) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let known = call.get("token").and_then(|token| behaviour.opaque.get(token));
    Json(known.cloned().unwrap_or_else(|| json!({ "active": false }))).into_response()
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, [("cache-control", "no-store")], Json(json!({ "error": error }))).into_response()
}

fn put_over(claims: &mut Value, edit: &Map<String, Value>) {
    let claims = claims.as_object_mut().unwrap();
    for (name, value) in edit {
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
}

fn kept(secret: String) -> String {
    secrets::keep(&secret);
    secret
}
