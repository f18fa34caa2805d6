//! The ID token of a login or a refresh, held against the issuer's keys.

use std::sync::Arc;
use std::time::SystemTime;

use ostia_identity::{
    IdToken, IdTokenProfile, IdTokenRefused, LoginContinued, LoginExpected, Occasion, Token, accept_id_token,
};

use crate::provider::Provider;
use crate::provider::demand::KeyedRefused;

impl Provider {
    /// Judges the ID token of a login (OpenID Connect Core section 3.1.3.7); a key that is not known yet is fetched.
    pub(crate) async fn accept_login(
        self: &Arc<Self>,
        text: &str,
        profile: &IdTokenProfile,
        expected: &LoginExpected<'_>,
        now: SystemTime,
    ) -> Result<IdToken, KeyedRefused<IdTokenRefused>> {
        self.accept(text, profile, &Occasion::Login(*expected), now).await
    }

    /// Judges the ID token of a refresh (OpenID Connect Core section 12.2).
    pub(crate) async fn accept_refreshed(
        self: &Arc<Self>,
        text: &str,
        profile: &IdTokenProfile,
        continued: &LoginContinued<'_>,
        now: SystemTime,
    ) -> Result<IdToken, KeyedRefused<IdTokenRefused>> {
        self.accept(text, profile, &Occasion::Refresh(*continued), now).await
    }

    async fn accept(
        self: &Arc<Self>,
        text: &str,
        profile: &IdTokenProfile,
        occasion: &Occasion<'_>,
        now: SystemTime,
    ) -> Result<IdToken, KeyedRefused<IdTokenRefused>> {
        let token = Token::parse(text).map_err(|refused| KeyedRefused::Token(refused.into()))?;
        self.with_keys(token.kid(), now, |keys| accept_id_token(&token, keys, profile, occasion, now)).await
    }
}
