//! `redirect: https`: the same address under TLS.

use http::{HeaderValue, StatusCode};
use ostia_config::route::HostPattern;

use super::refuse;
use crate::answer::{Answer, Refusal};
use crate::exchange::Exchange;
use crate::snapshot::RouteState;
use crate::stage::receive::Arrived;

/// Redirects to the same host, path and query under `https`, if a route serves that host: a host that nobody
/// configured is redirected nowhere.
#[must_use]
pub(crate) fn redirect(arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let host = arrived.examined.host().name();
    if !exchange.snapshot.routes.iter().any(|route| serves(route, host)) {
        let refusal = Refusal::new(StatusCode::NOT_FOUND, "no_route", "There is nothing at this address");
        return refuse(arrived, exchange, refusal);
    }
    let port = arrived.listener.https_port.map(|port| format!(":{port}")).unwrap_or_default();
    let query = arrived.examined.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("https://{host}{port}{path}{query}", path = arrived.examined.path());
    match HeaderValue::from_str(&location) {
        Ok(location) => Answer::redirect(StatusCode::PERMANENT_REDIRECT, "redirect_https", location),
        Err(_) => refuse(
            arrived,
            exchange,
            Refusal::new(StatusCode::BAD_REQUEST, "bad_request", "The request cannot be understood"),
        ),
    }
}

fn serves(route: &RouteState, host: &str) -> bool {
    match &route.host {
        HostPattern::Any => true,
        HostPattern::Exact(own) => own == host,
        HostPattern::Wildcard(suffix) => {
            host.strip_suffix(suffix.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        }
    }
}
