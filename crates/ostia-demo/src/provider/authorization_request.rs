//! The authorization request: what a client asks for in the name of a person.

use std::time::{Duration, SystemTime};

use super::ledger::{CodeBinding, SignOn};
use super::parameters::Parameters;
use super::settings::Client;
use super::shared::Shared;

/// A request that is complete, from a client that is known, to an address that is registered.
#[derive(Debug)]
pub(super) struct AuthorizationRequest {
    pub(super) client: Client,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) scope: String,
    pub(super) challenge: String,
    pub(super) login_hint: Option<String>,
    prompt: Prompt,
    max_age: Option<Duration>,
}

/// `prompt` (OpenID Connect Core section 3.1.2.1). `consent` and `select_account` ask the same as nothing: consent is
/// given for every registered client, and there is one account a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prompt {
    Default,
    None,
    Login,
}

/// Why there will be no code.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AuthorizationRefused {
    /// Nobody to send back to: the person is told (RFC 6749 section 4.1.2.1).
    Here(String),
    /// The client is told.
    There { redirect_uri: String, state: Option<String>, error: &'static str, description: String },
}

impl AuthorizationRequest {
    /// Reads a request. First who asks and where the answer goes; only then what is wrong may be sent there.
    pub(super) fn read(text: &str, shared: &Shared) -> Result<Self, AuthorizationRefused> {
        let here = |text: &str| AuthorizationRefused::Here(text.to_owned());
        let parameters = Parameters::parse(text)
            .map_err(|name| AuthorizationRefused::Here(format!("The parameter “{name}” is given twice.")))?;
        let client_id = parameters.one("client_id").ok_or_else(|| here("client_id is missing."))?;
        let client = shared.client(client_id).ok_or_else(|| here("This client is not registered."))?;
        let redirect_uri = parameters.one("redirect_uri").ok_or_else(|| here("redirect_uri is missing."))?;
        if !client.redirect_uris.iter().any(|known| known == redirect_uri) {
            return Err(AuthorizationRefused::Here(format!(
                "redirect_uri {redirect_uri} is not registered for the client {client_id}."
            )));
        }
        let redirect_uri = redirect_uri.to_owned();
        let state = parameters.one("state").map(str::to_owned);
        Self::read_wishes(client, &redirect_uri, &parameters).map_err(|(error, description)| {
            AuthorizationRefused::There { redirect_uri, state, error, description: description.to_owned() }
        })
    }

    fn read_wishes(
        client: Client,
        redirect_uri: &str,
        parameters: &Parameters,
    ) -> Result<Self, (&'static str, &'static str)> {
        if parameters.one("request").is_some() {
            return Err(("request_not_supported", "request objects are not supported"));
        }
        if parameters.one("request_uri").is_some() {
            return Err(("request_uri_not_supported", "request objects are not supported"));
        }
        match parameters.one("response_type") {
            Some("code") => {}
            Some(_) => return Err(("unsupported_response_type", "only response_type=code is supported")),
            None => return Err(("invalid_request", "response_type is missing")),
        }
        if parameters.one("response_mode").is_some_and(|mode| mode != "query") {
            return Err(("invalid_request", "only response_mode=query is supported"));
        }
        let scope = parameters.one("scope").unwrap_or_default();
        if !scope.split(' ').any(|scope| scope == "openid") {
            return Err(("invalid_scope", "scope must contain openid"));
        }
        Ok(Self {
            client,
            redirect_uri: redirect_uri.to_owned(),
            state: parameters.one("state").map(str::to_owned),
            nonce: parameters.one("nonce").map(str::to_owned),
            scope: granted(scope),
            challenge: challenge(parameters)?,
            login_hint: parameters.one("login_hint").map(str::to_owned),
            prompt: prompt(parameters.one("prompt"))?,
            max_age: max_age(parameters.one("max_age"))?,
        })
    }

    /// What the code will be bound to.
    pub(super) fn binding(&self) -> CodeBinding {
        CodeBinding { redirect_uri: self.redirect_uri.clone(), challenge: self.challenge.clone() }
    }

    /// Whether this sign-on answers the request without a question.
    pub(super) fn is_satisfied_by(&self, sign_on: &SignOn, now: SystemTime) -> bool {
        let age = now.duration_since(sign_on.auth_time).unwrap_or_default();
        self.prompt != Prompt::Login && self.max_age.is_none_or(|max_age| age <= max_age)
    }

    /// Whether the person must not be asked anything.
    pub(super) fn is_silent(&self) -> bool {
        self.prompt == Prompt::None
    }

    /// A refusal that is told to the client.
    pub(super) fn refuse(self, error: &'static str, description: &str) -> AuthorizationRefused {
        let (redirect_uri, state) = (self.redirect_uri, self.state);
        AuthorizationRefused::There { redirect_uri, state, error, description: description.to_owned() }
    }
}

/// The scopes that exist here; others are ignored (OpenID Connect Core section 3.1.2.1).
fn granted(scope: &str) -> String {
    let known = |scope: &&str| ["openid", "profile", "email", "groups", "offline_access"].contains(scope);
    scope.split(' ').filter(known).collect::<Vec<_>>().join(" ")
}

/// PKCE is required of every client, and S256 is the only method (RFC 9700 section 2.1.1).
fn challenge(parameters: &Parameters) -> Result<String, (&'static str, &'static str)> {
    if parameters.one("code_challenge_method") != Some("S256") {
        return Err(("invalid_request", "code_challenge_method must be S256"));
    }
    let is_digest = |text: &&str| {
        text.len() == 43
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let challenge = parameters.one("code_challenge").filter(is_digest);
    challenge
        .map(str::to_owned)
        .ok_or(("invalid_request", "code_challenge must be 43 characters of base64url"))
}

fn prompt(value: Option<&str>) -> Result<Prompt, (&'static str, &'static str)> {
    let words: Vec<&str> = value.unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect();
    if words.contains(&"none") {
        let alone = words.len() == 1;
        return if alone { Ok(Prompt::None) } else { Err(("invalid_request", "prompt=none stands alone")) };
    }
    if words.iter().any(|word| !["login", "consent", "select_account"].contains(word)) {
        return Err(("invalid_request", "prompt has an unknown value"));
    }
    Ok(if words.contains(&"login") { Prompt::Login } else { Prompt::Default })
}

fn max_age(value: Option<&str>) -> Result<Option<Duration>, (&'static str, &'static str)> {
    let Some(value) = value else { return Ok(None) };
    let seconds = value.parse().map_err(|_| ("invalid_request", "max_age must be a number of seconds"))?;
    Ok(Some(Duration::from_secs(seconds)))
}
