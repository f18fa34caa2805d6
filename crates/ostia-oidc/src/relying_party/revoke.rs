//! Telling the issuer that a token is not needed any more (RFC 7009).

use std::time::{Duration, SystemTime};

use ostia_config::Secret;
use url::Url;
use url::form_urlencoded::Serializer;

use super::client_authentication::Credentials;
use crate::provider::Provider;
use crate::provider::http::HttpRefused;

/// How often a revocation is tried.
const TRIES: u32 = 3;
/// The pause after the first failure; it doubles.
const PAUSE: Duration = Duration::from_secs(1);

/// What became of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The issuer has taken note.
    Done,
    /// The issuer offers none, or the configuration does not want it.
    NotOffered,
    /// It did not work after some tries; the token ends by itself.
    Failed,
}

impl Provider {
    /// Revokes a refresh token; with it the grant ends at most issuers. Tries some times, so call it in a task of its
    /// own: whoever signs out does not wait for it.
    pub async fn revoke(&self, refresh_token: &Secret<String>) -> Revoked {
        let Some(client) = self.settings().client.as_ref().filter(|client| client.revokes_tokens) else {
            return Revoked::NotOffered;
        };
        let Some(endpoint) = self.metadata().and_then(|metadata| metadata.revocation_endpoint.clone()) else {
            return Revoked::NotOffered;
        };
        for number in 0..TRIES {
            if number > 0 {
                tokio::time::sleep(PAUSE * 2_u32.pow(number - 1)).await;
            }
            for credentials in Credentials::all(client) {
                match self.ask_to_revoke(&endpoint, refresh_token, &credentials).await {
                    // An unknown token is revoked well enough (section 2.2).
                    Ok(200) => return Revoked::Done,
                    // Another secret may be the one that counts now.
                    Ok(401) => continue,
                    Ok(503 | 429 | 500..=599) | Err(_) => break,
                    Ok(_) => return Revoked::Failed,
                }
            }
        }
        Revoked::Failed
    }

    async fn ask_to_revoke(
        &self,
        endpoint: &Url,
        token: &Secret<String>,
        credentials: &Credentials<'_>,
    ) -> Result<u16, HttpRefused> {
        let form = Serializer::new(String::new())
            .append_pair("token", token.reveal())
            .append_pair("token_type_hint", "refresh_token")
            .finish();
        let answer = self.post_form(endpoint, form, credentials, SystemTime::now()).await?;
        Ok(answer.status().as_u16())
    }
}
