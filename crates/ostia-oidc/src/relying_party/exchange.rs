//! A call to the token endpoint: what came back, or whose fault it is that nothing did.

use std::time::{Duration, SystemTime};

use openidconnect::{OAuth2TokenResponse, RequestTokenError};
use ostia_config::Secret;

use crate::Fault;
use crate::provider::http::HttpRefused;
use crate::provider::login_side::Clients;
use crate::relying_party::token_answer::{TokenAnswer, TokenErrorAnswer};

/// What the token endpoint gave us, before the ID token is looked at.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access_token: Secret<String>,
    pub(crate) access_expires_at: Option<SystemTime>,
    pub(crate) refresh_token: Option<Secret<String>>,
    pub(crate) id_token: Option<Secret<String>>,
    pub(crate) scopes: Option<Vec<String>>,
}

/// Why the token endpoint gave no tokens.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeRefused {
    /// No usable HTTP answer: unreachable, too slow, too large, a redirect, a 5xx.
    #[error("the token endpoint gave no answer")]
    Http(#[from] HttpRefused),
    /// An error document (RFC 6749 section 5.2).
    #[error("the token endpoint refused with {0:?}")]
    Refused(TokenError),
    /// An answer that is not what RFC 6749 section 5.1 asks for.
    #[error("the token endpoint's answer cannot be read")]
    Malformed,
    /// `token_type` is not `Bearer`.
    #[error("the token endpoint gave a token that is not of type Bearer")]
    TokenType,
    /// `token_type` is not `DPoP` although the key was shown: whoever steals the tokens can use them (RFC 9449 section
    /// 5).
    #[error("the token endpoint gave a token that is not bound to our key")]
    NotBound,
}

/// The error codes of RFC 6749 section 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The code or refresh token is expired, revoked, spent or somebody else's.
    InvalidGrant,
    /// Our client id, secret or authentication method is not accepted. The operator's to mend.
    InvalidClient,
    /// Our client may not use this grant. The operator's to mend.
    UnauthorizedClient,
    /// A parameter is missing or wrong.
    InvalidRequest,
    /// A scope is unknown or not ours.
    InvalidScope,
    /// The issuer does not know the grant type.
    UnsupportedGrantType,
    /// The issuer is overloaded (`temporarily_unavailable`, `slow_down`) or says `server_error`.
    Unavailable,
    /// A code outside of the standard.
    Other,
}

impl TokenError {
    pub(crate) fn read(error: &str) -> Self {
        match error {
            "invalid_grant" => Self::InvalidGrant,
            "invalid_client" => Self::InvalidClient,
            "unauthorized_client" => Self::UnauthorizedClient,
            "invalid_request" => Self::InvalidRequest,
            "invalid_scope" => Self::InvalidScope,
            "unsupported_grant_type" => Self::UnsupportedGrantType,
            "temporarily_unavailable" | "server_error" | "slow_down" => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

impl ExchangeRefused {
    /// The reason as a word for logs, metrics and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Http(cause) => cause.slug(),
            Self::Malformed => "token_answer_malformed",
            Self::TokenType => "token_type_not_bearer",
            Self::NotBound => "token_type_not_dpop",
            Self::Refused(error) => match error {
                TokenError::InvalidGrant => "invalid_grant",
                TokenError::InvalidClient => "invalid_client",
                TokenError::UnauthorizedClient => "unauthorized_client",
                TokenError::InvalidRequest => "invalid_request",
                TokenError::InvalidScope => "invalid_scope",
                TokenError::UnsupportedGrantType => "unsupported_grant_type",
                TokenError::Unavailable => "token_endpoint_unavailable",
                TokenError::Other => "token_error_unknown",
            },
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(TokenError::InvalidGrant) => Fault::Caller,
            Self::Refused(TokenError::Unavailable)
            | Self::Http(_)
            | Self::Malformed
            | Self::TokenType
            | Self::NotBound => Fault::Issuer,
            Self::Refused(_) => Fault::Operator,
        }
    }
}

type Asked = Result<TokenAnswer, RequestTokenError<HttpRefused, TokenErrorAnswer>>;

/// Reads the outcome of a token call made at `now`; `bound` when it showed a key that the tokens are to be bound to.
pub(crate) fn tokens(asked: Asked, bound: bool, now: SystemTime) -> Result<Tokens, ExchangeRefused> {
    let answer = asked.map_err(refusal)?;
    match bound {
        true if !answer.is_of_type("DPoP") => return Err(ExchangeRefused::NotBound),
        false if !answer.is_of_type("Bearer") => return Err(ExchangeRefused::TokenType),
        _ => {}
    }
    if answer.access_token().secret().is_empty() {
        return Err(ExchangeRefused::Malformed);
    }
    Ok(Tokens {
        access_token: Secret::new(answer.access_token().secret().clone()),
        access_expires_at: answer.expires_in().map(|lifetime: Duration| now + lifetime),
        refresh_token: answer.refresh_token_text().map(|text| Secret::new(text.to_owned())),
        id_token: answer.id_token_text().map(|text| Secret::new(text.to_owned())),
        scopes: answer.scopes().map(|list| list.iter().map(|scope| scope.as_str().to_owned()).collect()),
    })
}

/// The answers to one question, asked with each live secret of the client in turn.
#[derive(Debug)]
pub(crate) struct Answers<'a> {
    clients: &'a Clients,
    last: Result<Tokens, ExchangeRefused>,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(clients: &'a Clients) -> Self {
        Self { clients, last: Err(ExchangeRefused::Refused(TokenError::InvalidClient)) }
    }

    /// Takes the answer to the client at `place`; true when it is the one that counts. Whom the issuer does not know
    /// has spent nothing, so another secret may be tried.
    pub(crate) fn take(&mut self, place: usize, answer: Result<Tokens, ExchangeRefused>) -> bool {
        let counts = !matches!(answer, Err(ExchangeRefused::Refused(TokenError::InvalidClient)));
        if counts {
            self.clients.accepted(place);
        }
        self.last = answer;
        counts
    }

    /// The answer that counts.
    pub(crate) fn last(self) -> Result<Tokens, ExchangeRefused> {
        self.last
    }
}

/// The bodies inside these errors may hold tokens or repeat the request: they go no further.
fn refusal(error: RequestTokenError<HttpRefused, TokenErrorAnswer>) -> ExchangeRefused {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            ExchangeRefused::Refused(TokenError::read(&answer.error))
        }
        RequestTokenError::Request(cause) => ExchangeRefused::Http(cause),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => ExchangeRefused::Malformed,
    }
}
