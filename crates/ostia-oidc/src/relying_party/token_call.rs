//! One question to the token endpoint: who asks is proven anew at each try, and so is the key that the tokens are bound
//! to (RFC 9449 section 5).

use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

use http::{HeaderName, HeaderValue};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde::Deserialize;

use super::client_authentication::Credentials;
use super::proof_key::{ProofKey, Proven};
use crate::provider::Provider;
use crate::provider::http::HttpRefused;

pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// openidconnect's way to the token endpoint.
#[derive(Debug)]
pub(crate) struct TokenCall<'a> {
    provider: &'a Provider,
    credentials: Credentials<'a>,
    key: Option<&'a ProofKey>,
    now: SystemTime,
}

impl Provider {
    /// The call with the credentials at this place of [`Credentials::all`].
    pub(crate) fn token_call<'a>(
        &'a self,
        place: usize,
        key: Option<&'a ProofKey>,
        now: SystemTime,
    ) -> Option<TokenCall<'a>> {
        let credentials = *Credentials::all(self.settings.client.as_ref()?).get(place)?;
        Some(TokenCall { provider: self, credentials, key, now })
    }
}

impl TokenCall<'_> {
    /// Asks; once more where the server wants a nonce of its own in the proof (RFC 9449 section 8). Nothing is spent by
    /// the first question then.
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpRefused> {
        let again = self.key.map(|_| request.clone());
        let answer = self.ask_once(request).await?;
        match again {
            Some(request) if wants_nonce(&answer) => self.ask_once(request).await,
            _ => Ok(answer),
        }
    }

    async fn ask_once(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpRefused> {
        self.provider.add_assertion(&mut request, &self.credentials, self.now)?;
        if let Some(key) = self.key {
            let address = request.uri().to_string();
            let nonce = self.provider.nonces.of_issuer();
            let proven = Proven {
                method: "POST",
                address: &address,
                nonce: nonce.as_deref().map(String::as_str),
                access_token: None,
            };
            let proof = key.proof(proven, self.now).ok_or(HttpRefused::NotSigned)?;
            let proof = HeaderValue::from_str(&proof).map_err(|_| HttpRefused::NotSigned)?;
            request.headers_mut().insert(DPOP, proof);
        }
        let answer = self.provider.http.send(request).await?;
        self.provider.nonces.note_of_issuer(answer.headers());
        match answer.status().as_u16() {
            200 | 400 | 401 | 403 => Ok(answer),
            other => Err(HttpRefused::Status(other)),
        }
    }
}

/// Only an answer of the protocol (200, or a 4xx with an error document, RFC 6749 section 5.2) reaches the parser; a 5xx
/// never looks like `invalid_grant`, whatever its body says.
impl<'c> AsyncHttpClient<'c> for TokenCall<'_> {
    type Error = HttpRefused;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpRefused>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

fn wants_nonce(answer: &HttpResponse) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    answer.status().is_client_error()
        && answer.headers().contains_key("dpop-nonce")
        && serde_json::from_slice::<Refusal>(answer.body()).is_ok_and(|read| read.error == "use_dpop_nonce")
}
