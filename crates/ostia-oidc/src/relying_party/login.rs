//! The start of a login: the URL a browser is sent to (OpenID Connect Core section 3.1.2.1).

use openidconnect::core::CoreResponseType;
use openidconnect::{AuthenticationFlow, CsrfToken, Nonce, PkceCodeChallenge, RedirectUrl, Scope};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config::Secret;
use ostia_config::provider::{Client, ResponseMode};

use super::push::PushRefused;
use crate::Fault;
use crate::provider::Provider;

/// What a login is started with.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoginRequest<'a> {
    /// `redirect_uri` as it is registered at the issuer; sent byte for byte. It comes from the configuration, never
    /// from a header of the request.
    pub redirect_uri: &'a str,
    /// `state`, where the caller has something to remember in it: opaque to others, never used twice, at least 128
    /// random bits. One is drawn when it is left out.
    pub state: Option<&'a str>,
    /// `prompt`, for example `login` or `none`. Replaces one of `authorize_params`.
    pub prompt: Option<&'a str>,
    /// `login_hint`: the user name to begin with.
    pub login_hint: Option<&'a str>,
    /// `acr_values`: the classes of authentication that would do, in order of preference (OpenID Connect Core section
    /// 3.1.2.1). Empty: any. Replaces one of `authorize_params`.
    pub acr_values: &'a [String],
    /// `max_age`: how long ago the person may have signed in at the issuer. `None`: any time. Of this and one of
    /// `authorize_params` the shorter counts.
    pub max_age: Option<Duration>,
}

/// A login under way: the URL, and the facts that the callback will be held against. The caller seals them into the
/// flow cookie of the browser.
#[derive(Clone, Debug)]
pub struct LoginStart {
    /// Where the browser is sent.
    pub url: String,
    /// What [`Provider::finish_login`] needs to know again.
    pub attempt: LoginAttempt,
}

/// The facts of one login attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginAttempt {
    /// `state` (RFC 6749 section 10.12): the caller's, or 128 random bits as base64url.
    pub state: String,
    /// `nonce`: 128 random bits as base64url (OpenID Connect Core section 15.5.2).
    pub nonce: String,
    /// PKCE `code_verifier`: 256 random bits as base64url, 43 characters (RFC 7636 section 4.1).
    pub verifier: Secret<String>,
    /// The `redirect_uri` that was sent; repeated in the code exchange (RFC 6749 section 4.1.3).
    pub redirect_uri: String,
}

/// Why a login cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LoginRefused {
    /// The provider has no `client_id`: its tokens are accepted, nobody signs in with it.
    #[error("nobody signs in with this provider")]
    NotForPeople,
    /// The issuer's metadata was never loaded, or the issuer has failed us since: answer 503 with `Retry-After`.
    #[error("the provider is not reachable")]
    Unavailable {
        /// When the next attempt to reach the issuer will have been made.
        retry_after: Duration,
    },
    /// `redirect_uri` is no absolute URL.
    #[error("the redirect_uri is not a URL")]
    RedirectUri,
    /// The issuer did not take the request that was pushed to it.
    #[error("the authorization request could not be pushed")]
    NotPushed(#[from] PushRefused),
}

impl LoginRefused {
    /// The reason as a word for logs, metrics and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NotForPeople => "provider_without_client",
            Self::Unavailable { .. } => "provider_unavailable",
            Self::RedirectUri => "redirect_uri_malformed",
            Self::NotPushed(refused) => refused.slug(),
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotForPeople | Self::RedirectUri => Fault::Operator,
            Self::Unavailable { .. } => Fault::Issuer,
            Self::NotPushed(refused) => refused.fault(),
        }
    }
}

impl Provider {
    /// Starts a login: authorization code flow with PKCE S256, `state` and `nonce`, always.
    ///
    /// Waits, at most 1.5 s, for metadata that is being fetched at this moment, or for another try at an issuer that
    /// failed the last time; else it waits only where the request is pushed to the issuer first (RFC 9126).
    ///
    /// # Errors
    /// The provider is for tokens only, its metadata was never loaded, the caller gave no URL, or the issuer did not
    /// take a request that was pushed.
    pub async fn begin_login(
        self: &Arc<Self>,
        request: LoginRequest<'_>,
    ) -> Result<LoginStart, LoginRefused> {
        let settings = self.settings().client.as_ref().ok_or(LoginRefused::NotForPeople)?;
        let unavailable = || LoginRefused::Unavailable { retry_after: self.retry_after() };
        let published = self.metadata_soon().await.ok_or_else(unavailable)?;
        // Better a page of ours that says when to come back than a browser's error at the issuer's address.
        if self.is_dark().await {
            return Err(unavailable());
        }
        let login = published.metadata.login.as_ref().ok_or(LoginRefused::NotForPeople)?;
        let client = login.clients.any().ok_or(LoginRefused::NotForPeople)?;
        let redirect =
            RedirectUrl::new(request.redirect_uri.to_owned()).map_err(|_| LoginRefused::RedirectUri)?;

        let state = request.state.map(|state| CsrfToken::new(state.to_owned()));
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut asking = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || state.unwrap_or_else(CsrfToken::new_random),
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge)
            .set_redirect_uri(Cow::Owned(redirect))
            .add_scopes(settings.scopes.iter().map(|scope| Scope::new(scope.clone())));
        for (name, value) in settings.authorize_params.iter().filter(|(name, _)| may_add(name, &request)) {
            asking = asking.add_extra_param(name, value);
        }
        for (name, value) in [("prompt", request.prompt), ("login_hint", request.login_hint)] {
            if let Some(value) = value {
                asking = asking.add_extra_param(name, value);
            }
        }
        if !request.acr_values.is_empty() {
            asking = asking.add_extra_param("acr_values", request.acr_values.join(" "));
        }
        // A route that asks for less than the provider does not loosen its rule.
        let most = request.max_age.into_iter().chain(max_age_of(settings)).min();
        if let Some(most) = most {
            asking = asking.add_extra_param("max_age", most.as_secs().to_string());
        }
        if settings.ways.response_mode == ResponseMode::FormPost {
            asking = asking.add_extra_param("response_mode", "form_post");
        }
        let (url, state, nonce) = asking.url();
        let url = match &login.push {
            Some(endpoint) => self.push(login, endpoint, &url, SystemTime::now()).await?,
            None => url,
        };
        let attempt = LoginAttempt {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: Secret::new(verifier.into_secret()),
            redirect_uri: request.redirect_uri.to_owned(),
        };
        Ok(LoginStart { url: url.into(), attempt })
    }
}

/// Whether a parameter of the configuration is sent: not one that the protocol sets, nor one that the caller does. The
/// configuration is checked for the former; that a second `state` is never sent must not hang on another crate.
fn may_add(name: &str, request: &LoginRequest<'_>) -> bool {
    const OURS: [&str; 9] = [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "request",
    ];
    let replaced = (name == "prompt" && request.prompt.is_some())
        || (name == "login_hint" && request.login_hint.is_some())
        || (name == "acr_values" && !request.acr_values.is_empty())
        // It is added as a number.
        || name == "max_age";
    !OURS.contains(&name) && !replaced
}

/// `max_age` of `authorize_params`: then the ID token has to say that it was kept.
pub(super) fn max_age_of(client: &Client) -> Option<Duration> {
    client.authorize_params.get("max_age")?.parse().ok().map(Duration::from_secs)
}
