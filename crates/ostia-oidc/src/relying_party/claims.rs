//! What `claims_from` adds to the claims of an ID token; the groups are gathered at the end.
//!
//! No source replaces what an earlier one said, and none replaces what the ID token says. At a refresh without a new ID
//! token the sources are asked alone, and what they say is put over the claims of the session, but for what only an ID
//! token can say.

use std::sync::Arc;
use std::time::SystemTime;

use ostia_config::Secret;
use ostia_config::provider::ClaimsSource;
use ostia_identity::{Claims, Token, TokenRefused, accept_companion};
use serde_json::{Map, Value};

use super::introspected::IntrospectedRefused;
use super::proof_key::ProofKey;
use super::userinfo::UserInfoRefused;
use crate::Fault;
use crate::provider::Provider;
use crate::provider::demand::KeyedRefused;
use crate::provider::directory::DirectoryRefused;
use crate::provider::discovery::Published;
use crate::provider::metadata::group_rules;

/// Claims about a token or about how somebody signed in: only an ID token says them.
const OF_ID_TOKENS: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "at_hash",
];

/// Whose claims are completed, and with what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) published: &'a Published,
    pub(crate) access_token: &'a Secret<String>,
    /// The key that the access token is bound to, if it is.
    pub(crate) key: Option<&'a ProofKey>,
    pub(crate) subject: &'a str,
    /// Names the Workspace of somebody whose ID token did not come anew.
    pub(crate) before: Option<&'a Claims>,
}

/// Why the claims could not be completed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimsRefused {
    /// `userinfo`.
    #[error("the userinfo answer is refused")]
    UserInfo(#[from] UserInfoRefused),
    /// `access_token`: no JWT of this issuer about the same person.
    #[error("the claims of the access token are refused")]
    AccessToken(#[from] TokenRefused),
    /// `access_token`: the issuer's keys are not known.
    #[error("the issuer's keys are not known")]
    Unavailable,
    /// `introspection`.
    #[error("what the issuer says about the access token is refused")]
    Introspected(#[from] IntrospectedRefused),
    /// `microsoft_graph` or `google_directory`.
    #[error("the groups could not be asked for")]
    Directory(#[from] DirectoryRefused),
}

impl ClaimsRefused {
    /// The reason as a word for logs, metrics and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::UserInfo(refused) => refused.slug(),
            Self::AccessToken(TokenRefused::SubjectDiffers { .. }) => "access_token_subject_differs",
            Self::AccessToken(_) => "access_token_not_readable",
            Self::Unavailable => "provider_unavailable",
            Self::Introspected(refused) => refused.slug(),
            Self::Directory(refused) => refused.slug(),
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::UserInfo(refused) => refused.fault(),
            Self::AccessToken(_) | Self::Unavailable => Fault::Issuer,
            Self::Introspected(refused) => refused.fault(),
            Self::Directory(refused) => refused.fault(),
        }
    }

    /// Whether a source spoke of another person.
    #[must_use]
    pub fn is_about_another(&self) -> bool {
        matches!(
            self,
            Self::UserInfo(UserInfoRefused::SubjectDiffers)
                | Self::AccessToken(TokenRefused::SubjectDiffers { .. })
                | Self::Introspected(IntrospectedRefused::SubjectDiffers)
        )
    }
}

impl Provider {
    /// Completes the claims of an ID token.
    pub(crate) async fn complete(
        self: &Arc<Self>,
        about: About<'_>,
        claims: &mut Claims,
        now: SystemTime,
    ) -> Result<(), ClaimsRefused> {
        for source in &self.settings.claims_from {
            match source {
                ClaimsSource::UserInfo => add(claims, self.userinfo(about).await?),
                ClaimsSource::AccessToken => add(claims, self.companion(about, now).await?),
                ClaimsSource::Introspection => add(claims, self.introspected(about, now).await?),
                ClaimsSource::MicrosoftGraph => self.add_graph_groups(about, claims).await?,
                ClaimsSource::GoogleDirectory => self.add_google_groups(about, claims).await?,
            }
        }
        claims.straighten_flags();
        group_rules(&self.settings).apply(claims);
        Ok(())
    }

    /// Puts what the sources say now over the claims of a session whose refresh brought no ID token. `None` when there
    /// is no source.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        about: About<'_>,
        session: &Claims,
        now: SystemTime,
    ) -> Result<Option<Claims>, ClaimsRefused> {
        if self.settings.claims_from.is_empty() {
            return Ok(None);
        }
        let mut fresh = Claims::default();
        self.complete(About { before: Some(session), ..about }, &mut fresh, now).await?;
        let mut renewed = session.clone();
        for (name, value) in fresh.iter() {
            if !OF_ID_TOKENS.contains(&name) {
                renewed.set(name, value.to_value());
            }
        }
        Ok(Some(renewed))
    }

    /// What the access token says, once it is known to be this issuer's and about this person.
    async fn companion(
        self: &Arc<Self>,
        about: About<'_>,
        now: SystemTime,
    ) -> Result<Map<String, Value>, ClaimsRefused> {
        let Some(login) = &about.published.metadata.login else { return Ok(Map::new()) };
        let token = Token::parse(about.access_token.reveal())?;
        let check = |keys: &_| accept_companion(&token, keys, &login.id_tokens, about.subject, now);
        match self.with_keys(token.kid(), now, check).await {
            Ok(claims) => Ok(claims.to_map()),
            Err(KeyedRefused::Token(refused)) => Err(refused.into()),
            Err(KeyedRefused::Unavailable) => Err(ClaimsRefused::Unavailable),
        }
    }
}

/// Adds what is not there yet.
fn add(claims: &mut Claims, more: Map<String, Value>) {
    for (name, value) in more {
        if claims.get(&name).is_none() && !OF_ID_TOKENS.contains(&&*name) {
            claims.set(&name, value);
        }
    }
}
