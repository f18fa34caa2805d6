//! A relying party made by hand, so that each of its requests can be wrong.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ostia_demo::browser::{Browser, Incoming, Outgoing, Page, Trust, exchange};
use ostia_demo::provider::{Client, Provider, RunningProvider, Settings};
use serde_json::Value;
use url::{Url, form_urlencoded};

pub(crate) const REDIRECT_URI: &str = "http://localhost:1/.ostia/callback";
pub(crate) const SIGNED_OUT: &str = "http://localhost:1/.ostia/signed-out";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Changes to the parameters of a request: `None` removes one.
pub(crate) type Changes<'a> = &'a [(&'a str, Option<&'a str>)];

pub(crate) struct RelyingParty {
    pub(crate) provider: RunningProvider,
    pub(crate) browser: Browser,
}

impl RelyingParty {
    pub(crate) async fn start() -> Self {
        let app =
            Client::confidential("app", "s e+cret", REDIRECT_URI).with_post_logout_redirect_uri(SIGNED_OUT);
        let public = Client::public("public", REDIRECT_URI);
        let machine = Client::machine("machine", "m", &["orders.read", "orders.write"]);
        let settings = Settings { clients: vec![app, public, machine], ..Settings::default() };
        let provider = Provider::start(settings).await.unwrap();
        Self { provider, browser: Browser::new(Trust::none()) }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.provider.issuer())).unwrap()
    }

    /// The authorization request with some parameters changed.
    pub(crate) fn authorization_url(&self, changes: Changes<'_>) -> Url {
        let usual = [
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid profile email groups offline_access"),
            ("state", "the-state"),
            ("nonce", "the-nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let mut url = self.url("/authorize");
        url.set_query(Some(&encode(&usual, changes)));
        url
    }

    /// Where the provider sends the browser without a question.
    pub(crate) async fn knock(&mut self, changes: Changes<'_>) -> Incoming {
        self.browser.knock(self.authorization_url(changes)).await.unwrap()
    }

    /// The page with the form.
    pub(crate) async fn form_page(&mut self, changes: Changes<'_>) -> Page {
        let page = self.browser.go(self.authorization_url(changes)).await.unwrap();
        assert_eq!(page.answer.status, 200);
        page
    }

    /// Signs in; the parameters that reach the callback. The client's own server does not exist.
    pub(crate) async fn sign_in(&mut self, username: &str, changes: Changes<'_>) -> HashMap<String, String> {
        let page = self.form_page(changes).await;
        let form = page.forms().remove(0).fill("username", username).fill("password", "demo");
        let request = Outgoing::new("POST", form.action.clone()).form(form.encode());
        let answer = self.browser.send(request).await.unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text());
        callback(&answer)
    }

    pub(crate) async fn code(&mut self, changes: Changes<'_>) -> String {
        self.sign_in("ana", changes).await.remove("code").unwrap()
    }

    /// A token request of the client `app` with `client_secret_basic`.
    pub(crate) async fn token(&self, parameters: &[(&str, &str)]) -> Incoming {
        // RFC 6749 section 2.3.1: both halves are form-encoded first.
        self.token_as(&basic("app:s+e%2Bcret"), parameters).await
    }

    pub(crate) async fn token_as(&self, authorization: &str, parameters: &[(&str, &str)]) -> Incoming {
        let mut request = Outgoing::new("POST", self.url("/token")).form(encode(parameters, &[]));
        if !authorization.is_empty() {
            request = request.header("Authorization", authorization);
        }
        exchange(&request, &Trust::none()).await.unwrap()
    }

    pub(crate) async fn redeem(&self, code: &str) -> Incoming {
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.token(&parameters).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Incoming {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub(crate) async fn get(&self, path: &str, fields: &[(&str, &str)]) -> Incoming {
        let request = Outgoing::new("GET", self.url(path));
        let request = fields.iter().fold(request, |request, (name, value)| request.header(name, value));
        exchange(&request, &Trust::none()).await.unwrap()
    }
}

pub(crate) fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

/// The query of a redirect to the client.
pub(crate) fn callback(answer: &Incoming) -> HashMap<String, String> {
    let location =
        answer.header("location").unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()));
    assert!(location.starts_with(&format!("{REDIRECT_URI}?")), "{location}");
    Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

pub(crate) fn base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// Header and claims of a token, unverified.
pub(crate) fn decode(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(base64url);
    let mut json = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (json(), json())
}

fn encode(usual: &[(&str, &str)], changes: Changes<'_>) -> String {
    let changed = |name: &str| changes.iter().any(|(other, _)| *other == name);
    let kept = usual.iter().filter(|(name, _)| !changed(name)).copied();
    let added = changes.iter().filter_map(|&(name, value)| Some((name, value?)));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain(added)).finish()
}
