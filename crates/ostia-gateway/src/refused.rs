//! Requests that were refused before the request path saw them: counted and logged like all others.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Method;
use ostia_config::Name;
use ostia_listener::{HeadRefused, RefusedRequest};
use ostia_telemetry::{AccessLine, Asked, EndReason};

use crate::gateway::Gateway;
use crate::request_id::RequestId;

/// What stands where nothing could be read.
const UNREAD: &str = "-";

/// Tells the refused requests of one listener.
pub(crate) fn teller(
    gateway: &Arc<Gateway>,
    listener: &Name,
) -> impl Fn(&RefusedRequest) + Send + Sync + 'static {
    let (gateway, listener) = (Arc::clone(gateway), listener.clone());
    let method = Method::from_bytes(UNREAD.as_bytes()).unwrap_or_default();
    move |refused| record(&gateway, &listener, &method, refused)
}

fn record(gateway: &Gateway, listener: &Name, method: &Method, refused: &RefusedRequest) {
    gateway.without_route(listener).record(method, refused.reason.status(), Duration::ZERO);
    if gateway.access_log().is_on() {
        let now = SystemTime::now();
        gateway.access_log().write(&line(listener, refused, &RequestId::new(now), now));
    }
}

fn line<'a>(
    listener: &'a Name,
    refused: &RefusedRequest,
    id: &'a RequestId,
    received_at: SystemTime,
) -> AccessLine<'a> {
    AccessLine {
        received_at,
        asked: Asked { request_id: id.as_str(), method: UNREAD, host: UNREAD, path: UNREAD },
        protocol: refused.protocol,
        tls: None,
        client: refused.peer,
        status: refused.reason.status(),
        response_bytes: 0,
        request_bytes: 0,
        listener,
        route: None,
        subject: None,
        provider: None,
        allowed: None,
        policy: None,
        reason: Some(refused.reason.slug()),
        upstream: None,
        server: None,
        attempts: 0,
        affinity: None,
        total: Duration::ZERO,
        own: Duration::ZERO,
        end: match refused.reason {
            HeadRefused::TooLarge | HeadRefused::TooManyFields => EndReason::TooLarge,
            HeadRefused::Timeout => EndReason::ClientTimeout,
            _ => EndReason::BadRequest,
        },
    }
}
