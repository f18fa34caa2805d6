//! `/.ostia/signed-out`: the page after signing out. Who is signed in at another provider still is told so.

use http::StatusCode;

use super::callback::single;
use crate::answer::{Answer, Next};
use crate::chooser;
use crate::exchange::Exchange;
use crate::page::Page;
use crate::proxy::Front;
use crate::session;
use crate::stage::receive::Arrived;

/// The page. A provider that sends the browser back says the `state` that it was given (RP-Initiated Logout section 3);
/// with another one somebody else sent it here. Whoever comes, nothing is signed in or out by this page.
pub(super) async fn page(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let query = arrived.examined.query().unwrap_or_default();
    let host = arrived.examined.host().name();
    let says_state = url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "state");
    let is_ours = |state: String| exchange.snapshot.flows.lost(&state, host, exchange.now).is_ok();
    if says_state && !single(query, "state").is_some_and(is_ours) {
        return strange(exchange);
    }
    if exchange.snapshot.shared_hosts.has(host)
        && let Some(other) = session::look(front, arrived, exchange).await.latest(None)
    {
        return still_signed_in(&other.session.identity.provider, exchange);
    }
    let page = Page {
        title: "You are signed out",
        paragraphs: vec!["Close this browser if others use this computer."],
        next: Next::SignIn("/"),
        code: "signed_out",
        request_id: "",
    };
    Answer::page(StatusCode::OK, "signed_out", &exchange.snapshot.pages, &page)
}

fn still_signed_in(provider: &str, exchange: &Exchange) -> Answer {
    let running = exchange.snapshot.providers.get(provider);
    let name = running.map_or(provider, |running| chooser::title(running));
    let still = format!("Here you are still signed in by {name}.");
    let page = Page {
        title: "You are signed out",
        paragraphs: vec![&still],
        next: Next::SignOut,
        code: "signed_out",
        request_id: "",
    };
    Answer::page(StatusCode::OK, "signed_out", &exchange.snapshot.pages, &page)
}

fn strange(exchange: &Exchange) -> Answer {
    let page = Page {
        title: "This is not the end of a sign-out of ours",
        paragraphs: vec![
            "The answer of the sign-in service does not belong to a sign-out that began here. If you signed out here, \
             that holds; perhaps you are still signed in at the service itself.",
        ],
        next: Next::SignIn("/"),
        code: "logout_state_differs",
        request_id: exchange.id.as_str(),
    };
    Answer::page(StatusCode::BAD_REQUEST, "logout_state_differs", &exchange.snapshot.pages, &page)
}
