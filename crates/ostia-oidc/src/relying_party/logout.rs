//! The way out: the URL of the provider's end-session endpoint (OpenID Connect RP-Initiated Logout 1.0 section 2).

use crate::provider::Provider;

/// What the end-session request says.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogoutRequest<'a> {
    /// The last ID token, as `id_token_hint`. It goes through the browser, to the issuer that made it.
    pub id_token_hint: Option<&'a str>,
    /// `post_logout_redirect_uri` as it is registered at the issuer.
    pub post_logout_redirect_uri: Option<&'a str>,
    /// `state`, which comes back with the browser.
    pub state: Option<&'a str>,
}

impl Provider {
    /// Where to send a browser whose local session has just been ended, so that the session at the provider ends too.
    ///
    /// `None` when the provider has no such endpoint, is for tokens only, or its metadata was never loaded: then the
    /// local logout is all there is.
    #[must_use]
    pub fn end_session_url(&self, request: LogoutRequest<'_>) -> Option<String> {
        let client = self.settings().client.as_ref()?;
        let mut url = self.metadata()?.end_session_endpoint.clone()?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("client_id", &client.client_id);
            let parts = [
                ("id_token_hint", request.id_token_hint),
                ("post_logout_redirect_uri", request.post_logout_redirect_uri),
                ("state", request.state.filter(|_| request.post_logout_redirect_uri.is_some())),
            ];
            for (name, value) in parts {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
        }
        Some(url.into())
    }
}
