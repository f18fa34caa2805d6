//! What happens when a server fails: another one, or an answer that says so.

use http::StatusCode;
use ostia_config::upstream::OnError;
use ostia_telemetry::EndReason;
use ostia_upstream::{NoPlace, Waited, is_own_shortage};
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::{FailToProxy, Session as Downstream};

use crate::answer::{Answer, Reader, Refusal};
use crate::exchange::{Exchange, Progress};
use crate::proxy::Front;
use crate::stage::select;

/// What went wrong with a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Connect,
    Reset,
    Timeout,
    Status(u16),
}

impl Cause {
    /// Whether the configuration names it.
    fn is_named(self, on_error: &OnError) -> bool {
        match self {
            Self::Connect => on_error.connect,
            Self::Reset => on_error.reset,
            Self::Timeout => on_error.timeout,
            Self::Status(status) => on_error.statuses.contains(&status),
        }
    }

    /// The word in the metrics.
    fn slug(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Status(_) => "status",
        }
    }
}

/// No connection: nothing was sent, so every request may go elsewhere. Want of sockets of our own is no server's fault,
/// and no other server could be reached.
pub fn after_connect_failure(front: &Front, exchange: &mut Exchange, mut error: Box<Error>) -> Box<Error> {
    if is_own_shortage(&error) {
        error.set_retry(false);
        return error;
    }
    if let Progress::Forwarding(forwarding) = &exchange.progress {
        forwarding.picked.failed_to_connect(forwarding.group());
    }
    let again = goes_elsewhere(front, exchange, Cause::Connect);
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
) -> Box<Error> {
    let Progress::Forwarding(forwarding) = &exchange.progress else { return error };
    // Its status was seen, and another server chosen.
    if forwarding.next.is_some() {
        error.set_retry(true);
        return error;
    }
    let waited = forwarding.trip.as_ref().and_then(|trip| trip.waited());
    let timed_out = waited.is_some() || *error.etype() == ErrorType::ReadTimedout;
    let is_upstream_fault =
        *error.esource() == ErrorSource::Upstream && *error.etype() != ErrorType::WriteTimedout;
    // A connection that was idle may have been closed for that: it says nothing about the server.
    let was_idle = forwarding.trip.as_ref().is_some_and(|trip| trip.was_reused());
    if is_upstream_fault && (timed_out || !was_idle) {
        forwarding.picked.broke_off(
            forwarding.group(),
            if timed_out { "no answer in time" } else { "broken connections" },
        );
    }
    let cause = if timed_out { Cause::Timeout } else { Cause::Reset };
    let again = is_upstream_fault && is_whole(downstream, exchange) && goes_elsewhere(front, exchange, cause);
    error.set_retry(again);
    error
}

/// A server answered with one of the statuses of `retry.on_error`: another one is asked where that is safe.
///
/// # Errors
/// The end of this try, which [`after_broken_exchange`] lets go on elsewhere.
pub fn after_status(
    front: &Front,
    downstream: &Downstream,
    response: &ResponseHeader,
    exchange: &mut Exchange,
) -> Result<()> {
    let status = response.status.as_u16();
    let Progress::Forwarding(forwarding) = &exchange.progress else { return Ok(()) };
    if status < 400 || !Cause::Status(status).is_named(&forwarding.group().config().retry.on_error) {
        return Ok(());
    }
    if is_whole(downstream, exchange) && goes_elsewhere(front, exchange, Cause::Status(status)) {
        if let Progress::Forwarding(forwarding) = &exchange.progress {
            forwarding.picked.answered(forwarding.group(), status);
        }
        return Err(Error::explain(ErrorType::HTTPStatus(status), "asked elsewhere").into_up());
    }
    Ok(())
}

/// Whether the request can be sent a second time: idempotent (RFC 9110 section 9.2.2), all that was read of its body is
/// still there, and the client has seen nothing.
fn is_whole(downstream: &Downstream, exchange: &Exchange) -> bool {
    let Progress::Forwarding(forwarding) = &exchange.progress else { return false };
    downstream.req_header().method.is_idempotent()
        && !forwarding.authorized.is_upgrade()
        && !downstream.as_ref().retry_buffer_truncated()
        && exchange.outcome.body_bytes <= forwarding.group().config().retry.body_bytes
        && downstream.response_written().is_none()
}

/// Chooses the server of the next try: there is one that was not tried, attempts are left, and the budget is not spent.
fn goes_elsewhere(front: &Front, exchange: &mut Exchange, cause: Cause) -> bool {
    let Progress::Forwarding(forwarding) = &exchange.progress else { return false };
    let group = forwarding.group();
    let retry = &group.config().retry;
    let is_wanted = cause.is_named(&retry.on_error) || (cause == Cause::Timeout && forwarding.is_per_try);
    if !is_wanted || exchange.outcome.attempts > retry.attempts {
        return false;
    }
    let mut tried = forwarding.tried;
    tried.insert(&forwarding.picked);
    let Ok(next) = group.place_now(&select::ask(&forwarding.authorized, &tried, exchange)) else {
        return false;
    };
    let metrics = front.gateway.metrics();
    if !group.may_retry(std::time::Instant::now()) {
        metrics.upstream_retried(&group.config().name, "budget_spent");
        return false;
    }
    metrics.upstream_retried(&group.config().name, cause.slug());
    if let Progress::Forwarding(forwarding) = &mut exchange.progress {
        forwarding.next = Some(next);
    }
    true
}

/// Tells the client what became of the request; the connection is not used again.
pub async fn answer_failure(
    front: &Front,
    downstream: &mut Downstream,
    error: &Error,
    exchange: &mut Exchange,
) -> FailToProxy {
    let failure = Failure::of(error, exchange);
    exchange.outcome.end = Some(failure.end);
    exchange.outcome.failed = Some(failure.reason);
    match exchange.outcome.upstream() {
        Some(upstream) if failure.is_upstreams => {
            front.gateway.metrics().upstream_failed(upstream, failure.reason);
        }
        _ => front.gateway.metrics().request_failed(failure.reason),
    }
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

/// Whether the listener found the body itself malformed, which it says by the kind of its error.
fn is_malformed(error: &Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::InvalidData)
}

/// A failure in the words of the access log and of the page.
struct Failure {
    /// `None`: the client is gone, nobody is left to tell.
    status: Option<StatusCode>,
    reason: &'static str,
    title: &'static str,
    end: EndReason,
    /// It counts among the failures of the upstream.
    is_upstreams: bool,
}

/// What a server was waited for in vain.
fn waited(exchange: &Exchange) -> Option<Waited> {
    match &exchange.progress {
        Progress::Forwarding(forwarding) => forwarding.trip.as_ref().and_then(|trip| trip.waited()),
        Progress::Authorized(_) | Progress::Closed => None,
    }
}

impl Failure {
    fn of(error: &Error, exchange: &Exchange) -> Self {
        if let Some(none) = exchange.outcome.no_place {
            return Self::of_no_place(none);
        }
        if let Some(status) = exchange.outcome.fault {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            return Self::new(
                status,
                "fault_on_purpose",
                "This request failed on purpose",
                EndReason::Answered,
            );
        }
        match error.etype() {
            ErrorType::HTTPStatus(413) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The request's body is too large",
                EndReason::TooLarge,
            ),
            ErrorType::HTTPStatus(408) => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_too_slow",
                "The request's body came too slowly",
                EndReason::ClientTimeout,
            ),
            _ => match error.esource() {
                ErrorSource::Upstream => Self::of_upstream(error, waited(exchange)),
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
        Self { status: Some(status), reason, title, end, is_upstreams: false }
    }

    /// Nobody is there who could be told.
    fn untold(reason: &'static str, end: EndReason) -> Self {
        Self { status: None, reason, title: "", end, is_upstreams: false }
    }

    fn of_server(status: StatusCode, reason: &'static str, title: &'static str, end: EndReason) -> Self {
        Self { is_upstreams: true, ..Self::new(status, reason, title, end) }
    }

    fn of_no_place(none: NoPlace) -> Self {
        let title = match none {
            NoPlace::NoServer => "No server can take the request right now",
            NoPlace::Full | NoPlace::TimedOut => "Too many requests are under way right now",
        };
        Self::of_server(StatusCode::SERVICE_UNAVAILABLE, none.slug(), title, EndReason::NoServer)
    }

    fn of_upstream(error: &Error, waited: Option<Waited>) -> Self {
        if is_own_shortage(error) {
            // Told by the reason in the access log and the metrics: one line here for each request would be a flood itself.
            tracing::debug!(%error, "no server can be connected to");
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "out_of_sockets",
                "Too many connections are open right now",
                EndReason::Internal,
            );
        }
        let late = |reason, title| {
            Self::of_server(StatusCode::GATEWAY_TIMEOUT, reason, title, EndReason::UpstreamTimeout)
        };
        let refused = |reason, title| {
            Self::of_server(StatusCode::BAD_GATEWAY, reason, title, EndReason::UpstreamRefused)
        };
        match (waited, error.etype()) {
            (Some(Waited::FirstByte), _) => {
                late("upstream_first_byte_timeout", "The server took too long to answer")
            }
            (Some(Waited::BetweenBytes), _) | (None, ErrorType::ReadTimedout) => {
                late("upstream_timeout", "The server took too long to answer")
            }
            (None, ErrorType::WriteTimedout) => {
                late("upstream_write_timeout", "The server took too long to read")
            }
            (None, ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout) => {
                late("upstream_connect_timeout", "The server cannot be reached")
            }
            (None, ErrorType::TLSHandshakeFailure | ErrorType::InvalidCert) => {
                refused("upstream_tls", "The server did not prove who it is")
            }
            (
                None,
                ErrorType::ConnectRefused
                | ErrorType::ConnectNoRoute
                | ErrorType::ConnectError
                | ErrorType::SocketError,
            ) => refused("upstream_refused", "The server cannot be reached"),
            _ => Self::of_server(
                StatusCode::BAD_GATEWAY,
                "upstream_reset",
                "The server broke off its answer",
                EndReason::UpstreamReset,
            ),
        }
    }

    fn of_downstream(error: &Error) -> Self {
        if is_malformed(error) {
            return Self::new(
                StatusCode::BAD_REQUEST,
                "malformed_chunks",
                "The request's body cannot be read",
                EndReason::BadRequest,
            );
        }
        match error.etype() {
            ErrorType::ReadTimedout => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "The request's body came too slowly",
                EndReason::ClientTimeout,
            ),
            // It has the head of an answer already: only the log can be told.
            ErrorType::WriteTimedout => Self::untold("client_reads_nothing", EndReason::ClientTimeout),
            ErrorType::WriteError
            | ErrorType::ReadError
            | ErrorType::ConnectionClosed
            | ErrorType::H2Error => Self::untold("client_gone", EndReason::ClientGone),
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
