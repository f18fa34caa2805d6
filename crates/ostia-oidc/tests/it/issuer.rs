//! A provider that does what a test tells it to, and remembers what it was asked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ostia_config::provider::{Client, ClientAuthMethod};
use ostia_config::{Name, Secret};
use ostia_oidc::Provider;
use ostia_oidc::provider::schedule::Pace;
use ostia_oidc::relying_party::login::{LoginRequest, LoginStart};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::key::{SigningKey, half_hash, s256, unsigned};
use crate::strict::Strict;

pub(crate) const CLIENT_ID: &str = "ostia & co";
pub(crate) const CLIENT_SECRET: &str = "s3cret:+/ %ü";
pub(crate) const REDIRECT_URI: &str = "https://app.example.com/.ostia/callback";
pub(crate) const AUDIENCE: &str = "https://api.example.com";

type Edit = Box<dyn Fn(&mut Value) + Send + Sync>;
type Rotation = Box<dyn Fn(&mut Vec<SigningKey>) + Send + Sync>;

/// An answer in place of the right one.
#[derive(Clone)]
pub(crate) enum Reply {
    Status(u16, &'static str),
    Redirect(String),
    /// This many bytes, with or without their number in front.
    Huge {
        bytes: usize,
        announced: bool,
    },
    /// Nothing, ever.
    Silence,
    /// The right answer, once the gate is open.
    Held(watch::Receiver<bool>),
    /// The answer that was right when it was asked for, once the gate is open.
    Late(watch::Receiver<bool>),
    /// The right answer with a field more.
    Field(&'static str, &'static str),
}

/// How the ID token is signed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Signing {
    #[default]
    Right,
    None,
    /// By a key that is not in the set, under the name of one that is.
    WrongKey,
    NoKid,
}

#[derive(Default)]
pub(crate) struct Knobs {
    pub(crate) metadata: Option<Edit>,
    pub(crate) jwks: Option<Edit>,
    pub(crate) id_token: Option<Edit>,
    pub(crate) token_answer: Option<Edit>,
    pub(crate) userinfo: Option<Edit>,
    pub(crate) introspection: Option<Edit>,
    pub(crate) signing: Signing,
    pub(crate) strict: Strict,
    /// By path.
    pub(crate) replies: HashMap<&'static str, Reply>,
    /// Called when a code or refresh token comes in, before anything is signed.
    pub(crate) before_signing: Option<Rotation>,
}

/// One call that came in.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) form: HashMap<String, String>,
}

struct Grant {
    challenge: String,
    nonce: String,
    redirect_uri: String,
}

pub(crate) struct Shared {
    pub(crate) issuer: String,
    pub(crate) knobs: Mutex<Knobs>,
    /// The last one signs; all are published.
    pub(crate) keys: Mutex<Vec<SigningKey>>,
    pub(crate) calls: Mutex<Vec<Call>>,
    grants: Mutex<HashMap<String, Grant>>,
    /// The refresh token that may be spent next; a spent one ends the family.
    refresh: Mutex<Option<String>>,
    pub(crate) subject: Mutex<String>,
    next: Mutex<u64>,
}

pub(crate) struct Issuer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        Self::start_with(SigningKey::es256("key-1")).await
    }

    pub(crate) async fn start_with(key: SigningKey) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, key).await
    }

    pub(crate) async fn serve(listener: tokio::net::TcpListener, key: SigningKey) -> Self {
        install_tls();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            issuer: format!("http://{address}"),
            knobs: Mutex::default(),
            keys: Mutex::new(vec![key]),
            calls: Mutex::default(),
            grants: Mutex::default(),
            refresh: Mutex::new(None),
            subject: Mutex::new("alice".to_owned()),
            next: Mutex::new(0),
        });
        let app = Router::new().fallback(any(answer)).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { shared, address, server }
    }

    /// Goes dark: connections are refused, and the port stays ours.
    pub(crate) async fn stop(mut self) -> TcpSocket {
        self.server.abort();
        let _ = (&mut self.server).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        socket
    }

    pub(crate) fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.shared.knobs.lock().unwrap()
    }

    pub(crate) fn keys(&self) -> MutexGuard<'_, Vec<SigningKey>> {
        self.shared.keys.lock().unwrap()
    }

    pub(crate) fn reply(&self, path: &'static str, reply: Reply) {
        self.knobs().replies.insert(path, reply);
    }

    /// The calls to a path so far.
    pub(crate) fn calls(&self, path: &str) -> Vec<Call> {
        self.shared.calls.lock().unwrap().iter().filter(|call| call.path == path).cloned().collect()
    }

    pub(crate) fn settings(&self) -> ostia_config::Provider {
        settings(&self.shared.issuer)
    }

    pub(crate) fn provider(&self) -> Arc<Provider> {
        Provider::with_pace(Arc::new(self.settings()), None, patient()).unwrap()
    }

    /// Does what the browser and the person do: returns the query of the callback.
    pub(crate) fn sign_in(&self, start: &LoginStart) -> String {
        let url = url::Url::parse(&start.url).unwrap();
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["client_id"], CLIENT_ID);
        let code = self.shared.fresh("code");
        let grant = Grant {
            challenge: asked["code_challenge"].clone(),
            nonce: asked["nonce"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
        };
        self.shared.grants.lock().unwrap().insert(code.clone(), grant);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("code", &code).append_pair("state", &asked["state"]);
        query.append_pair("iss", &self.shared.issuer);
        query.finish()
    }

    /// A refresh token that was given out some time ago.
    pub(crate) fn seed_refresh(&self, token: &str) {
        *self.shared.refresh.lock().unwrap() = Some(token.to_owned());
    }

    /// An access token by the key that signs now.
    pub(crate) fn access_token(&self, edit: impl Fn(&mut Value)) -> String {
        let keys = self.keys();
        bearer(keys.last().unwrap(), &self.shared.issuer, edit)
    }
}

pub(crate) fn settings(issuer: &str) -> ostia_config::Provider {
    let client = Client {
        client_secret: Some(Secret::new(CLIENT_SECRET.to_owned())),
        auth_method: ClientAuthMethod::Basic,
        scopes: ["openid", "email", "offline_access"].map(str::to_owned).to_vec(),
        ..Client::new(CLIENT_ID)
    };
    ostia_config::Provider {
        client: Some(client),
        audiences: vec![AUDIENCE.to_owned()],
        ..ostia_config::Provider::new(Name::from("corp"), issuer)
    }
}

/// A pace at which a busy machine fails no test: on demand, one fetch for the whole test, which is waited for.
pub(crate) fn patient() -> Pace {
    Pace { patience: Duration::from_secs(30), on_demand: Duration::from_secs(3600), ..Pace::default() }
}

pub(crate) fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap());
}

pub(crate) fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn bearer(key: &SigningKey, issuer: &str, edit: impl Fn(&mut Value)) -> String {
    let now = seconds(SystemTime::now());
    let mut claims = json!({
        "iss": issuer, "sub": "robot", "aud": AUDIENCE, "iat": now, "exp": now + 300, "jti": "1",
        "client_id": "robot", "scope": "orders.read orders.write",
    });
    edit(&mut claims);
    key.sign(&json!({"alg": key.algorithm(), "typ": "at+jwt", "kid": key.kid}), &claims)
}

pub(crate) async fn start_login(provider: &Arc<Provider>) -> LoginStart {
    let request = LoginRequest { redirect_uri: REDIRECT_URI, ..LoginRequest::default() };
    provider.begin_login(request).await.unwrap()
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    shared.calls.lock().unwrap().push(Call {
        path: path.clone(),
        headers: headers.clone(),
        form: form.clone(),
    });
    let reply = shared.knobs.lock().unwrap().replies.get(path.as_str()).cloned();
    let method = if path == "/userinfo" { "GET" } else { "POST" };
    if matches!(path.as_str(), "/token" | "/userinfo" | "/par") && reply.is_none() {
        let address = format!("{}{path}", shared.issuer);
        let refusal = shared.knobs.lock().unwrap().strict.refusal(method, &address, &headers, &form);
        if let Some(refusal) = refusal {
            return refusal;
        }
    }
    match reply {
        None => shared.right_answer(&path, &headers, &form),
        Some(Reply::Status(status, body)) => {
            (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, "application/json")], body)
                .into_response()
        }
        Some(Reply::Redirect(to)) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
        }
        Some(Reply::Huge { bytes, announced: true }) => vec![b' '; bytes].into_response(),
        Some(Reply::Huge { bytes, announced: false }) => {
            let chunk = Bytes::from_static(&[b' '; 1024]);
            let chunks = (0..bytes / 1024).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
            Body::from_stream(futures_util::stream::iter(chunks)).into_response()
        }
        Some(Reply::Silence) => std::future::pending().await,
        Some(Reply::Held(mut gate)) => {
            let _ = gate.wait_for(|open| *open).await;
            shared.right_answer(&path, &headers, &form)
        }
        Some(Reply::Late(mut gate)) => {
            let answer = shared.right_answer(&path, &headers, &form);
            let _ = gate.wait_for(|open| *open).await;
            answer
        }
        Some(Reply::Field(name, value)) => {
            let mut answer = shared.right_answer(&path, &headers, &form);
            answer.headers_mut().insert(name, value.parse().unwrap());
            answer
        }
    }
}

impl Shared {
    fn fresh(&self, what: &str) -> String {
        let mut next = self.next.lock().unwrap();
        *next += 1;
        format!("{what}-{next}")
    }

    fn right_answer(&self, path: &str, headers: &HeaderMap, form: &HashMap<String, String>) -> Response {
        match path {
            "/.well-known/openid-configuration" => self.edited(self.metadata(), |knobs| &knobs.metadata),
            "/jwks" => {
                let keys: Vec<Value> = self.keys.lock().unwrap().iter().map(SigningKey::jwk).collect();
                self.edited(json!({"keys": keys}), |knobs| &knobs.jwks)
            }
            "/token" => self.token(headers, form),
            "/userinfo" => {
                let subject = self.subject.lock().unwrap().clone();
                let claims = json!({"sub": subject, "email": "userinfo@example.com", "department": "finance", "groups": ["from-userinfo"]});
                self.edited(claims, |knobs| &knobs.userinfo)
            }
            "/introspect" => {
                let answer = json!({"active": true, "sub": "robot", "client_id": "robot", "scope": "orders.read orders.write"});
                self.edited(answer, |knobs| &knobs.introspection)
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }

    fn edited(&self, mut value: Value, edit: impl Fn(&Knobs) -> &Option<Edit>) -> Response {
        if let Some(edit) = edit(&self.knobs.lock().unwrap()) {
            edit(&mut value);
        }
        axum::Json(value).into_response()
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer, "authorization_endpoint": at("/auth?tenant=1"), "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"), "userinfo_endpoint": at("/userinfo"), "end_session_endpoint": at("/end"),
            "introspection_endpoint": at("/introspect"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["none", "RS256", "ES256", "Ed25519"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn token(&self, headers: &HeaderMap, form: &HashMap<String, String>) -> Response {
        let refused = |status: u16, error: &str| {
            (StatusCode::from_u16(status).unwrap(), axum::Json(json!({"error": error}))).into_response()
        };
        if !is_our_client(headers, form) {
            return refused(401, "invalid_client");
        }
        let nonce = match form["grant_type"].as_str() {
            "authorization_code" => {
                let Some(grant) = self.grants.lock().unwrap().remove(&form["code"]) else {
                    return refused(400, "invalid_grant");
                };
                let pkce =
                    form.get("code_verifier").is_some_and(|verifier| s256(verifier) == grant.challenge);
                if !pkce || form.get("redirect_uri") != Some(&grant.redirect_uri) {
                    return refused(400, "invalid_grant");
                }
                Some(grant.nonce)
            }
            "refresh_token" => {
                let mut refresh = self.refresh.lock().unwrap();
                if refresh.as_ref() != Some(&form["refresh_token"]) {
                    *refresh = None;
                    return refused(400, "invalid_grant");
                }
                None
            }
            _ => return refused(400, "unsupported_grant_type"),
        };
        self.tokens(nonce)
    }

    fn tokens(&self, nonce: Option<String>) -> Response {
        let knobs = self.knobs.lock().unwrap();
        let mut keys = self.keys.lock().unwrap();
        if let Some(before) = &knobs.before_signing {
            before(&mut keys);
        }
        let key = keys.last().unwrap();
        let access_token = self.fresh("access");
        let refresh_token = self.fresh("refresh");
        *self.refresh.lock().unwrap() = Some(refresh_token.clone());
        let now = seconds(SystemTime::now());
        let mut claims = json!({
            "iss": self.issuer, "sub": *self.subject.lock().unwrap(), "aud": CLIENT_ID, "iat": now, "exp": now + 300,
            "auth_time": now - 10, "at_hash": half_hash(key.algorithm(), &access_token), "email": "alice@example.com", "groups": ["staff"],
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        if let Some(edit) = &knobs.id_token {
            edit(&mut claims);
        }
        let header = json!({"alg": key.algorithm(), "kid": key.kid});
        let id_token = match knobs.signing {
            Signing::Right => key.sign(&header, &claims),
            Signing::None => unsigned(&claims),
            Signing::WrongKey => SigningKey::es256(&key.kid).sign(&header, &claims),
            Signing::NoKid => key.sign(&json!({"alg": key.algorithm()}), &claims),
        };
        let mut answer = json!({
            "access_token": access_token, "token_type": "bearer", "expires_in": 3600, "refresh_token": refresh_token,
            "id_token": id_token, "scope": "openid email",
        });
        if let Some(edit) = &knobs.token_answer {
            edit(&mut answer);
        }
        axum::Json(answer).into_response()
    }
}

/// By `Authorization` with both parts form-encoded (RFC 6749 section 2.3.1), by the form, or public.
fn is_our_client(headers: &HeaderMap, form: &HashMap<String, String>) -> bool {
    let Some(basic) = headers.get(header::AUTHORIZATION) else {
        return form.get("client_id").is_some_and(|id| id == CLIENT_ID)
            && form.get("client_secret").is_none_or(|secret| secret == CLIENT_SECRET);
    };
    let pair = basic.to_str().unwrap().strip_prefix("Basic ").unwrap();
    let pair = String::from_utf8(BASE64_STANDARD.decode(pair).unwrap()).unwrap();
    let decode = |text: &str| url::form_urlencoded::parse(text.as_bytes()).next().unwrap().0.into_owned();
    let (id, secret) = pair.split_once(':').unwrap();
    !form.contains_key("client_secret") && decode(id) == CLIENT_ID && decode(secret) == CLIENT_SECRET
}
