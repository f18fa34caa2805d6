//! The page where people choose how to sign in, where a route takes people of several providers.
//!
//! Plain links: each leads to `/.ostia/login` with the provider and the byte-identical way back. A form that waits in the
//! tab and a fragment that is to be kept go on over the choice.

use std::sync::Arc;

use http::{Method, StatusCode, header};

use crate::answer::{Answer, Choice, Next};
use crate::challenge;
use crate::exchange::Exchange;
use crate::kept_form;
use crate::page::Page;
use crate::sign_in::{self, login_path};
use crate::snapshot::{RouteState, RunningProvider, Snapshot};
use crate::stage::receive::Arrived;
use crate::stage::route::Routed;

/// The providers through which people may sign in to come to `target` on this host: those of its route; of a target
/// that nobody signs in for, those of all routes of the host.
#[must_use]
pub(crate) fn offered<'a>(snapshot: &'a Snapshot, host: &str, target: &str) -> Vec<&'a Arc<RunningProvider>> {
    let kept = kept_form::target_of_resend(target);
    let target = kept.as_deref().unwrap_or(target);
    let path = target.split(['?', '#']).next().unwrap_or(target);
    let route = snapshot.table.explain(host, path, &Method::GET).outcome().ok();
    let of_route: Vec<_> = route
        .and_then(|index| snapshot.route(index))
        .into_iter()
        .flat_map(|route| route.login_providers())
        .collect();
    if !of_route.is_empty() {
        return of_route;
    }
    let mut all: Vec<&Arc<RunningProvider>> = Vec::new();
    for running in sign_in::routes_of(&snapshot.routes, host).flat_map(|route| route.login_providers()) {
        if !all.iter().any(|known| Arc::ptr_eq(known, running)) {
            all.push(running);
        }
    }
    all
}

/// The page in the place of a guarded one: 401, as every answer to somebody who has not signed in.
#[must_use]
pub(crate) fn ask(routed: &Routed, arrived: &Arrived<'_>, exchange: &Exchange, target: &str) -> Answer {
    let path = login_path(target);
    page(StatusCode::UNAUTHORIZED, routed.route.login_providers(), exchange, target)
        .with(header::WWW_AUTHENTICATE, challenge::ask(routed, arrived, Some(&path)))
}

/// The page.
#[must_use]
pub(crate) fn page<'a>(
    status: StatusCode,
    providers: impl Iterator<Item = &'a Arc<RunningProvider>>,
    exchange: &Exchange,
    target: &str,
) -> Answer {
    let links: Vec<(&str, String)> =
        providers.map(|running| (title(running), link(running, target))).collect();
    let choices: Vec<Choice<'_>> =
        links.iter().map(|(title, path)| Choice { title, path: path.as_str() }).collect();
    let page = Page {
        title: "How do you want to sign in?",
        paragraphs: Vec::new(),
        next: match exchange.snapshot.config.sessions.keep_fragment {
            true => Next::ChooseWithFragment(&choices),
            false => Next::Choose(&choices),
        },
        code: "choose_provider",
        request_id: exchange.id.as_str(),
    };
    Answer::page(status, "choose_provider", &exchange.snapshot.pages, &page)
}

/// What people read of a provider.
pub(crate) fn title(running: &RunningProvider) -> &str {
    running.section.display_name.as_deref().unwrap_or(running.section.name.as_str())
}

fn link(running: &RunningProvider, target: &str) -> String {
    // Names of providers need no escape: letters, digits, `-`, `_` and `.`.
    format!("{}&provider={}", login_path(target), running.section.name)
}

/// Whether people choose on this route.
#[must_use]
pub(crate) fn is_needed(route: &RouteState) -> bool {
    route.login_providers().nth(1).is_some()
}
