//! A provider that speaks as one of eight known ones does: its recorded metadata, the shape of its tokens, its rules
//! for refreshing, its way of signing out.
//!
//! The metadata are those of the real provider with every `https://HOST/…` replaced by `http://127.0.0.1:PORT/HOST/…`.
//! What the real one refuses is refused here, so that a preset that says too much or too little is seen.

mod dialect;
mod directory;
mod logout;
mod tokens;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::ports::free_port;
use crate::rsa_signer::RsaSigner;
use crate::secrets;
use crate::signer::random_text;

pub use self::dialect::Dialect;

/// Client id and secret of the only relying party.
const CLIENT: (&str, &str) = ("0oa-ostia", "the-secret-of-the-client-at-the-dialect");

/// Parameters of a request, decoded.
type Parameters = HashMap<String, String>;

/// Who signs in, and how the provider is doing; a test changes it while it runs.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The groups of the person.
    pub groups: Vec<String>,
    /// Lifetime of access tokens.
    pub access_token_seconds: u64,
    /// The tenant of the person, at Entra.
    pub tenant: String,
    /// The domain of the person's organisation, at Google; empty for a private account.
    pub organisation: String,
    /// Whether the metadata advertise an end-session endpoint, where the provider has it by choice.
    pub advertises_logout: bool,
    /// What the directory answers with instead of groups.
    pub directory_status: Option<u16>,
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
struct Grant {
    scope: String,
    nonce: Option<String>,
    auth_time: u64,
}

#[derive(Debug)]
struct Inner {
    dialect: Dialect,
    port: u16,
    scene: Mutex<Scene>,
    id_key: RsaSigner,
    access_key: RsaSigner,
    service_account: RsaSigner,
    calls: Mutex<Vec<(&'static str, Parameters)>>,
    codes: Mutex<HashMap<String, (Parameters, Grant)>>,
    refresh_tokens: Mutex<HashMap<String, Grant>>,
    access_tokens: Mutex<HashMap<String, Grant>>,
}

/// A running provider; stopped when dropped.
#[derive(Debug)]
pub struct DialectProvider {
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl DialectProvider {
    /// Starts one on a free loopback port.
    ///
    /// # Panics
    /// When the port is taken meanwhile.
    pub async fn start(dialect: Dialect) -> Self {
        let port = free_port();
        let scene = Scene {
            groups: vec!["staff".to_owned()],
            access_token_seconds: 3600,
            tenant: "11111111-2222-3333-4444-555555555555".to_owned(),
            organisation: "example.com".to_owned(),
            advertises_logout: false,
            directory_status: None,
        };
        let inner = Arc::new(Inner {
            dialect,
            port,
            scene: Mutex::new(scene),
            id_key: RsaSigner::new("id-1"),
            access_key: RsaSigner::new("access-1"),
            service_account: RsaSigner::new("service-account-1"),
            calls: Mutex::default(),
            codes: Mutex::default(),
            refresh_tokens: Mutex::default(),
            access_tokens: Mutex::default(),
        });
        secrets::keep(CLIENT.1);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, serving }
    }

    /// Whose dialect it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// The issuer as an operator writes it.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.inner.here(self.inner.dialect.issuer())
    }

    /// Id and secret of the client it knows.
    #[must_use]
    pub fn client(&self) -> (&'static str, &'static str) {
        CLIENT
    }

    /// The address of an interface of the real provider, here.
    #[must_use]
    pub fn address_of(&self, real: &str) -> String {
        self.inner.here(real)
    }

    /// Changes the scene from the next call on.
    ///
    /// # Panics
    /// When another change panicked.
    pub fn set(&self, change: impl FnOnce(&mut Scene)) {
        change(&mut self.inner.scene.lock().unwrap());
    }

    /// Parameters of each call so far to `authorize`, `token`, `userinfo`, `logout`, `revoke` or `directory`.
    ///
    /// # Panics
    /// When a handler panicked.
    #[must_use]
    pub fn calls(&self, to: &str) -> Vec<Parameters> {
        let calls = self.inner.calls.lock().unwrap();
        calls.iter().filter(|(called, _)| *called == to).map(|(_, parameters)| parameters.clone()).collect()
    }

    /// Calls of the token endpoint with this grant.
    #[must_use]
    pub fn token_calls(&self, grant: &str) -> usize {
        self.calls("token")
            .iter()
            .filter(|call| call.get("grant_type").is_some_and(|one| one == grant))
            .count()
    }

    /// An access token for an API, as the provider makes it: without type, without audience, of a tenant.
    ///
    /// # Panics
    /// For the dialects whose access tokens only the provider can read.
    #[must_use]
    pub fn api_token(&self) -> String {
        let scene = self.inner.scene.lock().unwrap().clone();
        let token = self.inner.api_token(&scene).expect("the provider's access tokens are JWTs");
        secrets::keep(&token);
        token
    }

    /// An ID token, which opens no API.
    ///
    /// # Panics
    /// When another change panicked.
    #[must_use]
    pub fn id_token(&self) -> String {
        let scene = self.inner.scene.lock().unwrap().clone();
        let token = self.inner.id_token(&scene);
        secrets::keep(&token);
        token
    }

    /// The key file of a service account that may ask for groups, as Google hands it out.
    #[must_use]
    pub fn service_account_file(&self) -> String {
        let pem = self.inner.service_account.private_pem();
        pem.lines().filter(|line| !line.starts_with('-')).for_each(secrets::keep);
        json!({
            "type": "service_account",
            "project_id": "example",
            "private_key_id": "service-account-1",
            "private_key": pem,
            "client_email": "ostia@example.iam.gserviceaccount.com",
            "token_uri": self.inner.here("https://oauth2.googleapis.com/token"),
        })
        .to_string()
    }
}

impl Drop for DialectProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let text = if body.is_empty() { parts.uri.query().unwrap_or_default().as_bytes() } else { &body };
    let parameters: Parameters = url::form_urlencoded::parse(text).into_owned().collect();
    let Some(endpoint) = inner.endpoint(parts.uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    inner.calls.lock().unwrap().push((endpoint, parameters.clone()));
    let scene = inner.scene.lock().unwrap().clone();
    match endpoint {
        "metadata" => Json(inner.metadata()).into_response(),
        "keys" => Json(json!({ "keys": [inner.id_key.jwk(), inner.access_key.jwk()] })).into_response(),
        "authorize" => inner.authorize(parameters),
        "token" if inner.is_of_service_account(&parameters) => inner.service_token(&parameters),
        "token" => inner.token(&scene, &parts.headers, &parameters),
        "userinfo" => inner.userinfo(&scene, &parts.headers),
        "logout" => inner.logout(&parameters),
        "revoke" => {
            inner.refresh_tokens.lock().unwrap().remove(parameters.get("token").map_or("", String::as_str));
            StatusCode::OK.into_response()
        }
        _ => inner.directory(&scene, &parts.headers, &parameters),
    }
}

impl Inner {
    /// An address of the real provider as it is here.
    fn here(&self, real: &str) -> String {
        real.replace("https://", &format!("http://127.0.0.1:{}/", self.port))
    }

    fn metadata(&self) -> Value {
        let mut document: Value = serde_json::from_str(&self.here(self.dialect.metadata())).unwrap();
        if self.scene.lock().unwrap().advertises_logout {
            document["end_session_endpoint"] = self.here(self.dialect.logout()).into();
        }
        document
    }

    /// What is at a path.
    fn endpoint(&self, path: &str) -> Option<&'static str> {
        let is = |real: &str| real.strip_prefix("https:/").is_some_and(|real| real == path);
        if is(&format!("{}/.well-known/openid-configuration", self.dialect.issuer().trim_end_matches('/'))) {
            return Some("metadata");
        }
        if is(self.dialect.logout()) {
            return Some("logout");
        }
        if directory::PATHS.iter().any(|real| is(real)) {
            return Some("directory");
        }
        let document: Value = serde_json::from_str(self.dialect.metadata()).unwrap();
        let members = [
            ("jwks_uri", "keys"),
            ("authorization_endpoint", "authorize"),
            ("token_endpoint", "token"),
            ("userinfo_endpoint", "userinfo"),
            ("revocation_endpoint", "revoke"),
        ];
        let found = members.iter().find(|(member, _)| document[member].as_str().is_some_and(is));
        found.map(|(_, name)| *name)
    }

    fn authorize(&self, request: Parameters) -> Response {
        let says = |name: &str, value: &str| request.get(name).is_some_and(|given| given == value);
        let long = |name: &str| request.get(name).is_some_and(|given| given.len() >= 22);
        let sound = says("response_type", "code")
            && says("client_id", CLIENT.0)
            && says("code_challenge_method", "S256")
            && ["state", "nonce", "code_challenge"].into_iter().all(long);
        let (true, Some(redirect_uri)) = (sound, request.get("redirect_uri")) else {
            return (StatusCode::BAD_REQUEST, format!("not a sound request: {request:?}")).into_response();
        };
        let mut target = url::Url::parse(redirect_uri).unwrap();
        let mut answer = target.query_pairs_mut();
        answer.append_pair("state", &request["state"]);
        if self.metadata()["authorization_response_iss_parameter_supported"] == true {
            answer.append_pair("iss", &self.here(self.dialect.issuer()));
        }
        if let Some(scope) = self.dialect.refused_scope(&request["scope"]) {
            answer.append_pair("error", "invalid_scope").append_pair("error_description", scope);
        } else {
            let code = random_text();
            secrets::keep(&code);
            let grant = Grant {
                scope: request["scope"].clone(),
                nonce: request.get("nonce").cloned(),
                auth_time: crate::jar::unix_now(),
            };
            answer.append_pair("code", &code);
            self.codes.lock().unwrap().insert(code, (request.clone(), grant));
        }
        drop(answer);
        Redirect::to(target.as_str()).into_response()
    }

    /// The grant behind the bearer token of a request.
    fn bearer(&self, headers: &HeaderMap) -> Option<Grant> {
        let field = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
        self.access_tokens.lock().unwrap().get(field).cloned()
    }
}

fn is_our_client(headers: &HeaderMap) -> bool {
    let expected = format!("Basic {}", STANDARD.encode(format!("{}:{}", CLIENT.0, CLIENT.1)));
    headers.get("authorization").is_some_and(|field| field == expected.as_str())
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, [("cache-control", "no-store")], Json(json!({ "error": error }))).into_response()
}
