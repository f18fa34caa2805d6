//! `providers`: an issuer, our client there, and its ways.

mod claims;
mod defaults;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::policy::ClaimPath;
use crate::{Name, Secret};

pub use self::claims::{ClaimsSource, GoogleDirectory, MicrosoftGraph};

/// Where issuers send people back, unless a provider has a callback of its own below it.
pub const CALLBACK_PATH: &str = "/.ostia/callback";

/// One OpenID provider or token issuer.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Its key under `providers`; `default` for the singular `provider:`.
    pub name: Name,
    /// `display_name`: what people read where they choose between providers; the name when absent.
    pub display_name: Option<String>,
    /// `issuer` exactly as written: it is compared byte for byte (OpenID Connect Core 3.1.3.7). `https`, or `http` to
    /// a loopback address.
    pub issuer: String,
    /// `issuer_aliases`: what tokens may say instead; with `allowed_tenants`, `{tenantid}` stands for one of them.
    pub issuer_aliases: Vec<String>,
    /// `allowed_tenants`: of an issuer for several tenants, whose tokens name the tenant (`tid`) instead of it.
    pub allowed_tenants: Vec<String>,
    /// People sign in through this provider when present (`client_id` given).
    pub client: Option<Client>,
    /// Audiences of which one must be in a bearer token: `audience` (bearer-only provider) and
    /// `access_token.audience`. Empty: this provider's bearer tokens are not accepted.
    pub audiences: Vec<String>,
    /// `access_token.typ`: accepted `typ` header values, lower case. Default `[at+jwt, application/at+jwt]`
    /// (RFC 9068 section 4); `jwt` must be named to be accepted.
    pub access_token_types: Vec<String>,
    /// `access_token.scope_claims`. Default `[scope, scp]`.
    pub scope_claims: Vec<String>,
    /// `access_token.client_id_claims`. Default `[client_id, azp, cid]`.
    pub client_id_claims: Vec<String>,
    /// `access_token.audience_claims`: the first that is there holds the audience. Default `[aud]`.
    pub audience_claims: Vec<String>,
    /// `access_token.dpop_nonce`: DPoP proofs must carry a nonce of ours (RFC 9449 section 9). Default `false`.
    pub dpop_nonce: bool,
    /// `introspection`: opaque tokens are accepted when the issuer vouches for them.
    pub introspection: Option<Introspection>,
    /// `signing_algorithms`: JOSE names allowed for ID and access tokens and DPoP proofs. Default:
    /// RS256 PS256 ES256 ES384 EdDSA.
    pub signing_algorithms: Vec<String>,
    /// `groups`.
    pub groups: Groups,
    /// `claims_from`, in its order: what adds claims to those of the ID token at login and at each refresh.
    pub claims_from: Vec<ClaimsSource>,
    /// `microsoft_graph`, where `claims_from` names it.
    pub microsoft_graph: Option<MicrosoftGraph>,
    /// `google_directory`, where `claims_from` names it.
    pub google_directory: Option<GoogleDirectory>,
    /// `clock_skew`, default 60 s, at most 5 min.
    pub clock_skew: Duration,
    /// `ca_file`: PEM, trusted instead of the system's roots for calls to this provider.
    pub ca_file: Option<PathBuf>,
    /// `timeout` of one call to the provider. Default 5 s.
    pub timeout: Duration,
}

/// Our registration at the provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret` or `client_secret_file`; absent for a public client.
    pub client_secret: Option<Secret<String>>,
    /// Further secrets of a list in `client_secret_file`: tried when the issuer does not accept the one before.
    pub more_client_secrets: Vec<Secret<String>>,
    /// `token_endpoint_auth_method`.
    pub auth_method: ClientAuthMethod,
    /// `key_file` and `cert_file`; present for the methods that need them.
    pub key: Option<ClientKey>,
    /// How the authorization request is made and answered.
    pub ways: LoginWays,
    /// `redirect_uri`; default `https://{host of the route}` and [`Client::callback_path`].
    pub redirect_uri: Option<Url>,
    /// `callback`: the path of the redirect URI, `/.ostia/callback` or with the provider's name behind it.
    pub callback_path: String,
    /// `scopes`, always with `openid`. Default `[openid, profile, email]`.
    pub scopes: Vec<String>,
    /// `authorize_params`: further parameters of the authorization request. Never one that the protocol sets.
    pub authorize_params: BTreeMap<String, String>,
    /// `logout.dialect`.
    pub logout_dialect: LogoutDialect,
    /// `logout.post_logout_redirect_uri`; default `{origin of the redirect_uri}/.ostia/signed-out`.
    pub post_logout_redirect_uri: Option<Url>,
    /// `logout.back_channel`: logout tokens of the issuer are accepted. Default false.
    pub back_channel_logout: bool,
    /// `logout.front_channel`: the issuer may end sessions through the browser. Default false.
    pub front_channel_logout: bool,
    /// `logout.revoke_tokens`: the refresh token is revoked at the issuer when somebody signs out. Default true.
    pub revokes_tokens: bool,
}

impl Provider {
    /// What the metadata and the tokens of an issuer for several tenants say in the place of `issuer`: the same with
    /// `{tenantid}` in it.
    #[must_use]
    pub fn issuer_template(&self) -> Option<String> {
        if self.allowed_tenants.is_empty() {
            None
        } else {
            crate::section::provider::issuer_template(&self.issuer)
        }
    }

    /// Whether any access token of this provider can be accepted.
    #[must_use]
    pub fn accepts_bearers(&self) -> bool {
        !self.audiences.is_empty() || self.introspection.is_some()
    }
}

/// How a browser is sent to sign out at the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutDialect {
    /// `oidc`: RP-Initiated Logout 1.0, if the metadata have an `end_session_endpoint`.
    Oidc,
    /// `okta`: as `oidc`, but only with an `id_token_hint`.
    Okta,
    /// `cognito`: `/logout` of the pool's domain with `client_id` and `logout_uri`.
    Cognito,
    /// `auth0`: as `oidc` where the tenant advertises it, else `/v2/logout` with `client_id` and `returnTo`.
    Auth0,
    /// `none`: nowhere; people are signed out here.
    None,
}

impl LogoutDialect {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Okta => "okta",
            Self::Cognito => "cognito",
            Self::Auth0 => "auth0",
            Self::None => "none",
        }
    }

    pub(crate) fn of(word: &str) -> Self {
        let all = [Self::Okta, Self::Cognito, Self::Auth0, Self::None];
        all.into_iter().find(|dialect| dialect.as_str() == word).unwrap_or(Self::Oidc)
    }
}

/// How the issuer is asked about opaque tokens (RFC 7662).
#[derive(Clone, Debug, PartialEq)]
pub struct Introspection {
    /// `introspection.client_id`.
    pub client_id: String,
    /// `introspection.client_secret` or `introspection.client_secret_file`.
    pub client_secret: Secret<String>,
    /// `introspection.cache`: how long an answer counts. Default 30 s, at most 60 s.
    pub cache: Duration,
}

/// How the token endpoint knows us (OpenID Connect Core section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthMethod {
    /// `client_secret_basic`, the default with a secret.
    Basic,
    /// `client_secret_post`.
    Post,
    /// `none`: a public client, PKCE alone; the default without a secret.
    None,
    /// `client_secret_jwt`: a short statement for each call, with a MAC by the secret, which is never sent.
    SecretJwt,
    /// `private_key_jwt`: a short statement, signed anew for each call (RFC 7523).
    PrivateKeyJwt,
    /// `tls_client_auth`: a certificate of an authority that the issuer trusts (RFC 8705 section 2.1).
    TlsClientAuth,
    /// `self_signed_tls_client_auth`: a certificate that is registered there (RFC 8705 section 2.2).
    SelfSignedTlsClientAuth,
}

impl ClientAuthMethod {
    /// Whether a certificate is shown in the TLS handshake.
    #[must_use]
    pub fn is_by_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }

    /// Whether a secret is shared with the issuer.
    #[must_use]
    pub fn is_by_secret(self) -> bool {
        matches!(self, Self::Basic | Self::Post | Self::SecretJwt)
    }

    /// Whether a short statement is made for each call (RFC 7523).
    #[must_use]
    pub fn is_by_statement(self) -> bool {
        matches!(self, Self::SecretJwt | Self::PrivateKeyJwt)
    }
}

/// The key that proves who we are, as its files hold it: a reload that finds others makes a new provider.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientKey {
    /// `key_file`.
    pub file: PathBuf,
    /// What it holds: PKCS#8 in PEM form.
    pub private: Secret<String>,
    /// `cert_file`, with what it holds: the certificate and those between it and its authority, PEM.
    pub certificate: Option<(PathBuf, String)>,
}

/// How the authorization request goes out and its answer comes back. The default is what every issuer offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginWays {
    /// `response_mode`.
    pub response_mode: ResponseMode,
    /// `pushed_authorization_requests`.
    pub pushed: PushedRequests,
    /// `dpop`: tokens are bound to a key of the session (RFC 9449). Default false.
    pub dpop: bool,
    /// `third_party_login`: others may start a login at `/.ostia/initiate-login` (OpenID Connect Core section 4).
    /// Default false.
    pub third_party_login: bool,
}

/// How the answer to an authorization request travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// `query`: in the address of the callback.
    #[default]
    Query,
    /// `form_post`: in a form that the issuer's page posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// Whether the authorization request goes from node to issuer, and only its name through the browser (RFC 9126).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PushedRequests {
    /// `auto`: where the issuer's metadata say that it takes no other.
    #[default]
    Auto,
    /// `always`.
    Always,
    /// `never`.
    Never,
}

/// Where group names are found and how they are shortened.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// `groups.claims`: values of all these claims together are the claim `groups`. Default `[groups]`.
    pub claims: Vec<ClaimPath>,
    /// `groups.strip_prefix`: removed once from the front of each value.
    pub strip_prefix: Option<String>,
}
