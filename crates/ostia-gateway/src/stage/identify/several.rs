//! On a host where people may be signed in at several providers: whose session counts for this request.
//!
//! That of the latest sign-in among the providers of the route. Who may not enter with it is told so: Ostia does not look
//! for another identity that may. Signing in again at another provider of the route makes that one the latest.

use std::sync::Arc;

use ostia_session::{Marks, SessionSlot};

use super::{Nobody, Recognised, accepted_here, continue_session, take_back};
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::recognised::CacheKey;
use crate::session;
use crate::session::looked::look;
use crate::session::slots;
use crate::stage::receive::Arrived;
use crate::stage::route::Routed;

/// Whether there is a session of a time when this host had several.
pub(super) fn is_of_before(exchange: &Exchange, cookies: &[(&[u8], &[u8])]) -> bool {
    let mut slots = cookies.iter().filter_map(|(name, _)| exchange.snapshot.sessions.slot_of(name));
    slots.any(|slot| slot != SessionSlot::ONLY)
}

/// The caller by the latest session that counts here.
pub(super) async fn by_session(
    front: &Front,
    routed: &Routed,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    cookies: &[(&[u8], &[u8])],
    key: CacheKey,
) -> Result<Result<Arc<Recognised>, Nobody>, Answer> {
    // They are not kept where the host has one provider now, and had several before.
    let of_before;
    let of_route = match &*routed.route.session_slots {
        [] => {
            of_before = slots::slots_of_each(&routed.route);
            &*of_before
        }
        kept => kept,
    };
    let counts = |slot| slot == SessionSlot::ONLY || of_route.contains(&slot);
    let host = arrived.examined.host().name();
    let looked = look(&front.gateway, &exchange.snapshot, cookies, host, exchange.now, counts).await;
    let mut nobody = None;
    for refused in &looked.refused {
        nobody = Some(take_back(front, exchange, refused));
    }
    // A later one that the store does not tell of might be no session any more, or the one that counts.
    let doubtful = looked.latest_unavailable(&exchange.snapshot, &routed.route);
    for opened in looked.live {
        if routed.route.provider(&opened.session.identity.provider).is_none() {
            nobody = Some(Nobody::NoSession("session_of_other_provider"));
            continue;
        }
        if doubtful.is_some_and(|end| end > opened.session.expires_at) {
            return Err(session::unavailable(arrived, exchange));
        }
        // Used now, so that what is open of it stays open.
        let _ = front.gateway.still_lives(&Marks::of(&opened.session), exchange.now);
        match continue_session(front, routed, arrived, exchange, opened, key).await {
            Ok(known) => return Ok(accepted_here(routed, known)),
            Err(ended) => nobody = Some(ended),
        }
    }
    match doubtful {
        None => Ok(Err(nobody.unwrap_or(Nobody::NoCredential))),
        Some(_) => Err(session::unavailable(arrived, exchange)),
    }
}
