//! `/.ostia/whoami?provider=…`: who the session says the caller is, for applications in the browser. No token, no secret.
//! Of several sessions that at the named provider, else that of the latest sign-in.

use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::callback::single;
use super::refuse;
use crate::answer::Answer;
use crate::challenge;
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::session;
use crate::stage::receive::Arrived;

/// The claims that are told.
const CLAIMS: [&str; 4] = ["name", "email", "groups", "preferred_username"];

/// The answer: 200 with the caller, or 401.
pub(super) async fn whoami(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let looked = session::look(front, arrived, exchange).await;
    let named = single(arrived.examined.query().unwrap_or_default(), "provider");
    let opened = looked.latest(named.as_deref());
    if opened.is_none() && !looked.unavailable.is_empty() {
        return session::unavailable(arrived, exchange);
    }
    let Some(opened) = opened else {
        return refuse(arrived, exchange, challenge::unauthorized("no_session")).with(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Cookie form-action=\"/.ostia/login\""),
        );
    };
    let identity = opened.session.identity();
    let ends_at = opened.session.ends_at(exchange.snapshot.sessions.lifetimes());
    let mut told = json!({
        "provider": &*identity.provider,
        "iss": &*identity.issuer,
        "sub": &*identity.subject,
        "expires_in": ends_at.duration_since(exchange.now).unwrap_or_default().as_secs(),
    });
    if let Some(members) = told.as_object_mut() {
        for name in CLAIMS {
            if let Some(claim) = identity.claims.get(name) {
                members.insert(name.to_owned(), claim.to_value());
            }
        }
    }
    Answer::json(StatusCode::OK, "whoami", &told)
}
