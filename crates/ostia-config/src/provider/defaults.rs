//! A provider and a client there with the defaults of the language, for who makes them without a file.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CALLBACK_PATH, Client, ClientAuthMethod, Groups, LoginWays, LogoutDialect, Provider};
use crate::Name;
use crate::policy::ClaimPath;

impl Provider {
    /// A provider with the defaults of the language, of which nothing is accepted yet: nobody signs in, no bearer token
    /// counts.
    #[must_use]
    pub fn new(name: Name, issuer: impl Into<String>) -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            name,
            display_name: None,
            issuer: issuer.into(),
            issuer_aliases: Vec::new(),
            allowed_tenants: Vec::new(),
            client: None,
            audiences: Vec::new(),
            access_token_types: words(&["at+jwt", "application/at+jwt"]),
            scope_claims: words(&["scope", "scp"]),
            client_id_claims: words(&["client_id", "azp", "cid"]),
            audience_claims: words(&["aud"]),
            dpop_nonce: false,
            introspection: None,
            signing_algorithms: words(&["RS256", "PS256", "ES256", "ES384", "EdDSA"]),
            groups: Groups { claims: ClaimPath::parse("groups").into_iter().collect(), strip_prefix: None },
            claims_from: Vec::new(),
            microsoft_graph: None,
            google_directory: None,
            clock_skew: Duration::from_secs(60),
            ca_file: None,
            timeout: Duration::from_secs(5),
        }
    }
}

impl Client {
    /// A public client with the defaults of the language.
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: None,
            more_client_secrets: Vec::new(),
            auth_method: ClientAuthMethod::None,
            key: None,
            ways: LoginWays::default(),
            redirect_uri: None,
            callback_path: CALLBACK_PATH.to_owned(),
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            authorize_params: BTreeMap::new(),
            logout_dialect: LogoutDialect::Oidc,
            post_logout_redirect_uri: None,
            back_channel_logout: false,
            front_channel_logout: false,
            revokes_tokens: true,
        }
    }
}
