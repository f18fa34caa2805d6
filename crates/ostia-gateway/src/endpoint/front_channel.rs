//! `/.ostia/front-channel-logout?iss=…&sid=…`: the issuer ends a session through a frame in the browser (OpenID Connect
//! Front-Channel Logout 1.0).
//!
//! Browsers send no cookie of ours with a frame of another site, so nobody vouches for such a request: it ends what it
//! names by `sid`, which only the issuer and the session know, and nothing more.

use http::{HeaderValue, Method, StatusCode, header};
use ostia_session::Ended;

use super::callback::single;
use super::refuse;
use crate::answer::{Answer, Refusal};
use crate::exchange::Exchange;
use crate::happened::Happened;
use crate::proxy::Front;
use crate::snapshot::RunningProvider;
use crate::stage::receive::Arrived;

/// The longest `sid` that is looked at.
const MAX_SID_BYTES: usize = 255;

/// Ends what the query names.
pub(super) fn logout(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    if arrived.request.method != Method::GET {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use GET here");
        return refuse(arrived, exchange, refusal).with(header::ALLOW, HeaderValue::from_static("GET"));
    }
    let query = arrived.examined.query().unwrap_or("");
    let (Some(issuer), Some(session)) = (single(query, "iss"), single(query, "sid")) else {
        return refused(front, arrived, exchange, "front_channel_parameters");
    };
    if session.is_empty() || session.len() > MAX_SID_BYTES {
        return refused(front, arrived, exchange, "front_channel_parameters");
    }
    let offers = |running: &RunningProvider| {
        let client = running.section.client.as_ref();
        running.provider.is_named(&issuer) && client.is_some_and(|client| client.front_channel_logout)
    };
    let Some(running) = exchange.snapshot.providers.values().find(|running| offers(running)) else {
        return refused(front, arrived, exchange, "issuer_unknown");
    };
    let lifetimes = exchange.snapshot.sessions.lifetimes();
    let issuer = &running.section.issuer;
    let ended = Ended::IssuerSession { issuer, session: &session };
    front.gateway.endings().end_by_front_channel(ended, lifetimes, exchange.now);
    told(Some(&running.section.name), Ok("signed_out")).by(front, arrived.request, exchange);
    shown(issuer)
}

fn told<'a>(provider: Option<&'a str>, outcome: Result<&'static str, &'static str>) -> Happened<'a> {
    Happened::logout_by_issuer("front_channel", provider, None, outcome)
}

/// An empty document that only the issuer's pages may frame.
fn shown(issuer: &str) -> Answer {
    let origin = url::Url::parse(issuer).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let policy = format!("default-src 'none'; frame-ancestors {origin}");
    let policy = HeaderValue::from_str(&policy)
        .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    let html = "<!doctype html><title>Signed out</title>".to_owned();
    Answer::html(StatusCode::OK, "front_channel_logout", policy, html)
}

fn refused(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange, reason: &'static str) -> Answer {
    told(None, Err(reason)).by(front, arrived.request, exchange);
    let refusal = Refusal::new(StatusCode::BAD_REQUEST, reason, "This does not sign anybody out");
    refuse(arrived, exchange, refusal)
}
