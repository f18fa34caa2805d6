//! What a provider is started with: its clients, its people, its lifetimes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Map, Value, json};

/// Everything that a [`super::Provider`] needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; refused unless it is a loopback address. Default `127.0.0.1:0`, any free port.
    pub bind: SocketAddr,
    /// The issuer, without a slash at the end. Default `http://` and the bound address. Another value is for a
    /// provider that clients reach through a proxy.
    pub issuer: Option<String>,
    /// Registered clients; more can be added with [`super::RunningProvider::register`].
    pub clients: Vec<Client>,
    /// Who may sign in. Default: [`Person::ana`] and [`Person::bo`].
    pub people: Vec<Person>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Audience of access tokens when the request names no `resource` (RFC 8707).
    pub audience: String,
    /// PEM certificate that is trusted when logout tokens are posted to an `https` client.
    pub trusted_certificate: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            issuer: None,
            clients: Vec::new(),
            people: vec![Person::ana(), Person::bo()],
            lifetimes: Lifetimes::default(),
            audience: "https://api.demo.example".to_owned(),
            trusted_certificate: None,
        }
    }
}

/// A registered client (OpenID Connect Dynamic Client Registration section 2).
#[derive(Clone, Debug)]
pub struct Client {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`; `None` is a public client, which has PKCE alone. With a secret, `client_secret_basic` and
    /// `client_secret_post` are both accepted.
    pub client_secret: Option<String>,
    /// `redirect_uris`, compared as whole strings.
    pub redirect_uris: Vec<String>,
    /// `post_logout_redirect_uris`, compared as whole strings.
    pub post_logout_redirect_uris: Vec<String>,
    /// `backchannel_logout_uri`; loopback only.
    pub backchannel_logout_uri: Option<String>,
    /// Whether the client may use `client_credentials`.
    pub machine: bool,
    /// Scopes that `client_credentials` may ask for, all of them when it asks for none.
    pub machine_scopes: Vec<String>,
}

impl Client {
    /// A confidential client for people to sign in with.
    #[must_use]
    pub fn confidential(client_id: &str, client_secret: &str, redirect_uri: &str) -> Self {
        Self { client_secret: Some(client_secret.to_owned()), ..Self::public(client_id, redirect_uri) }
    }

    /// A public client for people to sign in with.
    #[must_use]
    pub fn public(client_id: &str, redirect_uri: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: None,
            redirect_uris: vec![redirect_uri.to_owned()],
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            machine: false,
            machine_scopes: Vec::new(),
        }
    }

    /// A client that acts for itself, with `client_credentials` and nothing else.
    #[must_use]
    pub fn machine(client_id: &str, client_secret: &str, scopes: &[&str]) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: Some(client_secret.to_owned()),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            machine: true,
            machine_scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        }
    }

    /// The same client with a registered `post_logout_redirect_uri`.
    #[must_use]
    pub fn with_post_logout_redirect_uri(mut self, uri: &str) -> Self {
        self.post_logout_redirect_uris.push(uri.to_owned());
        self
    }

    /// The same client with a `backchannel_logout_uri`.
    #[must_use]
    pub fn with_backchannel_logout_uri(mut self, uri: &str) -> Self {
        self.backchannel_logout_uri = Some(uri.to_owned());
        self
    }
}

/// Somebody who may sign in.
#[derive(Clone, Debug)]
pub struct Person {
    /// What is typed into the form, and the `sub` of the tokens.
    pub username: String,
    /// What else is typed into the form.
    pub password: String,
    /// Claims, each given for its scope: `email` and `email_verified` for `email`, `groups` for `groups` or `profile`,
    /// every other one for `profile`.
    pub claims: Map<String, Value>,
}

impl Person {
    /// A person with these claims.
    #[must_use]
    pub fn new(username: &str, password: &str, claims: Map<String, Value>) -> Self {
        Self { username: username.to_owned(), password: password.to_owned(), claims }
    }

    /// ana / demo: staff and finance.
    #[must_use]
    pub fn ana() -> Self {
        Self::with_role("ana", "Ana Almeida", "controller", &["staff", "finance"])
    }

    /// bo / demo: staff only.
    #[must_use]
    pub fn bo() -> Self {
        Self::with_role("bo", "Bo Berg", "support", &["staff"])
    }

    fn with_role(username: &str, name: &str, role: &str, groups: &[&str]) -> Self {
        let claims = Map::from_iter([
            ("name".to_owned(), json!(name)),
            ("email".to_owned(), json!(format!("{username}@demo.example"))),
            ("email_verified".to_owned(), json!(true)),
            ("role".to_owned(), json!(role)),
            ("groups".to_owned(), json!(groups)),
        ]);
        Self::new(username, "demo", claims)
    }

    /// The claims that `scope` opens.
    pub(crate) fn claims_for<'a>(&'a self, scope: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let asks = |wanted: &str| scope.split(' ').any(|word| word == wanted);
        let (profile, email, groups) = (asks("profile"), asks("email"), asks("groups"));
        self.claims.iter().filter(move |(name, _)| match name.as_str() {
            "email" | "email_verified" => email,
            "groups" => groups || profile,
            _ => profile,
        })
    }
}

/// How long what the provider gives out may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code. Default 60 s, and never more.
    pub code: Duration,
    /// An ID token. Default 5 min.
    pub id_token: Duration,
    /// An access token, `expires_in`. Default 5 min.
    pub access_token: Duration,
    /// A refresh token since its last use. Default 12 h.
    pub refresh_token: Duration,
    /// The sign-in at the provider itself. Default 12 h.
    pub sign_on: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        Self {
            code: minute,
            id_token: 5 * minute,
            access_token: 5 * minute,
            refresh_token: 12 * hour,
            sign_on: 12 * hour,
        }
    }
}
