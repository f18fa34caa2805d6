//! `providers`: an issuer, our client there, and its ways.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::policy::ClaimPath;
use crate::{Name, Secret};

/// One OpenID provider or token issuer.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Its key under `providers`; `default` for the singular `provider:`.
    pub name: Name,
    /// `issuer` exactly as written: it is compared byte for byte (OpenID Connect Core 3.1.3.7). `https`, or `http` to
    /// a loopback address.
    pub issuer: String,
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
    /// `claims_from` names `userinfo`: claims of the UserInfo endpoint are added at login (never replacing those of
    /// the ID token).
    pub claims_from_userinfo: bool,
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
    /// `redirect_uri`; default `https://{host of the route}/.ostia/callback`.
    pub redirect_uri: Option<Url>,
    /// `scopes`, always with `openid`. Default `[openid, profile, email]`.
    pub scopes: Vec<String>,
    /// `authorize_params`: further parameters of the authorization request. Never one that the protocol sets.
    pub authorize_params: BTreeMap<String, String>,
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
    /// Whether any access token of this provider can be accepted.
    #[must_use]
    pub fn accepts_bearers(&self) -> bool {
        !self.audiences.is_empty() || self.introspection.is_some()
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
}

/// Where group names are found and how they are shortened.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// `groups.claims`: values of all these claims together are the claim `groups`. Default `[groups]`.
    pub claims: Vec<ClaimPath>,
    /// `groups.strip_prefix`: removed once from the front of each value.
    pub strip_prefix: Option<String>,
}
