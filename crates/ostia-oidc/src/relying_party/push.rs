//! The authorization request from node to issuer, so that only its name goes through the browser (RFC 9126).

use std::time::SystemTime;

use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::client_authentication::Credentials;
use super::exchange::TokenError;
use crate::Fault;
use crate::provider::Provider;
use crate::provider::http::HttpRefused;
use crate::provider::login_side::LoginSide;

/// The longest `request_uri` that is put into an address.
const LONGEST: usize = 2048;

/// Why the issuer did not take the authorization request.
#[derive(Debug, thiserror::Error)]
pub enum PushRefused {
    /// No usable HTTP answer.
    #[error("the endpoint for pushed authorization requests gave no answer")]
    Http(#[from] HttpRefused),
    /// An error document (section 2.3).
    #[error("the pushed authorization request was refused with {0:?}")]
    Refused(TokenError),
    /// A 201 without a `request_uri` that can be used.
    #[error("the answer to the pushed authorization request cannot be read")]
    Malformed,
}

impl PushRefused {
    /// The reason as a word for logs, metrics and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Http(cause) => cause.slug(),
            Self::Refused(TokenError::InvalidClient) => "invalid_client",
            Self::Refused(TokenError::InvalidRequest) => "pushed_invalid_request",
            Self::Refused(TokenError::UnauthorizedClient) => "pushed_unauthorized_client",
            Self::Refused(TokenError::InvalidScope) => "pushed_invalid_scope",
            Self::Refused(TokenError::Unavailable) => "push_endpoint_unavailable",
            Self::Refused(_) => "push_refused",
            Self::Malformed => "push_answer_malformed",
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(TokenError::Unavailable) | Self::Http(_) | Self::Malformed => Fault::Issuer,
            Self::Refused(_) => Fault::Operator,
        }
    }
}

/// A good answer (section 2.2). `expires_in` is not read: the browser goes there at once.
#[derive(Deserialize)]
struct Pushed {
    request_uri: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Provider {
    /// Pushes the request that `url` makes and gives the address for the browser: the client's id and the name of the
    /// request, nothing else. Each login has its own.
    pub(crate) async fn push(
        &self,
        login: &LoginSide,
        endpoint: &Url,
        url: &Url,
        now: SystemTime,
    ) -> Result<Url, PushRefused> {
        let client = self.settings().client.as_ref().ok_or(PushRefused::Malformed)?;
        let own = login.authorization.query_pairs().count();
        let credentials = Credentials::all(client);
        let mut last = PushRefused::Refused(TokenError::InvalidClient);
        for (place, _) in login.clients.in_order() {
            let Some(credentials) = credentials.get(place) else { continue };
            // The client's id once, whether the credentials put it into the form or not.
            let is_named = credentials.name_client_in_form();
            let asked = url.query_pairs().skip(own).filter(|(name, _)| name != "client_id" || !is_named);
            let form = Serializer::new(String::new()).extend_pairs(asked).finish();
            match read(self.post_form(endpoint, form, credentials, now).await?) {
                Ok(name) => {
                    login.clients.accepted(place);
                    return Ok(named(&login.authorization, &client.client_id, &name));
                }
                Err(refused) => last = refused,
            }
            if !matches!(last, PushRefused::Refused(TokenError::InvalidClient)) {
                break;
            }
        }
        Err(last)
    }
}

fn read(answer: http::Response<Vec<u8>>) -> Result<String, PushRefused> {
    match answer.status().as_u16() {
        200 | 201 => {
            let pushed: Pushed = serde_json::from_slice(answer.body()).map_err(|_| PushRefused::Malformed)?;
            let good = !pushed.request_uri.is_empty() && pushed.request_uri.len() <= LONGEST;
            if good { Ok(pushed.request_uri) } else { Err(PushRefused::Malformed) }
        }
        400 | 401 | 403 => {
            let refusal: Refusal =
                serde_json::from_slice(answer.body()).map_err(|_| PushRefused::Malformed)?;
            Err(PushRefused::Refused(TokenError::read(&refusal.error)))
        }
        other => Err(HttpRefused::Status(other).into()),
    }
}

fn named(authorization: &Url, client_id: &str, name: &str) -> Url {
    let mut url = authorization.clone();
    url.query_pairs_mut().append_pair("client_id", client_id).append_pair("request_uri", name);
    url
}
