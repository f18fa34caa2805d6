//! Which route a request belongs to.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use ostia_request::Upgrade;
use ostia_route::RouteRefused;

use crate::answer::{Answer, Refusal};
use crate::exchange::Exchange;
use crate::snapshot::RouteState;
use crate::stage::receive::Arrived;

/// A request with its route. Says nothing about who may enter.
pub struct Routed {
    /// The route.
    pub route: Arc<RouteState>,
    /// Whether the connection is to become a WebSocket.
    pub upgrade: bool,
}

/// Finds the route; every usual reading of the path must agree on who may enter.
///
/// # Errors
/// 404, 405, and 400 where readings disagree.
pub fn route(arrived: &Arrived<'_>, exchange: &mut Exchange) -> Result<Routed, Answer> {
    let snapshot = &exchange.snapshot;
    let refuse = |refusal: &Refusal<'_>| {
        Answer::refuse(refusal, arrived.reader(), &snapshot.pages, exchange.id.as_str())
    };
    let found = snapshot.table.find(&arrived.examined, &arrived.request.method);
    let index = found.map_err(|refused| match &refused {
        RouteRefused::NoRoute => {
            refuse(&Refusal::new(StatusCode::NOT_FOUND, refused.slug(), "There is nothing at this address"))
        }
        RouteRefused::MethodNotAllowed { allowed } => {
            let answer = refuse(&Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                refused.slug(),
                "This address does not take that method",
            ));
            match HeaderValue::from_str(allowed) {
                Ok(allowed) => answer.with(header::ALLOW, allowed),
                Err(_) => answer,
            }
        }
        _ => refuse(
            &Refusal::new(
                StatusCode::BAD_REQUEST,
                refused.slug(),
                "The path can be read in more than one way",
            )
            .advise("Its readings fall under different rules, so the request is refused."),
        ),
    })?;
    let Some(route) = snapshot.route(index) else {
        return Err(refuse(&Refusal::new(
            StatusCode::NOT_FOUND,
            "no_route",
            "There is nothing at this address",
        )));
    };
    let route = Arc::clone(route);
    exchange.outcome.in_flight = route.metrics.get(&arrived.listener.name).map(|counters| counters.begin());
    exchange.outcome.route = Some(Arc::clone(&route));
    Ok(Routed { route, upgrade: arrived.examined.upgrade() == Upgrade::WebSocket })
}
