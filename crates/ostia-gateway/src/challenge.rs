//! Answers to tokens that do not count (RFC 6750 section 3).

use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use ostia_oidc::resource_server::challenge::{Challenge, Complaint};
use ostia_policy::StepUp;

use crate::answer::{Answer, Refusal};
use crate::exchange::{Exchange, Told};
use crate::resource;
use crate::snapshot::RunningProvider;
use crate::stage::receive::Arrived;
use crate::stage::route::Routed;

/// Refuses a bearer token: 401 (400 for a request with two) and why.
#[must_use]
pub(crate) fn refuse_token(
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    complaint: Complaint,
    reason: &'static str,
) -> Answer {
    let challenge = described(arrived, exchange).because(complaint, &reason.replace('_', " "));
    let refusal = Refusal::new(challenge.status(), reason, "The token is not accepted here");
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
        .with(header::WWW_AUTHENTICATE, challenge.field())
}

/// Refuses a token whose holder has not shown what it is bound to, in the scheme of the proof (RFC 9449 section 7.1).
#[must_use]
pub(crate) fn refuse_possession(
    running: &RunningProvider,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    complaint: Complaint,
    reason: &'static str,
) -> Answer {
    let challenge = described(arrived, exchange)
        .because(complaint, &reason.replace('_', " "))
        .by_dpop(running.provider.algorithms().names());
    let refusal = Refusal::new(challenge.status(), reason, "The token is not accepted without its proof");
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
        .with(header::WWW_AUTHENTICATE, challenge.field())
}

/// Asks the holder of a sound token to come back with one of a stronger or fresher sign-in (RFC 9470 section 3).
#[must_use]
pub(crate) fn step_up(
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    reason: &'static str,
    wanted: &StepUp<'_>,
) -> Answer {
    let challenge = described(arrived, exchange).step_up(wanted.acr, wanted.max_age);
    let refusal = Refusal::new(challenge.status(), reason, "A stronger or fresher sign-in is needed");
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
        .with(header::WWW_AUTHENTICATE, challenge.field())
}

/// Adds what a token lacks to a 403: its scopes, if that is the reason.
#[must_use]
pub(crate) fn insufficient(answer: Answer, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    match exchange.outcome.decision {
        Some(Told { reason: "scope_missing", .. }) => {
            let needed = exchange.outcome.route.iter().flat_map(|route| &route.scopes);
            let challenge = described(arrived, exchange)
                .because(Complaint::InsufficientScope, "the token lacks a scope")
                .needing(needed);
            answer.with(header::WWW_AUTHENTICATE, challenge.field())
        }
        _ => answer,
    }
}

/// The challenge to a request without a credential.
#[must_use]
pub(crate) fn ask(routed: &Routed, arrived: &Arrived<'_>, login_path: Option<&str>) -> HeaderValue {
    match login_path {
        Some(path) if !routed.route.credentials.bearer => {
            // RFC 9110 section 15.5.2 wants a challenge with every 401; there is no registered scheme for a login
            // form, so this is the one of draft-broyer-http-cookie-auth.
            let text = format!("Cookie realm=\"{}\", form-action=\"{path}\"", arrived.examined.host().name());
            HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Cookie"))
        }
        _ => {
            let address = resource::metadata_address(arrived, &routed.route);
            realm(arrived).needing(&routed.route.scopes).described_at(&address).field()
        }
    }
}

/// `Retry-After` in whole seconds, at least one.
#[must_use]
pub(crate) fn retry_after(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs().max(1))
}

/// A challenge that says where the resource describes itself.
fn described(arrived: &Arrived<'_>, exchange: &Exchange) -> Challenge {
    match &exchange.outcome.route {
        Some(route) => realm(arrived).described_at(&resource::metadata_address(arrived, route)),
        None => realm(arrived),
    }
}

fn realm(arrived: &Arrived<'_>) -> Challenge {
    Challenge::new(arrived.examined.host().name())
}

/// 401 in the two forms that a request without a credential gets.
#[must_use]
pub(crate) fn unauthorized(reason: &'static str) -> Refusal<'static> {
    Refusal::new(StatusCode::UNAUTHORIZED, reason, "Please sign in")
}
