//! `/.ostia/initiate-login`: another site starts a login (OpenID Connect Core section 4).
//!
//! Whoever can make a browser load an address can do this, so it decides nothing: the provider must be one of this host
//! that offers it, people only ever get to a page of this host, and no parameter of the protocol is taken over but the
//! name to begin with.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use url::Url;

use super::refuse;
use crate::answer::{Answer, Reader, Refusal};
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::sign_in::{self, Hint, Wanted};
use crate::snapshot::RunningProvider;
use crate::stage::receive::Arrived;

/// What the other site says.
#[derive(Debug, Default)]
struct Said<'a> {
    issuer: Option<Cow<'a, str>>,
    login_hint: Option<Cow<'a, str>>,
    target: Option<Cow<'a, str>>,
}

impl<'a> Said<'a> {
    /// A parameter that occurs twice is none.
    fn read(text: &'a str) -> Self {
        let mut said = Self::default();
        let mut twice = [false; 3];
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let (place, seen) = match &*name {
                "iss" => (&mut said.issuer, &mut twice[0]),
                "login_hint" => (&mut said.login_hint, &mut twice[1]),
                "target_link_uri" => (&mut said.target, &mut twice[2]),
                _ => continue,
            };
            *place = if *seen { None } else { Some(value) };
            *seen = true;
        }
        said
    }

    /// Path and query of the page, if it is one of this host; else the front page.
    fn page(&self, host: &str) -> String {
        let front = || String::from("/");
        let Some(url) = self.target.as_deref().and_then(|target| Url::parse(target).ok()) else {
            return front();
        };
        let is_here = matches!(url.scheme(), "https" | "http")
            && url.host_str() == Some(host)
            && url.username().is_empty()
            && url.password().is_none();
        let page = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let is_own = page.starts_with("/.ostia");
        if is_here && !is_own && ostia_session::is_return_path(&page) { page } else { front() }
    }
}

/// Starts the login, by the parameters of the address or of a form.
pub(super) async fn initiate(
    front: &Front,
    arrived: &Arrived<'_>,
    exchange: &mut Exchange,
    said: &str,
) -> Answer {
    let method = &arrived.request.method;
    if *method != Method::GET && *method != Method::HEAD && *method != Method::POST {
        let refusal =
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use GET or POST here");
        return refuse(arrived, exchange, refusal)
            .with(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    }
    // In a frame, an image or a script nobody sees what happens.
    if arrived.reader() == Reader::Machine {
        let refusal =
            Refusal::new(StatusCode::FORBIDDEN, "not_a_navigation", "A login starts in a tab of its own");
        return refuse(arrived, exchange, refusal);
    }
    let said = Said::read(said);
    let host = arrived.examined.host().name().to_owned();
    let snapshot = Arc::clone(&exchange.snapshot);
    let offers = |running: &RunningProvider| {
        let client = running.section.client.as_ref();
        said.issuer.as_deref() == Some(running.section.issuer.as_str())
            && client.is_some_and(|client| client.ways.third_party_login)
    };
    let named = snapshot.providers.values().filter(|running| offers(running));
    let offered = named
        .filter_map(|running| sign_in::offered_at(&snapshot.routes, &host, &running.section.name))
        .next();
    let Some(running) = offered else { return sign_in::not_offered(arrived, exchange) };
    let page = said.page(&host);
    let hint =
        Hint { login_hint: said.login_hint.as_deref().filter(|hint| sign_in::is_hint(hint)), prompt: None };
    let wanted = Wanted { target: &page, hint, ..Wanted::default() };
    sign_in::start_as(front, running, arrived, exchange, wanted).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_only_ever_get_to_a_page_of_the_same_host() {
        for (target, page) in [
            ("https://app.example.com/a%2Fb?x=%2B1", "/a%2Fb?x=%2B1"),
            ("https://app.example.com:8443/a#f", "/a"),
            ("http://app.example.com/a", "/a"),
            ("https://evil.example/a", "/"),
            ("https://app.example.com.evil.example/a", "/"),
            ("https://app.example.com@evil.example/a", "/"),
            ("https://x@app.example.com/a", "/"),
            ("//evil.example/a", "/"),
            ("/a", "/"),
            ("javascript:alert(1)", "/"),
            ("https://app.example.com//evil.example/", "/"),
            ("https://app.example.com/\\evil.example/", "/"),
            ("https://app.example.com/.ostia/logout", "/"),
            ("https://app.example.com/x/../.ostia/logout", "/"),
        ] {
            let said = Said { target: Some(target.into()), ..Said::default() };
            assert_eq!(said.page("app.example.com"), page, "{target}");
        }
        assert_eq!(Said::default().page("app.example.com"), "/");
    }

    #[test]
    fn a_parameter_that_occurs_twice_is_none() {
        let said = Said::read("iss=a&iss=b&login_hint=x&scope=admin");
        assert_eq!((said.issuer.as_deref(), said.login_hint.as_deref()), (None, Some("x")));
    }
}
