//! The certified OpenID provider `oidc-provider`, as a child process.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::npm;
use crate::process::Process;
use crate::signer::Signer;
use crate::{ports, raw, secrets};

/// Start of node with everything loaded, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(30);
const SECRET: &str = "the-secret-of-the-client-at-node-012345";
const ROBOT_SECRET: &str = "the-secret-of-the-robot-at-node-0123456";
const ASKING_SECRET: &str = "the-secret-of-the-asking-at-node-012345";
/// The resource for which the tokens are opaque.
const OPAQUE: &str = "https://opaque.example.com";

/// How the relying party is registered there.
#[derive(Clone, Debug)]
pub struct Registration {
    /// `redirect_uris`.
    pub redirect_uris: Vec<String>,
    /// `post_logout_redirect_uris`.
    pub post_logout_redirect_uris: Vec<String>,
    /// Lifetime of access tokens.
    pub access_token_seconds: u64,
}

/// A running provider with the people `ana` (staff, finance), `bo` (staff) and anybody else (no group), and a machine
/// account `robot`.
#[derive(Debug)]
pub struct NodeProvider {
    process: Process,
    issuer: String,
    port: u16,
}

impl NodeProvider {
    /// Starts it on a free loopback port and waits until it serves.
    pub async fn start(registration: &Registration) -> Self {
        Self::start_with(registration, json!({}), json!({})).await
    }

    /// The same with `client` put over the metadata of the client `ostia` (null removes a member), and `options` of the
    /// provider: `requirePushed`, `dpopNonce`, and `tls` with `key`, `cert` and `ca` as PEM.
    pub async fn start_with(registration: &Registration, client: Value, options: Value) -> Self {
        let port = ports::free_port();
        secrets::keep(SECRET);
        secrets::keep(ROBOT_SECRET);
        secrets::keep(ASKING_SECRET);
        let mut ours = json!({
            "client_id": "ostia", "client_secret": SECRET, "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": registration.redirect_uris,
            "post_logout_redirect_uris": registration.post_logout_redirect_uris,
        });
        for (name, value) in client.as_object().unwrap() {
            match value {
                Value::Null => ours.as_object_mut().unwrap().remove(name),
                value => ours.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        let options = json!({
            "port": port,
            "options": options,
            "accessTokenSeconds": registration.access_token_seconds,
            "audience": "https://api.example.com",
            "opaque": OPAQUE,
            "clients": [
                ours,
                { "client_id": "robot", "client_secret": ROBOT_SECRET, "grant_types": ["client_credentials"],
                  "redirect_uris": [], "response_types": [] },
                { "client_id": "robot-by-key", "client_secret": ROBOT_SECRET, "grant_types": ["client_credentials"],
                  "redirect_uris": [], "response_types": [], "dpop_bound_access_tokens": true },
                { "client_id": "robot-by-certificate", "client_secret": ROBOT_SECRET,
                  "grant_types": ["client_credentials"], "redirect_uris": [], "response_types": [],
                  "tls_client_certificate_bound_access_tokens": true },
                { "client_id": "ostia-rs", "client_secret": ASKING_SECRET, "grant_types": [],
                  "redirect_uris": [], "response_types": [] },
            ],
        });
        let mut process = Process::spawn(npm::node("provider.mjs").arg(options.to_string()), npm::HINT);
        let issuer = process.first_line("oidc-provider", READY_WITHIN).await;
        Self { process, issuer, port }
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The secret of the client `ostia`.
    #[must_use]
    pub fn client_secret(&self) -> &'static str {
        SECRET
    }

    /// An access token of the machine account, by client credentials.
    pub async fn robot_token(&self) -> String {
        self.token("robot", "", "").await
    }

    /// An opaque access token of the machine account.
    pub async fn opaque_token(&self) -> String {
        self.token("robot", "", &format!("&resource={}", OPAQUE.replace(':', "%3A").replace('/', "%2F")))
            .await
    }

    /// An access token that is bound to this key (RFC 9449).
    pub async fn token_bound_to_key(&self, key: &Signer) -> String {
        let proof = key.proof("POST", &format!("{}/token", self.issuer), None, json!({}));
        self.token("robot-by-key", &format!("DPoP: {proof}\r\n"), "").await
    }

    /// An access token that is bound to this certificate (RFC 8705).
    pub async fn token_bound_to_certificate(&self, der: &[u8]) -> String {
        let field = format!("X-Test-Client-Certificate: {}\r\n", STANDARD.encode(der));
        self.token("robot-by-certificate", &field, "").await
    }

    /// The secret of the client `ostia-rs`, which may ask about tokens.
    #[must_use]
    pub fn asking_secret(&self) -> &'static str {
        ASKING_SECRET
    }

    /// Ends a token of the machine account before its time (RFC 7009).
    pub async fn revoke(&self, token: &str) {
        let answer = self.post("/token/revocation", "robot", "", &format!("token={token}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    async fn post(&self, path: &str, client: &str, fields: &str, body: &str) -> raw::Answer {
        let credentials = STANDARD.encode(format!("{client}:{ROBOT_SECRET}"));
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Basic {credentials}\r\n{fields}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        );
        raw::send(self.port, request).await.unwrap()
    }

    async fn token(&self, client: &str, fields: &str, more: &str) -> String {
        let body = format!("grant_type=client_credentials&scope=orders.read{more}");
        let answer = self.post("/token", client, fields, &body).await.json();
        let token =
            answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned();
        secrets::keep(&token);
        token
    }

    /// Signs with new keys from now on; the old ones are gone from the key set.
    pub async fn rotate_keys(&self) {
        self.control("rotate").await;
    }

    /// Cuts every connection from now on.
    pub async fn go_dark(&self) {
        self.control("dark").await;
    }

    /// Serves again.
    pub async fn come_back(&self) {
        self.control("light").await;
    }

    /// How often each endpoint was called, keyed as `POST /token`.
    pub async fn calls(&self) -> HashMap<String, usize> {
        let calls = self.control("calls").await;
        let mut counted = HashMap::new();
        for call in calls.as_array().unwrap() {
            *counted.entry(call.as_str().unwrap().to_owned()).or_default() += 1;
        }
        counted
    }

    /// What it wrote to standard error.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.process.stderr()
    }

    async fn control(&self, name: &str) -> Value {
        raw::get(self.port, &format!("/__control/{name}")).await.unwrap().json()
    }
}
