//! What happens when a server fails: another one, or an answer that says so.

use http::StatusCode;
use ostia_telemetry::EndReason;
use pingora_error::{Error, ErrorSource, ErrorType};
use pingora_proxy::{FailToProxy, Session as Downstream};

use crate::answer::{Answer, Reader, Refusal};
use crate::exchange::{Exchange, Progress};
use crate::proxy::Front;

/// No connection: nothing was sent, so every request may go elsewhere.
pub fn after_connect_failure(front: &Front, exchange: &mut Exchange, mut error: Box<Error>) -> Box<Error> {
    if let Progress::Forwarding(forwarding) = &exchange.progress {
        forwarding.picked.failed_to_connect(forwarding.authorized.group());
    }
    let again = may_try_again(exchange);
    if again {
        count_retry(front, exchange, "connect");
    }
    error.set_retry(again);
    error
}

/// The exchange broke off. Another try is safe where the request is idempotent, is still whole, and not a byte of an
/// answer reached the client.
pub fn after_broken_exchange(
    front: &Front,
    downstream: &Downstream,
    exchange: &mut Exchange,
    mut error: Box<Error>,
    reused: bool,
) -> Box<Error> {
    let upstream_fault = *error.esource() == ErrorSource::Upstream;
    let timed_out = matches!(error.etype(), ErrorType::ReadTimedout | ErrorType::WriteTimedout);
    let unanswered = downstream.response_written().is_none();
    let idempotent =
        downstream.req_header().method.is_idempotent() && !downstream.as_ref().retry_buffer_truncated();
    if let (Progress::Forwarding(forwarding), true) = (&exchange.progress, upstream_fault) {
        let why = if timed_out { "no answer in time" } else { "broken connections" };
        // A connection that was idle may have been closed for that: it says nothing about the server.
        if !reused || timed_out {
            forwarding.picked.broke_off(forwarding.authorized.group(), why);
        }
    }
    let safe = idempotent && unanswered && upstream_fault && !timed_out;
    let again = safe && may_try_again(exchange);
    if again {
        count_retry(front, exchange, if reused { "reset" } else { "broken" });
    }
    error.set_retry(again);
    error
}

fn may_try_again(exchange: &Exchange) -> bool {
    match &exchange.progress {
        Progress::Forwarding(forwarding) => {
            let allowed = forwarding.authorized.group().config().retry.attempts;
            exchange.outcome.attempts <= allowed
        }
        Progress::Authorized(_) | Progress::Closed => false,
    }
}

fn count_retry(front: &Front, exchange: &Exchange, reason: &'static str) {
    if let Some(upstream) = exchange.outcome.upstream() {
        front.gateway.metrics().upstream_retried(upstream, reason);
    }
}

/// Tells the client what became of the request; the connection is not used again.
pub async fn answer_failure(
    front: &Front,
    downstream: &mut Downstream,
    error: &Error,
    exchange: &mut Exchange,
) -> FailToProxy {
    let failure = Failure::of(error);
    exchange.outcome.end = Some(failure.end);
    let Some(status) = failure.status else {
        return FailToProxy { error_code: 0, can_reuse_downstream: false };
    };
    if downstream.response_written().is_none() {
        let answer =
            failure.answer(status, downstream, exchange).with_cookies(exchange.outcome.cookies.drain(..));
        let answer = crate::extension::on_own_answer(front, downstream, answer, exchange);
        exchange.outcome.answered = Some((status.as_u16(), failure.reason));
        downstream.set_keepalive(None);
        if let Err(error) = answer.write(downstream, &exchange.id.to_value()).await {
            tracing::debug!(%error, "the client left before it was told");
        }
    }
    FailToProxy { error_code: status.as_u16(), can_reuse_downstream: false }
}

/// A failure in the words of the access log and of the page.
struct Failure {
    /// `None`: the client is gone, nobody is left to tell.
    status: Option<StatusCode>,
    reason: &'static str,
    title: &'static str,
    end: EndReason,
}

impl Failure {
    fn of(error: &Error) -> Self {
        match error.etype() {
            ErrorType::HTTPStatus(503) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_server",
                "No server can take the request right now",
                EndReason::NoServer,
            ),
            ErrorType::HTTPStatus(413) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The request's body is too large",
                EndReason::TooLarge,
            ),
            _ => match error.esource() {
                ErrorSource::Upstream => Self::of_upstream(error),
                ErrorSource::Downstream => Self::of_downstream(error),
                ErrorSource::Internal | ErrorSource::Unset => Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "Something went wrong here",
                    EndReason::Internal,
                ),
            },
        }
    }

    fn new(status: StatusCode, reason: &'static str, title: &'static str, end: EndReason) -> Self {
        Self { status: Some(status), reason, title, end }
    }

    fn of_upstream(error: &Error) -> Self {
        match error.etype() {
            ErrorType::ConnectTimedout | ErrorType::ReadTimedout | ErrorType::WriteTimedout => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "The server took too long to answer",
                EndReason::UpstreamTimeout,
            ),
            ErrorType::ConnectRefused
            | ErrorType::ConnectNoRoute
            | ErrorType::ConnectError
            | ErrorType::SocketError => Self::new(
                StatusCode::BAD_GATEWAY,
                "upstream_refused",
                "The server cannot be reached",
                EndReason::UpstreamRefused,
            ),
            _ => Self::new(
                StatusCode::BAD_GATEWAY,
                "upstream_reset",
                "The server broke off its answer",
                EndReason::UpstreamReset,
            ),
        }
    }

    fn of_downstream(error: &Error) -> Self {
        match error.etype() {
            ErrorType::ReadTimedout => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "The request's body came too slowly",
                EndReason::ClientTimeout,
            ),
            ErrorType::WriteError
            | ErrorType::ReadError
            | ErrorType::ConnectionClosed
            | ErrorType::H2Error => {
                Self { status: None, reason: "client_gone", title: "", end: EndReason::ClientGone }
            }
            _ => Self::new(
                StatusCode::BAD_REQUEST,
                "bad_request",
                "The request cannot be understood",
                EndReason::BadRequest,
            ),
        }
    }

    fn answer(&self, status: StatusCode, downstream: &Downstream, exchange: &Exchange) -> Answer {
        let request = downstream.req_header();
        let person = ostia_request::is_navigation(&request.method, &request.headers);
        let reader = if person { Reader::Person } else { Reader::Machine };
        let refusal = Refusal::new(status, self.reason, self.title).advise(match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                "Try again in a moment. If it stays so, tell the operator the request's number below."
            }
            _ => "",
        });
        let answer = Answer::refuse(&refusal, reader, &exchange.snapshot.pages, exchange.id.as_str());
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return answer.with(http::header::RETRY_AFTER, http::HeaderValue::from_static("5"));
        }
        answer
    }
}
