//! The login session of a request on one of Ostia's own paths, where it is looked at but not continued.

use ostia_session::{Marks, Opened, OpenedSession};

use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::stage::identify::own_cookies;
use crate::stage::receive::Arrived;

/// The session, if there is one that has not ended.
#[must_use]
pub(crate) fn open(front: &Front, arrived: &Arrived<'_>, exchange: &Exchange) -> Option<OpenedSession> {
    let cookies = own_cookies(&arrived.request.headers, exchange);
    let host = arrived.examined.host().name();
    match exchange.snapshot.sessions.open(cookies.iter().copied(), host, exchange.now) {
        Opened::Session(opened) if !front.gateway.endings().has(&Marks::of(&opened.session)) => Some(opened),
        Opened::Session(_) | Opened::Absent | Opened::Refused { .. } => None,
    }
}
