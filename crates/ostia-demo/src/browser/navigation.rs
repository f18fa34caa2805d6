//! Going from page to page.

use std::time::SystemTime;

use url::Url;

use super::connection::Trust;
use super::cookie_jar::{CookieJar, Sender};
use super::exchange::{ExchangeFailed, Incoming, Outgoing, exchange};
use super::form::Form;

/// Redirects that are followed in one go, as many as browsers follow.
const MOST_REDIRECTS: usize = 20;

/// A browser with its cookies.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Its cookies.
    pub cookies: CookieJar,
    trust: Trust,
}

/// Where a navigation ended.
#[derive(Clone, Debug)]
pub struct Page {
    /// The address in the address bar.
    pub url: Url,
    /// What is shown.
    pub answer: Incoming,
    /// Every address that was asked on the way, `url` last.
    pub trail: Vec<Url>,
}

impl Page {
    /// The forms on this page.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        Form::all(&self.url, &self.answer.text())
    }
}

impl Browser {
    /// A browser without cookies.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self { cookies: CookieJar::default(), trust }
    }

    /// One request with the cookies that belong to it, sent by the page's own script or by a machine. Redirects are
    /// not followed.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&mut self, request: Outgoing) -> Result<Incoming, ExchangeFailed> {
        self.send_as(request, Sender::SameSite).await
    }

    /// Types an address: a navigation, through all redirects.
    ///
    /// # Errors
    /// When there is no answer, or more than 20 redirects.
    pub async fn go(&mut self, url: Url) -> Result<Page, ExchangeFailed> {
        self.navigate(Outgoing::new("GET", url), None).await
    }

    /// Types an address, and stops at the first answer, a redirect or not.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn knock(&mut self, url: Url) -> Result<Incoming, ExchangeFailed> {
        let request = with_navigation_fields(Outgoing::new("GET", url), "none");
        self.send(request).await
    }

    /// Sends a form of a page, through all redirects.
    ///
    /// # Errors
    /// When there is no answer, or more than 20 redirects.
    pub async fn submit(&mut self, page: &Page, form: &Form) -> Result<Page, ExchangeFailed> {
        let mut url = form.action.clone();
        let request = if form.method == "post" {
            Outgoing::new("POST", url)
                .header("Origin", &page.url.origin().ascii_serialization())
                .form(form.encode())
        } else {
            url.set_query(Some(&form.encode()));
            Outgoing::new("GET", url)
        };
        self.navigate(request, Some(&page.url)).await
    }

    async fn navigate(&mut self, first: Outgoing, from: Option<&Url>) -> Result<Page, ExchangeFailed> {
        let mut trail = Vec::new();
        let mut initiator = from.cloned();
        let mut is_cross_site = false;
        let mut request = first;
        while trail.len() <= MOST_REDIRECTS {
            let url = request.url.clone();
            is_cross_site |= initiator.as_ref().is_some_and(|from| !is_same_site(from, &url));
            let site = match &initiator {
                None => "none",
                Some(_) if is_cross_site => "cross-site",
                Some(from) if from.origin() == url.origin() => "same-origin",
                Some(_) => "same-site",
            };
            let sender = match (is_cross_site, request.method.as_str()) {
                (false, _) => Sender::SameSite,
                (true, "GET") => Sender::CrossSiteNavigation,
                (true, _) => Sender::CrossSite,
            };
            let method = request.method.clone();
            let answer = self.send_as(with_navigation_fields(request, site), sender).await?;
            trail.push(url.clone());
            let next = match (answer.status, answer.header("location")) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => url.join(location).ok(),
                _ => None,
            };
            let Some(next) = next else { return Ok(Page { url, answer, trail }) };
            if matches!(answer.status, 307 | 308) && method != "GET" {
                return Err(ExchangeFailed::Malformed("a form is redirected with its content"));
            }
            // A typed address that is redirected stays the person's own wish; its `Sec-Fetch-Site` stays `none`.
            initiator = initiator.map(|_| url);
            request = Outgoing::new("GET", next);
        }
        Err(ExchangeFailed::Malformed("redirects without end"))
    }

    async fn send_as(&mut self, mut request: Outgoing, sender: Sender) -> Result<Incoming, ExchangeFailed> {
        let now = SystemTime::now();
        if let Some(field) = self.cookies.field(&request.url, sender, now) {
            request = request.header("Cookie", &field);
        }
        let answer = exchange(&request, &self.trust).await?;
        for field in answer.all("set-cookie") {
            self.cookies.store(&request.url, field, now);
        }
        Ok(answer)
    }
}

fn with_navigation_fields(request: Outgoing, site: &str) -> Outgoing {
    request
        .header("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        .header("Accept-Language", "en")
        .header("Upgrade-Insecure-Requests", "1")
        .header("User-Agent", "Mozilla/5.0 (ostia-demo check)")
        .header("Sec-Fetch-Dest", "document")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Site", site)
        .header("Sec-Fetch-User", "?1")
}

/// Scheme and host decide; a port does not (schemeful same-site).
fn is_same_site(one: &Url, other: &Url) -> bool {
    (one.scheme(), one.host_str()) == (other.scheme(), other.host_str())
}
