//! How we say who we are in calls that openidconnect does not make for us (RFC 6749 section 2.3.1).

use base64_simd::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use ostia_config::Secret;
use ostia_config::provider::{Client, ClientAuthMethod};
use url::form_urlencoded::{Serializer, byte_serialize};

/// One way to authenticate: with one of the secrets, or with none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credentials<'a> {
    client_id: &'a str,
    method: ClientAuthMethod,
    secret: Option<&'a Secret<String>>,
}

impl<'a> Credentials<'a> {
    /// Every way of this client, the one to try first in front.
    pub(crate) fn all(client: &'a Client) -> impl Iterator<Item = Self> {
        let with = |secret| Self { client_id: &client.client_id, method: client.auth_method, secret };
        let secrets = client.client_secret.iter().chain(&client.more_client_secrets).map(Some);
        let none = client.client_secret.is_none().then_some(None);
        secrets.chain(none).map(with)
    }

    /// `client_id`, and `client_secret` where it belongs into the form.
    pub(crate) fn add_to_form(&self, form: &mut Serializer<'_, String>) {
        if self.method == ClientAuthMethod::Basic && self.secret.is_some() {
            return;
        }
        form.append_pair("client_id", self.client_id);
        if let (ClientAuthMethod::Post, Some(secret)) = (self.method, self.secret) {
            form.append_pair("client_secret", secret.reveal());
        }
    }

    /// `Authorization: Basic`, both parts form-encoded.
    pub(crate) fn add_to_headers(&self, headers: &mut HeaderMap) {
        let (ClientAuthMethod::Basic, Some(secret)) = (self.method, self.secret) else { return };
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = Secret::new(format!("{}:{}", encoded(self.client_id), encoded(secret.reveal())));
        let value = format!("Basic {}", STANDARD.encode_to_string(pair.reveal()));
        if let Ok(mut value) = HeaderValue::from_str(&value) {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_the_basic_credentials_are_form_encoded() {
        let secret = Secret::new("s e+c:ret".to_owned());
        let credentials =
            Credentials { client_id: "app:1", method: ClientAuthMethod::Basic, secret: Some(&secret) };
        let mut headers = HeaderMap::new();
        credentials.add_to_headers(&mut headers);
        let value = headers.get(header::AUTHORIZATION).unwrap();
        let expected = STANDARD.encode_to_string("app%3A1:s+e%2Bc%3Aret");
        assert_eq!(value.to_str().unwrap(), format!("Basic {expected}"));
        assert!(value.is_sensitive());
    }
}
