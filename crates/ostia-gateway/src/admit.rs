//! The product in one sentence: route, identify, authorize; each `?` leaves with a finished answer.

use pingora_proxy::Session as Downstream;

use crate::answer::Answer;
use crate::endpoint;
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::resource;
use crate::stage::authorize::{Authorized, authorize};
use crate::stage::identify::identify;
use crate::stage::receive::receive;
use crate::stage::route::route;

/// Decides about a request. Runs for every one: preflight, upgrade, `Expect` and all.
///
/// # Errors
/// The answer that Ostia gives instead of a server's: a refusal, a redirect to sign in, one of its own pages.
pub async fn admit(
    front: &Front,
    downstream: &mut Downstream,
    exchange: &mut Exchange,
) -> Result<Authorized, Answer> {
    let arrived = receive(front, downstream, exchange)?;
    if let Some(answer) = endpoint::acme::answer(&arrived, exchange) {
        return Err(answer);
    }
    if arrived.listener.redirect_to_https {
        return Err(endpoint::https::redirect(&arrived, exchange));
    }
    if let Some(own) = endpoint::Own::of(&arrived) {
        if own == endpoint::Own::BackChannel {
            let letter = endpoint::back_channel::Letter::of(&arrived);
            return Err(letter.answer(front, downstream, exchange).await);
        }
        return Err(own.answer(front, &arrived, exchange).await);
    }
    if let Some(description) = resource::description(&arrived, exchange) {
        return Err(description);
    }
    let routed = route(&arrived, exchange)?;
    let identified = identify(front, routed, &arrived, exchange).await?;
    authorize(front, identified, &arrived, exchange).await
}
