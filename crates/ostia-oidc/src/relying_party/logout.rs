//! The way out: where a browser is sent to end the session at the provider, in the provider's own dialect (OpenID
//! Connect RP-Initiated Logout 1.0 section 2, and where issuers differ from it).

use ostia_config::provider::LogoutDialect;
use url::Url;

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
    /// `None` when the provider has no such endpoint or would show an error there, is for tokens only, or its metadata
    /// was never loaded: then the local logout is all there is.
    #[must_use]
    pub fn end_session_url(&self, request: LogoutRequest<'_>) -> Option<String> {
        let client = self.settings().client.as_ref()?;
        let metadata = self.metadata()?;
        let exit = Exit {
            client_id: &client.client_id,
            issuer: &self.issuer,
            end_session: metadata.end_session_endpoint.as_ref(),
            authorization: metadata.authorization_endpoint.as_ref(),
        };
        exit.url(client.logout_dialect, request).map(String::from)
    }
}

/// What is known of the way out.
struct Exit<'a> {
    client_id: &'a str,
    issuer: &'a str,
    end_session: Option<&'a Url>,
    authorization: Option<&'a Url>,
}

impl Exit<'_> {
    fn url(&self, dialect: LogoutDialect, request: LogoutRequest<'_>) -> Option<Url> {
        match (dialect, self.end_session) {
            (LogoutDialect::None, _) => None,
            (LogoutDialect::Okta, _) if request.id_token_hint.is_none() => None,
            (LogoutDialect::Cognito, advertised) => {
                // The domain of the pool has it at the top, whatever the metadata say of it.
                let beside = || self.authorization.and_then(|authorize| authorize.join("../logout").ok());
                let logout = advertised.cloned().or_else(beside)?;
                Some(self.with(logout, [("logout_uri", request.post_logout_redirect_uri)]))
            }
            (LogoutDialect::Auth0, None) => {
                let logout = Url::parse(&format!("{}/v2/logout", self.issuer.trim_end_matches('/'))).ok()?;
                Some(self.with(logout, [("returnTo", request.post_logout_redirect_uri)]))
            }
            (LogoutDialect::Oidc | LogoutDialect::Okta | LogoutDialect::Auth0, advertised) => {
                let parts = [
                    ("id_token_hint", request.id_token_hint),
                    ("post_logout_redirect_uri", request.post_logout_redirect_uri),
                    ("state", request.state.filter(|_| request.post_logout_redirect_uri.is_some())),
                ];
                Some(self.with(advertised?.clone(), parts))
            }
        }
    }

    fn with<const N: usize>(&self, mut url: Url, parts: [(&str, Option<&str>); N]) -> Url {
        let present = parts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        url.query_pairs_mut().append_pair("client_id", self.client_id).extend_pairs(present);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_has_its_own_way_out() {
        use LogoutDialect::{Auth0, Cognito, None as Nowhere, Oidc, Okta};
        let (back, hint) = ("https://app.example.com/bye", "e.y.J");
        let end = "https://issuer.example/end?tenant=1";
        let back_text = "https%3A%2F%2Fapp.example.com%2Fbye";
        for (name, dialect, end_session, hint, expected) in [
            (
                "by the standard",
                Oidc,
                Some(end),
                Some(hint),
                Some(format!(
                    "{end}&client_id=ostia&id_token_hint=e.y.J&post_logout_redirect_uri={back_text}"
                )),
            ),
            (
                "without hint",
                Oidc,
                Some(end),
                None,
                Some(format!("{end}&client_id=ostia&post_logout_redirect_uri={back_text}")),
            ),
            ("not advertised", Oidc, None, Some(hint), None),
            (
                "okta",
                Okta,
                Some(end),
                Some(hint),
                Some(format!(
                    "{end}&client_id=ostia&id_token_hint=e.y.J&post_logout_redirect_uri={back_text}"
                )),
            ),
            ("okta shows an error without hint", Okta, Some(end), None, None),
            (
                "cognito",
                Cognito,
                Some("https://pool.example/logout"),
                Some(hint),
                Some(format!("https://pool.example/logout?client_id=ostia&logout_uri={back_text}")),
            ),
            (
                "cognito, not advertised",
                Cognito,
                None,
                Some(hint),
                Some(format!("https://pool.example/logout?client_id=ostia&logout_uri={back_text}")),
            ),
            (
                "auth0, advertised",
                Auth0,
                Some("https://t.example/oidc/logout"),
                Some(hint),
                Some(format!(
                    "https://t.example/oidc/logout?client_id=ostia&id_token_hint=e.y.J&post_logout_redirect_uri={back_text}"
                )),
            ),
            (
                "auth0, not advertised",
                Auth0,
                None,
                Some(hint),
                Some(format!("https://t.example/v2/logout?client_id=ostia&returnTo={back_text}")),
            ),
            ("nowhere", Nowhere, Some(end), Some(hint), None),
        ] {
            let url = |text: &str| Url::parse(text).unwrap();
            let (end_session, authorization) =
                (end_session.map(url), url("https://pool.example/oauth2/authorize"));
            let exit = Exit {
                client_id: "ostia",
                issuer: "https://t.example/",
                end_session: end_session.as_ref(),
                authorization: Some(&authorization),
            };
            let request =
                LogoutRequest { id_token_hint: hint, post_logout_redirect_uri: Some(back), state: None };
            assert_eq!(exit.url(dialect, request).map(String::from), expected, "{name}");
        }
    }
}
