//! What goes when a session comes: those that it takes the place of, and those that there is no room for any more.

use http::HeaderValue;
use ostia_session::{Session, SessionSlot};

use crate::exchange::Exchange;
use crate::happened::Happened;
use crate::proxy::Front;
use crate::session::{self, looked::Room, revoked};
use crate::stage::receive::Arrived;

/// Ends them, on all nodes; the session that `came` stands in its slot. The fields take back what stood elsewhere.
pub(super) fn give_way(
    front: &Front,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    room: Room,
    came: (&Session, SessionSlot),
) -> Vec<HeaderValue> {
    let (snapshot, (came, slot)) = (&exchange.snapshot, came);
    for opened in &room.displaced {
        front.gateway.metrics().session_ended("displaced");
        Happened::displaced(&opened.session).by(front, arrived.request, exchange);
    }
    let replaced = room.replaced.iter().map(|opened| (opened, "replaced"));
    for (opened, why) in replaced.chain(room.displaced.iter().map(|opened| (opened, "displaced"))) {
        session::end(&front.gateway, snapshot, &opened.session, exchange.now);
        if room.is_last_of_its_person(&opened.session, came) {
            revoked::revoke(&front.gateway, snapshot, &opened.session, why);
        }
    }
    let elsewhere = room.empty.into_iter().filter(|(other, _)| *other != slot);
    elsewhere.flat_map(|(slot, presented)| snapshot.sessions.clear(slot, presented)).collect()
}
