//! How we say who we are to the issuer's endpoints (RFC 6749 section 2.3, RFC 7523 section 2.2, RFC 8705 section 2).

use std::time::SystemTime;

use base64_simd::STANDARD;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use ostia_config::Secret;
use ostia_config::provider::{Client, ClientAuthMethod};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::secret_statement;
use crate::provider::Provider;
use crate::provider::http::HttpRefused;

/// `client_assertion_type` (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// One way to authenticate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credentials<'a> {
    client_id: &'a str,
    means: Means<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Means<'a> {
    /// `Authorization: Basic`.
    Basic(&'a Secret<String>),
    /// In the form.
    Post(&'a Secret<String>),
    /// A statement to this audience: with a MAC by the secret, else signed by our key.
    Assertion(Option<&'a Secret<String>>, Audience),
    /// Nothing, or nothing that this form shows: a certificate in the handshake.
    NameAlone,
}

/// To whom a signed statement is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    /// The issuer, which is what the standards ask for today.
    Issuer,
    /// The very address that is called, which Okta, Entra ID and other older ones insist on. As it is never another
    /// address than the one that the statement is sent to, nobody can pass it on.
    Endpoint,
}

/// In the order in which they are tried first.
const AUDIENCES: [Audience; 2] = [Audience::Issuer, Audience::Endpoint];

impl<'a> Credentials<'a> {
    /// Every way of this client, in the order of [`crate::provider::login_side::Clients`]: one for each live secret and
    /// for each audience of a statement, else one.
    pub(crate) fn all(client: &'a Client) -> Vec<Self> {
        let with = |means| Self { client_id: &client.client_id, means };
        let secrets = || client.client_secret.iter().chain(&client.more_client_secrets);
        let all: Vec<Self> = match client.auth_method {
            ClientAuthMethod::Basic => secrets().map(|secret| with(Means::Basic(secret))).collect(),
            ClientAuthMethod::Post => secrets().map(|secret| with(Means::Post(secret))).collect(),
            ClientAuthMethod::PrivateKeyJwt => AUDIENCES.map(|to| with(Means::Assertion(None, to))).into(),
            ClientAuthMethod::SecretJwt => secrets()
                .flat_map(|secret| AUDIENCES.map(|to| with(Means::Assertion(Some(secret), to))))
                .collect(),
            ClientAuthMethod::None
            | ClientAuthMethod::TlsClientAuth
            | ClientAuthMethod::SelfSignedTlsClientAuth => Vec::new(),
        };
        if all.is_empty() { vec![with(Means::NameAlone)] } else { all }
    }

    /// Whether `client_id` is in the form.
    pub(crate) fn name_client_in_form(&self) -> bool {
        !matches!(self.means, Means::Basic(_))
    }

    /// `client_id`, and `client_secret` where it belongs into the form.
    fn add_to_form(&self, form: &mut Serializer<'_, String>) {
        match self.means {
            Means::Basic(_) => {}
            Means::Assertion(..) | Means::NameAlone => {
                form.append_pair("client_id", self.client_id);
            }
            Means::Post(secret) => {
                form.append_pair("client_id", self.client_id).append_pair("client_secret", secret.reveal());
            }
        }
    }

    /// `Authorization: Basic`, both parts form-encoded.
    fn add_to_headers(&self, headers: &mut HeaderMap) {
        let Means::Basic(secret) = self.means else { return };
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = Secret::new(format!("{}:{}", encoded(self.client_id), encoded(secret.reveal())));
        let value = format!("Basic {}", STANDARD.encode_to_string(pair.reveal()));
        if let Ok(mut value) = HeaderValue::from_str(&value) {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
    }
}

impl Provider {
    /// Posts a form to an endpoint of the issuer, with these credentials.
    pub(crate) async fn post_form(
        &self,
        endpoint: &Url,
        form: String,
        credentials: &Credentials<'_>,
        now: SystemTime,
    ) -> Result<Response<Vec<u8>>, HttpRefused> {
        let request = self.form_request(endpoint, form, credentials, now)?;
        self.http.send(request).await
    }

    fn form_request(
        &self,
        endpoint: &Url,
        form: String,
        credentials: &Credentials<'_>,
        now: SystemTime,
    ) -> Result<Request<Vec<u8>>, HttpRefused> {
        let mut form = Serializer::new(form);
        credentials.add_to_form(&mut form);
        let mut request =
            Request::post(endpoint.as_str()).body(form.finish().into_bytes()).unwrap_or_default();
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        credentials.add_to_headers(request.headers_mut());
        self.add_assertion(&mut request, credentials, now)?;
        Ok(request)
    }

    /// Signs the statement, new for every request, where these credentials are one.
    pub(crate) fn add_assertion(
        &self,
        request: &mut Request<Vec<u8>>,
        credentials: &Credentials<'_>,
        now: SystemTime,
    ) -> Result<(), HttpRefused> {
        let Means::Assertion(secret, audience) = credentials.means else { return Ok(()) };
        let endpoint = request.uri().to_string();
        let audience = if audience == Audience::Issuer { &*self.issuer } else { endpoint.as_str() };
        let metadata = self.metadata();
        let listed = metadata.as_ref().and_then(|metadata| metadata.assertion_algorithms.as_deref());
        let client_id = credentials.client_id;
        let assertion = match secret {
            Some(secret) => secret_statement::statement(secret, client_id, audience, listed, now),
            None => {
                let key = self.client_key.as_ref().ok_or(HttpRefused::NotSigned)?;
                key.assertion(client_id, audience, listed, now)
            }
        };
        let assertion = assertion.ok_or(HttpRefused::NotSigned)?;
        let mut form = Serializer::new(String::new());
        form.append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", assertion.reveal());
        let body = request.body_mut();
        body.push(b'&');
        body.extend_from_slice(form.finish().as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_the_basic_credentials_are_form_encoded() {
        let secret = Secret::new("s e+c:ret".to_owned());
        let credentials = Credentials { client_id: "app:1", means: Means::Basic(&secret) };
        let mut headers = HeaderMap::new();
        credentials.add_to_headers(&mut headers);
        let value = headers.get(header::AUTHORIZATION).unwrap();
        let expected = STANDARD.encode_to_string("app%3A1:s+e%2Bc%3Aret");
        assert_eq!(value.to_str().unwrap(), format!("Basic {expected}"));
        assert!(value.is_sensitive());
    }
}
