//! The visitors of the check and where they go.

use std::error::Error;

use serde_json::Value;
use url::Url;

use super::Check;
use crate::browser::{Browser, ExchangeFailed, Incoming, Outgoing, Page, Trust, TrustRefused};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reason {
    /// Something else than promised was seen.
    #[error("{0}")]
    Unexpected(String),
    /// No answer.
    #[error("{problem}{}", causes(problem))]
    Exchange {
        /// What the client says.
        #[from]
        problem: ExchangeFailed,
    },
    /// The address of the proxy cannot be read.
    #[error("{0}")]
    Url(#[from] url::ParseError),
    /// The proxy's certificate cannot be read.
    #[error("{0}")]
    Trust(#[from] TrustRefused),
}

/// What lies under an error, in one line.
fn causes(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// `Ok` when it holds, else the reason.
pub(super) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(Reason::Unexpected(otherwise())) }
}

/// `Ok` when the answer has this status.
pub(super) fn expect_status(what: &str, answer: &Incoming, status: u16) -> Result<(), Reason> {
    expect(answer.status == status, || {
        let text: String = answer.text().chars().take(200).collect();
        format!("{what}: status {} instead of {status}: {}", answer.status, text.replace('\n', " "))
    })
}

/// Everybody who takes part, with what they keep.
pub(super) struct Visit<'a> {
    pub(super) check: &'a Check<'a>,
    pub(super) base: Url,
    pub(super) trust: Trust,
    pub(super) ana: Browser,
    pub(super) bo: Browser,
}

impl<'a> Visit<'a> {
    pub(super) fn new(check: &'a Check<'a>) -> Result<Self, Reason> {
        let trust = match &check.certificate {
            Some(pem) => Trust::certificate(pem)?,
            None => Trust::none(),
        };
        let (ana, bo) = (Browser::new(trust.clone()), Browser::new(trust.clone()));
        Ok(Self { check, base: Url::parse(&check.base_url)?, trust, ana, bo })
    }

    /// A page of the proxy.
    pub(super) fn url(&self, target: &str) -> Result<Url, Reason> {
        Ok(Url::parse(&format!("{}{target}", self.check.base_url))?)
    }

    /// Somebody who was never here.
    pub(super) fn stranger(&self) -> Browser {
        Browser::new(self.trust.clone())
    }

    /// Whether a page is the provider's.
    pub(super) fn is_at_provider(&self, url: &Url) -> bool {
        url.as_str().starts_with(&format!("{}/", self.check.provider.issuer()))
    }

    /// Goes to a page, signs in at the provider on the way, and returns where that ends.
    pub(super) async fn sign_in(
        &self,
        browser: &mut Browser,
        username: &str,
        url: Url,
    ) -> Result<Page, Reason> {
        let form_page = browser.go(url).await?;
        expect(self.is_at_provider(&form_page.url), || {
            format!(
                "{username} is at {} (status {}) instead of the provider",
                form_page.url, form_page.answer.status
            )
        })?;
        expect_status("the sign-in form", &form_page.answer, 200)?;
        let form = form_page.forms().into_iter().next();
        let form = form.ok_or_else(|| Reason::Unexpected("the provider shows no form".to_owned()))?;
        let form = form.fill("username", username).fill("password", "demo");
        Ok(browser.submit(&form_page, &form).await?)
    }

    /// What the application received when a script of the page asks for `target` with these fields.
    pub(super) async fn echo(
        &self,
        browser: &mut Browser,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Result<Value, Reason> {
        let answer = browser.send(self.script(target, fields)?).await?;
        expect_status(target, &answer, 200)?;
        let echo = answer.json();
        expect(echo.get("server").is_some(), || format!("{target}: not the application's answer"))?;
        Ok(echo)
    }

    /// A request as a script makes it.
    pub(super) fn script(&self, target: &str, fields: &[(&str, &str)]) -> Result<Outgoing, Reason> {
        let request = Outgoing::new("GET", self.url(target)?)
            .header("Accept", "application/json")
            .header("Sec-Fetch-Mode", "cors")
            .header("Sec-Fetch-Dest", "empty")
            .header("Sec-Fetch-Site", "same-origin");
        Ok(fields.iter().fold(request, |request, (name, value)| request.header(name, value)))
    }
}

/// Names and values of the fields in an echo.
pub(super) fn fields(echo: &Value) -> impl Iterator<Item = (&str, &str)> {
    let pairs = echo.get("headers").and_then(Value::as_array).into_iter().flatten();
    pairs.filter_map(|pair| Some((pair.get(0)?.as_str()?, pair.get(1)?.as_str()?)))
}

/// What the application takes the caller for.
pub(super) fn caller<'a>(echo: &'a Value, what: &str) -> Option<&'a str> {
    echo.get("caller")?.get(what)?.as_str()
}
