//! `/.ostia/back-channel-logout`: the issuer itself ends sessions (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use ostia_identity::{LogoutToken, peek_issuer};
use ostia_oidc::relying_party::logout_token::LogoutRefused;
use ostia_request::is_form;
use ostia_session::Ended;
use pingora_proxy::Session as Downstream;

use super::posted::{self, BodyRefused};
use crate::answer::Answer;
use crate::challenge;
use crate::exchange::Exchange;
use crate::happened::Happened;
use crate::proxy::Front;
use crate::snapshot::RunningProvider;
use crate::stage::receive::Arrived;

/// A logout token has 1 KB; nothing else is in the form.
const MAX_BODY_BYTES: usize = 32 * 1024;

/// What is known of the letter before its body is read.
pub(crate) struct Letter {
    is_post: bool,
    is_form: bool,
}

/// Why a letter ends nothing.
enum Refused {
    Method,
    Request(&'static str),
    Unavailable(Arc<RunningProvider>, &'static str),
}

impl Refused {
    fn reason(&self) -> &'static str {
        match self {
            Self::Method => "method_not_allowed",
            Self::Request(reason) | Self::Unavailable(_, reason) => reason,
        }
    }
}

fn told<'a>(
    provider: Option<&'a str>,
    subject: Option<&'a str>,
    outcome: Result<&'static str, &'static str>,
) -> Happened<'a> {
    Happened::logout_by_issuer("back_channel", provider, subject, outcome)
}

impl Letter {
    /// The letter that a request brings.
    pub(crate) fn of(arrived: &Arrived<'_>) -> Self {
        Self { is_post: arrived.request.method == Method::POST, is_form: is_form(&arrived.request.headers) }
    }

    /// Reads it and does what it says.
    pub(crate) async fn answer(
        self,
        front: &Front,
        downstream: &mut Downstream,
        exchange: &Exchange,
    ) -> Answer {
        match self.act(front, downstream, exchange).await {
            Ok((provider, accepted)) => {
                let (name, subject) = (Some(&*provider.section.name), accepted.subject.as_deref());
                told(name, subject, Ok("signed_out")).by(front, downstream.req_header(), exchange);
                Answer::empty(StatusCode::OK, "back_channel_logout")
            }
            Err(refused) => {
                told(None, None, Err(refused.reason())).by(front, downstream.req_header(), exchange);
                refuse(exchange, refused)
            }
        }
    }

    async fn act(
        self,
        front: &Front,
        downstream: &mut Downstream,
        exchange: &Exchange,
    ) -> Result<(Arc<RunningProvider>, LogoutToken), Refused> {
        if !self.is_post {
            return Err(Refused::Method);
        }
        if !self.is_form {
            return Err(Refused::Request("logout_not_a_form"));
        }
        let body = posted::read(downstream, MAX_BODY_BYTES).await.map_err(|refused| {
            Refused::Request(match refused {
                BodyRefused::TooLarge => "logout_body_too_large",
                BodyRefused::Broken | BodyRefused::NotText => "logout_body_broken",
            })
        })?;
        let mut tokens = url::form_urlencoded::parse(&body)
            .filter(|(name, _)| name == "logout_token")
            .map(|(_, token)| token);
        let token = tokens.next().ok_or(Refused::Request("logout_token_missing"))?;
        if tokens.next().is_some() {
            return Err(Refused::Request("logout_token_twice"));
        }
        let (provider, accepted) = judge(&token, exchange).await?;
        let issuer = &provider.section.issuer;
        let endings = front.gateway.endings();
        if !endings.use_logout_token(issuer, &accepted.id, accepted.worthless_at, exchange.now).await {
            return Err(Refused::Request("logout_token_replayed"));
        }
        let ended = match (&accepted.session, &accepted.subject) {
            (Some(session), _) => Ended::IssuerSession { issuer, session },
            (None, Some(subject)) => Ended::Subject { issuer, subject },
            (None, None) => return Err(Refused::Request("logout_of_nobody")),
        };
        let cut = endings.end_all_of(ended, exchange.snapshot.sessions.lifetimes(), exchange.now);
        tracing::info!(provider = %provider.section.name, by_sid = accepted.session.is_some(), streams = cut, "the issuer ended a session");
        Ok((provider, accepted))
    }
}

/// The provider whose issuer made the token, and what it says.
async fn judge(token: &str, exchange: &Exchange) -> Result<(Arc<RunningProvider>, LogoutToken), Refused> {
    let issuer = peek_issuer(token).ok_or(Refused::Request("logout_token_malformed"))?;
    let of_issuer = exchange.snapshot.providers.values().filter(|running| running.provider.is_named(&issuer));
    let mut refused = Refused::Request("issuer_unknown");
    for running in of_issuer {
        match running.provider.accept_logout(token, exchange.now).await {
            Ok(accepted) => return Ok((Arc::clone(running), accepted)),
            Err(LogoutRefused::Unavailable) => {
                refused = Refused::Unavailable(Arc::clone(running), LogoutRefused::Unavailable.slug());
            }
            Err(other) => refused = Refused::Request(other.slug()),
        }
    }
    Err(refused)
}

/// Section 2.8: 400 with an error document; the description says why, because only the issuer reads it.
fn refuse(exchange: &Exchange, refused: Refused) -> Answer {
    let reason = refused.reason();
    let (status, error) = match &refused {
        Refused::Method => (StatusCode::METHOD_NOT_ALLOWED, "invalid_request"),
        Refused::Request(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
        Refused::Unavailable(..) => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
    };
    tracing::info!(reason, request = %exchange.id.as_str(), "a back-channel logout was refused");
    let body = serde_json::json!({ "error": error, "error_description": reason });
    let answer = Answer::json(status, reason, &body);
    match refused {
        Refused::Method => answer.with(header::ALLOW, HeaderValue::from_static("POST")),
        Refused::Unavailable(running, _) => {
            answer.with(header::RETRY_AFTER, challenge::retry_after(running.provider.retry_after()))
        }
        Refused::Request(_) => answer,
    }
}
