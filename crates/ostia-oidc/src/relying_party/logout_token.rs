//! A logout token that somebody posted, held against the issuer's keys (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;
use std::time::SystemTime;

use ostia_identity::{LogoutToken, LogoutTokenRefused, Token, accept_logout_token};

use crate::provider::Provider;
use crate::provider::demand::KeyedRefused;

/// Why a posted logout token ends nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoutRefused {
    /// The token is not what it must be.
    #[error("the logout token is refused")]
    Token(#[from] LogoutTokenRefused),
    /// Metadata or keys are not there: nobody can say whether it is good. The issuer may send it again.
    #[error("the issuer's keys are not known")]
    Unavailable,
    /// `logout.back_channel` is not on for this provider.
    #[error("the provider is not to end sessions by the back channel")]
    NotOffered,
}

impl LogoutRefused {
    /// The reason as a word for logs and metrics.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Token(refused) => refused.slug(),
            Self::Unavailable => "provider_unavailable",
            Self::NotOffered => "back_channel_off",
        }
    }
}

impl Provider {
    /// Judges a logout token; a key that is not known yet is fetched. Whether it was used before is for the caller to
    /// say.
    ///
    /// # Errors
    /// See [`LogoutRefused`].
    pub async fn accept_logout(
        self: &Arc<Self>,
        text: &str,
        now: SystemTime,
    ) -> Result<LogoutToken, LogoutRefused> {
        if !self.settings().client.as_ref().is_some_and(|client| client.back_channel_logout) {
            return Err(LogoutRefused::NotOffered);
        }
        let token = Token::parse(text).map_err(LogoutTokenRefused::from)?;
        let published = self.metadata_soon().await.ok_or(LogoutRefused::Unavailable)?;
        let login = published.metadata.login.as_ref().ok_or(LogoutRefused::NotOffered)?;
        let check = |keys: &ostia_identity::KeySet| accept_logout_token(&token, keys, &login.id_tokens, now);
        match self.with_keys(token.kid(), now, check).await {
            Ok(accepted) => Ok(accepted),
            Err(KeyedRefused::Token(refused)) => Err(refused.into()),
            Err(KeyedRefused::Unavailable) => Err(LogoutRefused::Unavailable),
        }
    }
}
