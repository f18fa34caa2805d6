//! Somebody with a session who would be let in after signing in again: more strongly, or more recently.

use std::time::Duration;

use http::{StatusCode, header};
use ostia_policy::StepUp;

use crate::answer::{Answer, Next, Reader, Refusal};
use crate::challenge;
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::recognised::Recognised;
use crate::sign_in::{self, Hint, Wanted};
use crate::stage::receive::Arrived;
use crate::stage::route::Routed;

/// Who has signed in this recently and still does not meet the policy is not sent again at once: a provider that does not
/// do what it is asked for would make a loop of it.
const JUST_NOW: Duration = Duration::from_secs(5);

/// Asks for the sign-in that is missing: people who navigate go to the provider, everybody else is told.
pub(crate) async fn ask(
    front: &Front,
    routed: &Routed,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    caller: &Recognised,
    step_up: StepUp<'_>,
) -> Answer {
    let target = sign_in::target_of(arrived);
    let reason = exchange.outcome.decision.map_or("acr_not_met", |decision| decision.reason);
    let again = Refusal::new(StatusCode::UNAUTHORIZED, reason, "Please sign in again")
        .advise("This address asks for a stronger or a more recent sign-in.");
    let running = routed.route.provider(&caller.identity.provider);
    let running = running.filter(|running| running.section.client.is_some());
    match running {
        Some(_) if signed_in_just_now(caller, exchange) => {
            let refusal = Refusal { status: StatusCode::FORBIDDEN, ..again }
                .advise(
                    "This address asks for a stronger or a more recent sign-in, and the sign-in of a moment ago was not \
                     that. Sign in again in another way, or ask the operator what is needed.",
                )
                .next(Next::SignIn(&target));
            refuse(&refusal, arrived, exchange)
        }
        Some(running) if arrived.reader() == Reader::Person => {
            let hint = Hint { login_hint: name_of(caller), prompt: None };
            let wanted = Wanted { target: &target, step_up, hint, ..Wanted::default() };
            sign_in::start_as(front, running, arrived, exchange, wanted).await
        }
        _ => {
            let path = sign_in::login_path(&target);
            refuse(&again.next(Next::SignIn(&path)), arrived, exchange)
                .with(header::WWW_AUTHENTICATE, challenge::ask(routed, arrived, Some(&path)))
        }
    }
}

fn refuse(refusal: &Refusal<'_>, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    Answer::refuse(refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
}

/// The name that the person signs in with there, so that nobody has to type it again.
fn name_of(caller: &Recognised) -> Option<&str> {
    let claims = &caller.identity.claims;
    let name = claims.string("preferred_username").or_else(|| claims.string("email"));
    name.filter(|name| sign_in::is_hint(name))
}

fn signed_in_just_now(caller: &Recognised, exchange: &Exchange) -> bool {
    let at = caller.signed_in_at;
    at.is_some_and(|at| exchange.now.duration_since(at).unwrap_or_default() < JUST_NOW)
}
