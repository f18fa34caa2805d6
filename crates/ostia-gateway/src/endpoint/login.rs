//! `/.ostia/login?return=…&provider=…&prompt=…&login_hint=…`: starts a sign-in, for links and for applications that got a
//! 401. Where the page to come back to takes people of several providers and none is named, people choose.

use http::{HeaderValue, Method, StatusCode, header};

use super::refuse;
use crate::answer::{Answer, Refusal};
use crate::chooser;
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::sign_in::{self, Hint, Wanted};
use crate::stage::receive::Arrived;

/// What a link may ask the provider for: each of them asks a person for more, none for less. With `none` people would be
/// sent away and back for an error.
const PROMPTS: [&str; 4] = ["login", "select_account", "consent", "create"];

/// Starts the sign-in.
pub(super) async fn login(front: &Front, arrived: &Arrived<'_>, exchange: &mut Exchange) -> Answer {
    if arrived.request.method != Method::GET && arrived.request.method != Method::HEAD {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use GET here");
        return refuse(arrived, exchange, refusal).with(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    let query = arrived.examined.query().unwrap_or("").as_bytes();
    let (mut target, mut provider) = (String::from("/"), None);
    let (mut prompt, mut login_hint) = (None, None);
    for (name, value) in url::form_urlencoded::parse(query) {
        match &*name {
            "return" => target = value.into_owned(),
            "provider" => provider = Some(value.into_owned()),
            "prompt" => prompt = PROMPTS.into_iter().find(|prompt| *prompt == value),
            "login_hint" if sign_in::is_hint(&value) => login_hint = Some(value.into_owned()),
            _ => {}
        }
    }
    if !ostia_session::is_return_path(&target) {
        target = String::from("/");
    }
    let snapshot = std::sync::Arc::clone(&exchange.snapshot);
    let host = arrived.examined.host().name();
    let offered = match provider {
        Some(name) => sign_in::offered_at(&snapshot.routes, host, &name).into_iter().collect(),
        None => chooser::offered(&snapshot, host, &target),
    };
    match offered.as_slice() {
        [] => sign_in::not_offered(arrived, exchange),
        [running] => {
            let hint = Hint { prompt, login_hint: login_hint.as_deref() };
            let wanted = Wanted { target: &target, hint, ..Wanted::default() };
            sign_in::start_as(front, running, arrived, exchange, wanted).await
        }
        several => chooser::page(StatusCode::OK, several.iter().copied(), exchange, &target),
    }
}
