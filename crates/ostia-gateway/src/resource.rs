//! What a protected resource says about itself (RFC 9728): which issuers' tokens open it, with which scopes, sent how.
//!
//! A resource is the path of a route on one host. Its description is made of the configuration; it is at
//! `/.well-known/oauth-protected-resource` with the path behind it, and every challenge names it.

use std::fmt::Write as _;

use http::{Method, StatusCode};
use ostia_request::{Head, examine};
use serde_json::json;

use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::snapshot::RouteState;
use crate::stage::receive::Arrived;

/// Where descriptions are (RFC 9728 section 3).
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// A route that names methods describes itself to whoever asks, by GET.
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The address of the description of a route's resource, as the client sees this host.
pub(crate) fn metadata_address(arrived: &Arrived<'_>, route: &RouteState) -> String {
    let path = if route.path == "/" { "" } else { route.path.as_str() };
    format!("{}{WELL_KNOWN}{path}", arrived.origin())
}

/// The description that a request asks for; `None` when there is no such resource, so that the request goes its way.
pub(crate) fn description(arrived: &Arrived<'_>, exchange: &Exchange) -> Option<Answer> {
    let path = arrived.examined.path().strip_prefix(WELL_KNOWN)?;
    if !(path.is_empty() || path.starts_with('/')) || arrived.request.method != Method::GET {
        return None;
    }
    let route = route_at(arrived, exchange, if path.is_empty() { "/" } else { path })?;
    if !route.credentials.bearer {
        return None;
    }
    // The identifier from which this address was made (section 3.3).
    let resource = format!("{}{path}", arrived.origin());
    Some(Answer::json(StatusCode::OK, "resource_metadata", &document(&resource, route)))
}

/// The route of another path on the same host.
fn route_at<'e>(arrived: &Arrived<'_>, exchange: &'e Exchange, path: &str) -> Option<&'e RouteState> {
    let head = Head {
        version: arrived.request.version,
        method: &arrived.request.method,
        target: path.as_bytes(),
        authority: arrived.request.uri.authority().map(http::uri::Authority::as_str),
        headers: &arrived.request.headers,
    };
    let examined = examine(&head, &arrived.listener.head_limits).ok()?;
    let found = METHODS.iter().find_map(|method| exchange.snapshot.table.find(&examined, method).ok())?;
    exchange.snapshot.route(found).map(|route| &**route)
}

fn document(resource: &str, route: &RouteState) -> serde_json::Value {
    let takers = || route.providers.iter().filter(|running| running.section.accepts_bearers());
    let mut algorithms: Vec<&str> =
        takers().flat_map(|running| running.provider.algorithms().names()).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let mut document = json!({
        "resource": resource,
        "authorization_servers": takers().map(|running| running.section.issuer.as_str()).collect::<Vec<_>>(),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": algorithms,
        "resource_name": route.name.as_str(),
    });
    if let (Some(members), false) = (document.as_object_mut(), route.scopes.is_empty()) {
        members.insert("scopes_supported".to_owned(), json!(route.scopes));
    }
    document
}

impl Arrived<'_> {
    /// Scheme, host and port as the client wrote them.
    pub(crate) fn origin(&self) -> String {
        let host = self.examined.host();
        let mut origin = String::from(if self.by_tls { "https://" } else { "http://" });
        origin.push_str(host.name());
        if let Some(port) = host.port() {
            let _ = write!(origin, ":{port}");
        }
        origin
    }

    /// The address of the request as the client sees it, without query.
    pub(crate) fn address(&self) -> String {
        self.origin() + self.examined.path()
    }
}
