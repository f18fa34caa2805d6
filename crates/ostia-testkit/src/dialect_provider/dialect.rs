//! What tells the eight apart.

/// A known provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Okta, a custom authorization server.
    Okta,
    /// Google with Workspace.
    Google,
    /// Amazon Cognito.
    Cognito,
    /// Microsoft Entra ID, for several tenants.
    Entra,
    /// Keycloak.
    Keycloak,
    /// Auth0.
    Auth0,
    /// GitLab.
    Gitlab,
    /// Dex.
    Dex,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Okta,
        Self::Google,
        Self::Cognito,
        Self::Entra,
        Self::Keycloak,
        Self::Auth0,
        Self::Gitlab,
        Self::Dex,
    ];

    /// The name of the preset.
    #[must_use]
    pub fn preset(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Google => "google",
            Self::Cognito => "cognito",
            Self::Entra => "entra",
            Self::Keycloak => "keycloak",
            Self::Auth0 => "auth0",
            Self::Gitlab => "gitlab",
            Self::Dex => "dex",
        }
    }

    /// The metadata as the real provider publishes them.
    #[must_use]
    pub fn metadata(self) -> &'static str {
        match self {
            Self::Okta => include_str!("documents/okta.json"),
            Self::Google => include_str!("documents/google.json"),
            Self::Cognito => include_str!("documents/cognito.json"),
            Self::Entra => include_str!("documents/entra.json"),
            Self::Keycloak => include_str!("documents/keycloak.json"),
            Self::Auth0 => include_str!("documents/auth0.json"),
            Self::Gitlab => include_str!("documents/gitlab.json"),
            Self::Dex => include_str!("documents/dex.json"),
        }
    }

    /// The issuer of the real provider, as an operator writes it.
    pub(super) fn issuer(self) -> &'static str {
        match self {
            Self::Okta => "https://dev-000000.okta.com/oauth2/default",
            Self::Google => "https://accounts.google.com",
            Self::Cognito => "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE",
            Self::Entra => "https://login.microsoftonline.com/organizations/v2.0",
            Self::Keycloak => "https://login.example.com/realms/corp",
            Self::Auth0 => "https://example.eu.auth0.com/",
            Self::Gitlab => "https://gitlab.example.com",
            Self::Dex => "https://dex.example.com/dex",
        }
    }

    /// Where people are signed out at the real provider; nowhere at some.
    pub(super) fn logout(self) -> &'static str {
        match self {
            Self::Okta => "https://dev-000000.okta.com/oauth2/default/v1/logout",
            Self::Cognito => "https://example.auth.eu-central-1.amazoncognito.com/logout",
            Self::Entra => "https://login.microsoftonline.com/organizations/oauth2/v2.0/logout",
            Self::Keycloak => "https://login.example.com/realms/corp/protocol/openid-connect/logout",
            Self::Auth0 => "https://example.eu.auth0.com/v2/logout",
            Self::Google | Self::Gitlab | Self::Dex => "none",
        }
    }

    /// A scope that the provider does not know and refuses.
    pub(super) fn refused_scope(self, scope: &str) -> Option<&str> {
        let known: &[&str] = match self {
            Self::Google | Self::Cognito | Self::Gitlab => &["openid", "profile", "email"],
            Self::Okta | Self::Keycloak | Self::Auth0 => &["openid", "profile", "email", "offline_access"],
            Self::Entra => &["openid", "profile", "email", "offline_access", "User.Read"],
            Self::Dex => &["openid", "profile", "email", "offline_access", "groups"],
        };
        scope.split(' ').find(|scope| !known.contains(scope))
    }

    /// Whether a refresh token comes with a code, given the request for it.
    pub(super) fn gives_refresh_token(self, scope: &str, asked: impl Fn(&str, &str) -> bool) -> bool {
        match self {
            Self::Cognito | Self::Keycloak | Self::Gitlab => true,
            Self::Google => asked("access_type", "offline") && asked("prompt", "consent"),
            Self::Okta | Self::Entra | Self::Auth0 | Self::Dex => {
                scope.split(' ').any(|scope| scope == "offline_access")
            }
        }
    }

    /// What becomes of a refresh token that is used.
    pub(super) fn rotation(self) -> Rotation {
        match self {
            Self::Google | Self::Cognito => Rotation::Kept,
            Self::Entra | Self::Keycloak => Rotation::NewBesideOld,
            Self::Okta | Self::Auth0 | Self::Gitlab | Self::Dex => Rotation::SingleUse,
        }
    }
}

/// What becomes of a refresh token that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    /// It goes on, and no other comes.
    Kept,
    /// Another comes, and the old one goes on.
    NewBesideOld,
    /// Another comes, and the old one is worth nothing.
    SingleUse,
}
