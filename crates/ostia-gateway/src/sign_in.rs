//! The way to sign in: a redirect for people who navigate, 401 for everything else.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use ostia_config::route::HostPattern;
use ostia_oidc::relying_party::login::{LoginRefused, LoginRequest};
use ostia_policy::StepUp;
use ostia_session::{Destination, Flow, FlowRefused, Started};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::answer::{Answer, Next, Reader, Refusal};
use crate::challenge;
use crate::chooser;
use crate::crossing;
use crate::exchange::Exchange;
use crate::happened::Happened;
use crate::kept_form;
use crate::proxy::Front;
use crate::snapshot::{RouteState, RunningProvider};
use crate::stage::identify::{Nobody, own_cookies};
use crate::stage::receive::Arrived;
use crate::stage::route::Routed;

/// What stands in a query value of our own as it is.
pub(crate) const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// Ostia's own path that starts a sign-in.
pub(crate) const LOGIN_PATH: &str = "/.ostia/login";

/// Asks for a credential: people who navigate go to the provider, everybody else is told where to.
pub(crate) async fn ask(
    front: &Front,
    routed: &Routed,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    nobody: Nobody,
) -> Answer {
    let route = &routed.route;
    let target = target_of(arrived);
    match route.login_provider() {
        Some(_) if arrived.reader() == Reader::Person && chooser::is_needed(route) => {
            chooser::ask(routed, arrived, exchange, &target)
        }
        Some(running) if arrived.reader() == Reader::Person => {
            start(front, running, arrived, exchange, &target).await
        }
        Some(running) if kept_form::is_kept(route, arrived) => {
            let back = kept_form::resend_path(&target);
            let answer = match chooser::is_needed(route) {
                true => to_choice(&back, arrived, exchange),
                false => {
                    let wanted = Wanted { target: &back, keeps_form: true, ..Wanted::default() };
                    start_as(front, running, arrived, exchange, wanted).await
                }
            };
            kept_form::expect(answer, target, exchange)
        }
        provider => {
            let login_path = provider.map(|_| login_path(&target));
            unauthorized(routed, arrived, exchange, nobody, login_path.as_deref())
        }
    }
}

/// Sends a browser to the page where people choose.
fn to_choice(back: &str, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    match HeaderValue::from_str(&login_path(back)) {
        Ok(location) => Answer::redirect(StatusCode::SEE_OTHER, "choose_provider", location),
        Err(_) => internal(arrived, exchange),
    }
}

/// The way to sign in and come back to `target`.
pub(crate) fn login_path(target: &str) -> String {
    format!("{LOGIN_PATH}?return={}", utf8_percent_encode(target, QUERY_VALUE))
}

/// Path and query as the browser asked for them.
pub(crate) fn target_of(arrived: &Arrived<'_>) -> String {
    match arrived.examined.query() {
        Some(query) => format!("{}?{query}", arrived.examined.path()),
        None => arrived.examined.path().to_owned(),
    }
}

fn unauthorized(
    routed: &Routed,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    nobody: Nobody,
    login_path: Option<&str>,
) -> Answer {
    let mut refusal = challenge::unauthorized(nobody.slug());
    if let Some(path) = login_path {
        refusal = refusal.next(Next::SignIn(path));
    }
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
        .with(header::WWW_AUTHENTICATE, challenge::ask(routed, arrived, login_path))
}

/// What a sign-in is to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// Where the browser comes back to.
    pub(crate) target: &'a str,
    /// How often it was sent already because the cookies of the attempt before were not there.
    pub(crate) rounds: u8,
    /// How it has to be, to meet a policy.
    pub(crate) step_up: StepUp<'a>,
    /// Whether a form is kept over it.
    pub(crate) keeps_form: bool,
    /// What makes it easier for a person.
    pub(crate) hint: Hint<'a>,
}

/// What a link or a session tells the provider beforehand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hint<'a> {
    /// `prompt`.
    pub(crate) prompt: Option<&'a str>,
    /// `login_hint`.
    pub(crate) login_hint: Option<&'a str>,
}

/// Whether a text can be a `login_hint`: a name, an address, a number.
#[must_use]
pub(crate) fn is_hint(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control)
}

/// Sends a browser to the provider, to come back to `target`.
pub(crate) async fn start(
    front: &Front,
    running: &Arc<RunningProvider>,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    target: &str,
) -> Answer {
    start_as(front, running, arrived, exchange, Wanted { target, ..Wanted::default() }).await
}

/// Sends a browser to the provider for a sign-in of some kind.
pub(crate) async fn start_as(
    front: &Front,
    running: &Arc<RunningProvider>,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    wanted: Wanted<'_>,
) -> Answer {
    match begin(running, arrived, exchange, wanted).await {
        Ok((url, Started::Flow { set_cookies })) => {
            front.gateway.metrics().login_started(&running.section.name);
            let answer = crossing::to_provider(&url, wanted.keeps_form, exchange)
                .unwrap_or_else(|| internal(arrived, exchange));
            answer.with_cookies(set_cookies)
        }
        Ok((_, Started::TooManyRounds)) => too_many_rounds(front, running, arrived, exchange),
        Err(NotBegun::NotOffered) => not_offered(arrived, exchange),
        Err(NotBegun::Provider(refused)) => {
            not_begun(front, running, arrived, exchange, refused.slug());
            unavailable(arrived, exchange, &refused)
        }
        Err(NotBegun::Flow(refused)) => {
            not_begun(front, running, arrived, exchange, refused.slug());
            tracing::warn!(reason = refused.slug(), "a sign-in could not be started");
            internal(arrived, exchange)
        }
    }
}

/// Why a sign-in did not begin.
enum NotBegun {
    NotOffered,
    Provider(LoginRefused),
    Flow(FlowRefused),
}

async fn begin(
    running: &Arc<RunningProvider>,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    wanted: Wanted<'_>,
) -> Result<(String, Started), NotBegun> {
    let host = arrived.examined.host().name();
    let flows = &exchange.snapshot.flows;
    let provider = running.section.name.to_string();
    let redirect_uri = redirect_uri(&running.section, host).ok_or(NotBegun::NotOffered)?;
    let to = Destination { provider, return_to: wanted.target.to_owned(), rounds: wanted.rounds };
    let state = flows.state(&to, host, exchange.now).map_err(NotBegun::Flow)?;
    let request = LoginRequest {
        redirect_uri: &redirect_uri,
        state: Some(&state),
        acr_values: wanted.step_up.acr,
        max_age: wanted.step_up.max_age,
        prompt: wanted.hint.prompt,
        login_hint: wanted.hint.login_hint,
    };
    let login = running.provider.begin_login(request).await.map_err(NotBegun::Provider)?;
    let flow = Flow {
        state,
        nonce: login.attempt.nonce,
        pkce_verifier: login.attempt.verifier.reveal().clone(),
        provider: to.provider,
        redirect_uri: login.attempt.redirect_uri,
        return_to: to.return_to,
        created_at: exchange.now,
    };
    let cookies = own_cookies(&arrived.request.headers, exchange);
    let started = flows.start(&flow, cookies.iter().copied(), host, exchange.now).map_err(NotBegun::Flow)?;
    Ok((login.url, started))
}

/// Nobody signs in on this host.
#[must_use]
pub(crate) fn not_offered(arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let refusal = Refusal::new(StatusCode::NOT_FOUND, "login_not_offered", "Nobody signs in at this address");
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
}

/// The registered `redirect_uri`, or the one that the route's host makes. Never a header of the request: `host` is
/// used only after it was found to be the exact host of a route that offers this provider.
#[must_use]
pub(crate) fn redirect_uri(provider: &ostia_config::Provider, host: &str) -> Option<String> {
    let client = provider.client.as_ref()?;
    match &client.redirect_uri {
        Some(uri) => Some(uri.as_str().to_owned()),
        None => Some(format!("https://{host}{}", client.callback_path)),
    }
}

/// The routes of exactly this host.
pub(crate) fn routes_of<'a>(
    routes: &'a [Arc<RouteState>],
    host: &str,
) -> impl Iterator<Item = &'a Arc<RouteState>> {
    routes.iter().filter(move |route| matches!(&route.host, HostPattern::Exact(own) if own == host))
}

/// The provider of this name, if people may sign in through it on this host.
#[must_use]
pub(crate) fn offered_at<'a>(
    routes: &'a [Arc<RouteState>],
    host: &str,
    provider: &str,
) -> Option<&'a Arc<RunningProvider>> {
    routes_of(routes, host)
        .flat_map(|route| route.login_providers())
        .find(|running| &*running.section.name == provider)
}

fn unavailable(arrived: &Arrived<'_>, exchange: &Exchange, refused: &LoginRefused) -> Answer {
    let refusal =
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, refused.slug(), "Signing in is not possible right now")
            .advise("The sign-in service cannot be reached. Try again in a moment.");
    let wait = match refused {
        LoginRefused::Unavailable { retry_after } => *retry_after,
        _ => std::time::Duration::from_secs(30),
    };
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
        .with(header::RETRY_AFTER, challenge::retry_after(wait))
}

/// The page that ends a loop.
#[must_use]
pub(crate) fn too_many_rounds(
    front: &Front,
    running: &RunningProvider,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
) -> Answer {
    not_begun(front, running, arrived, exchange, "login_loop");
    let refusal = Refusal::new(StatusCode::BAD_REQUEST, "login_loop", "Signing in goes round in circles")
        .advise(
            "You were sent to sign in several times within a minute and came back without a session each time. \
             Most often the browser does not keep this site's cookies, or the clock of this or that machine is wrong. \
             Allow cookies for this site, wait a minute, and try again.",
        );
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
}

fn not_begun(
    front: &Front,
    running: &RunningProvider,
    arrived: &Arrived<'_>,
    exchange: &Exchange,
    reason: &'static str,
) {
    Happened::login_failed(Some(&running.section.name), reason).by(front, arrived.request, exchange);
}

fn internal(arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here");
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
}
