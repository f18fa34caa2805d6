//! Where the claims of people come from besides the ID token.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// A source that `claims_from` names. None of them ever replaces a claim of the ID token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimsSource {
    /// `userinfo`: the UserInfo endpoint (OpenID Connect Core section 5.3).
    UserInfo,
    /// `access_token`: the access token, where it is a JWT of the issuer (Keycloak).
    AccessToken,
    /// `introspection`: what the issuer says about the access token (RFC 7662).
    Introspection,
    /// `microsoft_graph`: the groups, where the ID token says that they are too many to be in it.
    MicrosoftGraph,
    /// `google_directory`: the groups of Google Workspace.
    GoogleDirectory,
}

impl ClaimsSource {
    /// Its word in `claims_from`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserInfo => "userinfo",
            Self::AccessToken => "access_token",
            Self::Introspection => "introspection",
            Self::MicrosoftGraph => "microsoft_graph",
            Self::GoogleDirectory => "google_directory",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        let all = [
            Self::UserInfo,
            Self::AccessToken,
            Self::Introspection,
            Self::MicrosoftGraph,
            Self::GoogleDirectory,
        ];
        all.into_iter().find(|source| source.as_str() == word)
    }
}

/// `microsoft_graph`: how Microsoft Graph is asked, with the access token of the person who signs in.
#[derive(Clone, Debug, PartialEq)]
pub struct MicrosoftGraph {
    /// `url` of the API with its version. Default `https://graph.microsoft.com/v1.0`.
    pub url: Url,
    /// `cache`: how long the groups of one person count. Default 5 min.
    pub cache: Duration,
}

/// `google_directory`: how the directory of Google Workspace is asked, by a service account with domain-wide
/// delegation.
#[derive(Clone, Debug, PartialEq)]
pub struct GoogleDirectory {
    /// `service_account_file`: the key of the service account, JSON as Google hands it out.
    pub service_account_file: PathBuf,
    /// `admin`: the administrator whom the service account speaks for.
    pub admin: String,
    /// `url` of the API with its version. Default `https://admin.googleapis.com/admin/directory/v1`.
    pub url: Url,
    /// `cache`: how long the groups of one person count. Default 5 min.
    pub cache: Duration,
}
