//! The product in one sentence: route, identify, authorize; each `?` leaves with a finished answer.

use pingora_proxy::Session as Downstream;

use crate::answer::Answer;
use crate::endpoint::verify::Asked;
use crate::endpoint::{self, MOST_FORM_BYTES, posted};
use crate::exchange::Exchange;
use crate::extension;
use crate::kept_form;
use crate::proxy::Front;
use crate::resource;
use crate::stage::authorize::{Authorized, authorize};
use crate::stage::identify::identify;
use crate::stage::kept::Kept;
use crate::stage::receive::{Arrived, receive};
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
    let asked = Asked::of(downstream.req_header());
    let arrived = receive(front, downstream, exchange)?;
    if let Some(answer) = endpoint::acme::answer(&arrived, exchange) {
        return Err(answer);
    }
    if arrived.listener.redirect_to_https {
        return Err(endpoint::https::redirect(&arrived, exchange));
    }
    if let Some(asked) = asked {
        return Err(asked.answer(front, &arrived, exchange).await);
    }
    if let Some(own) = endpoint::Own::of(&arrived) {
        if own == endpoint::Own::BackChannel {
            let letter = endpoint::back_channel::Letter::of(&arrived);
            return Err(letter.answer(front, downstream, exchange).await);
        }
        if own.takes_form(&arrived) {
            let kept = Kept::of(&arrived);
            let form = posted::read_text(downstream, MOST_FORM_BYTES).await;
            return Err(own.answer_form(front, &kept, exchange, form).await);
        }
        return Err(own.answer(front, &arrived, exchange).await);
    }
    if let Some(description) = resource::description(&arrived, exchange) {
        return Err(description);
    }
    if let Some(keys) = endpoint::keys::answer(&arrived, exchange) {
        return Err(keys);
    }
    let authorized = match decide(front, &arrived, exchange).await {
        Ok(authorized) => authorized,
        Err(answer) => {
            return Err(match exchange.outcome.kept_form.take() {
                Some(expected) => kept_form::keep(expected, downstream, answer, exchange).await,
                None => answer,
            });
        }
    };
    let headers = &downstream.req_header().headers;
    if let Some(level) = authorized.route().handling.compression_level(headers) {
        downstream.upstream_compression.adjust_level(level);
    }
    Ok(authorized)
}

/// The decision itself, whether the request goes on here or a proxy in front asks for it.
///
/// # Errors
/// The answer to a request that has no route or may not enter, and what a route or an extension answers itself.
pub(crate) async fn decide(
    front: &Front,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
) -> Result<Authorized, Answer> {
    let routed = route(arrived, exchange)?;
    extension::on_request(front, &routed.route, arrived, exchange)?;
    let identified = identify(front, routed, arrived, exchange).await?;
    authorize(front, identified, arrived, exchange).await
}
