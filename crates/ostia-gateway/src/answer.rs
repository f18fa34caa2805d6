//! What Ostia itself answers, instead of a server behind it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use pingora_http::ResponseHeader;
use pingora_proxy::Session as Downstream;

use crate::page::{Page, Pages};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A finished answer of Ostia's own.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    /// Why, as a slug for log, metrics and page.
    reason: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
    content_type: Option<HeaderValue>,
    body: Bytes,
    is_last: bool,
}

/// How the one who asked wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A browser that shows the answer to somebody: a page.
    Person,
    /// Anything else: problem JSON (RFC 9457).
    Machine,
}

/// A refusal before it is dressed for its reader.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The status.
    pub status: StatusCode,
    /// The reason's slug.
    pub reason: &'static str,
    /// One sentence that says what was refused.
    pub title: &'a str,
    /// What the reader can do about it; may be empty.
    pub advice: &'a str,
    /// A link or form to go on with.
    pub next: Next<'a>,
}

/// The way on from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// None.
    Nothing,
    /// Sign in (again): a path of Ostia's own.
    SignIn(&'a str),
    /// Sign in through one of several providers.
    Choose(&'a [Choice<'a>]),
    /// The same, and what stands behind the `#` of the page's address goes along (`sessions.keep_fragment`).
    ChooseWithFragment(&'a [Choice<'a>]),
    /// Sign out, to come back as somebody else.
    SignOut,
    /// The same, of one of several sessions.
    SignOutOf(&'a [Choice<'a>]),
}

/// One of several ways on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// What people read.
    pub title: &'a str,
    /// Where it leads: a path of Ostia's own.
    pub path: &'a str,
}

/// A refusal as RFC 9457 has it.
#[derive(serde::Serialize)]
struct Problem<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_url: Option<&'a str>,
    request_id: &'a str,
    status: u16,
    title: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

impl<'a> Refusal<'a> {
    /// A refusal without advice.
    #[must_use]
    pub fn new(status: StatusCode, reason: &'static str, title: &'a str) -> Self {
        Self { status, reason, title, advice: "", next: Next::Nothing }
    }

    /// With advice.
    #[must_use]
    pub fn advise(self, advice: &'a str) -> Self {
        Self { advice, ..self }
    }

    /// With a way on.
    #[must_use]
    pub fn next(self, next: Next<'a>) -> Self {
        Self { next, ..self }
    }
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason, headers: Vec::new(), content_type: None, body: Bytes::new(), is_last: false }
    }

    /// A redirect. `location` was built by us from the configuration or re-validated by us.
    #[must_use]
    pub fn redirect(status: StatusCode, reason: &'static str, location: HeaderValue) -> Self {
        Self::empty(status, reason).with(header::LOCATION, location)
    }

    /// A page of ours.
    #[must_use]
    pub fn page(status: StatusCode, reason: &'static str, pages: &Pages, page: &Page<'_>) -> Self {
        let mut answer = Self::empty(status, reason)
            .with(header::CONTENT_SECURITY_POLICY, pages.security_policy(page))
            .with(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        answer.content_type = Some(HTML);
        answer.body = Bytes::from(pages.render(page));
        answer
    }

    /// An HTML document with a policy of its own.
    #[must_use]
    pub fn html(status: StatusCode, reason: &'static str, policy: HeaderValue, html: String) -> Self {
        let mut answer = Self::empty(status, reason).with(header::CONTENT_SECURITY_POLICY, policy);
        answer.content_type = Some(HTML);
        answer.body = Bytes::from(html);
        answer
    }

    /// The body, for tests.
    #[cfg(test)]
    pub(crate) fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Bytes that mean something to a program.
    #[must_use]
    pub fn octets(status: StatusCode, reason: &'static str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::empty(status, reason);
        answer.content_type = Some(HeaderValue::from_static("application/octet-stream"));
        answer.body = body.into();
        answer
    }

    /// A text that is at hand.
    #[must_use]
    pub fn text(status: StatusCode, reason: &'static str, content_type: HeaderValue, text: Vec<u8>) -> Self {
        let mut answer = Self::empty(status, reason);
        answer.content_type = Some(content_type);
        answer.body = Bytes::from(text);
        answer
    }

    /// A JSON document.
    #[must_use]
    pub fn json(status: StatusCode, reason: &'static str, body: &serde_json::Value) -> Self {
        let mut answer = Self::empty(status, reason);
        answer.content_type = Some(HeaderValue::from_static("application/json"));
        answer.body = Bytes::from(body.to_string());
        answer
    }

    /// A refusal, as a page for a person and as problem JSON (RFC 9457) for a machine.
    #[must_use]
    pub fn refuse(refusal: &Refusal<'_>, reader: Reader, pages: &Pages, request_id: &str) -> Self {
        match reader {
            Reader::Person => {
                Self::page(refusal.status, refusal.reason, pages, &Page::refusal(refusal, request_id))
            }
            Reader::Machine => Self::problem(refusal, request_id),
        }
    }

    fn problem(refusal: &Refusal<'_>, request_id: &str) -> Self {
        let problem = Problem {
            code: refusal.reason,
            detail: Some(refusal.advice).filter(|advice| !advice.is_empty()),
            login_url: if let Next::SignIn(path) = refusal.next { Some(path) } else { None },
            request_id,
            status: refusal.status.as_u16(),
            title: refusal.title,
            kind: "about:blank",
        };
        let mut answer = Self::empty(refusal.status, refusal.reason);
        // Texts and a number: nothing that JSON cannot say.
        answer.body = Bytes::from(serde_json::to_vec(&problem).unwrap_or_default());
        answer.content_type = Some(HeaderValue::from_static("application/problem+json"));
        answer
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Its fields so far, without those that every answer gets when it is written.
    #[must_use]
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// As the last answer of its connection: what follows a head that cannot be understood cannot be understood either.
    #[must_use]
    pub fn last(self) -> Self {
        Self { is_last: true, ..self }
    }

    /// With `Set-Cookie` fields.
    #[must_use]
    pub fn with_cookies(mut self, cookies: impl IntoIterator<Item = HeaderValue>) -> Self {
        self.headers.extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
        self
    }

    /// Where it leads to, if it is a redirect.
    #[must_use]
    pub(crate) fn location(&self) -> Option<&str> {
        let mut fields = self.headers.iter().filter(|(name, _)| name == header::LOCATION);
        fields.next().and_then(|(_, value)| value.to_str().ok())
    }

    /// Whether it is a redirect.
    #[must_use]
    pub(crate) fn leads_away(&self) -> bool {
        self.status.is_redirection() && self.location().is_some()
    }

    /// Its `Set-Cookie` fields alone.
    #[must_use]
    pub(crate) fn into_cookies(self) -> Vec<HeaderValue> {
        let cookies = self.headers.into_iter().filter(|(name, _)| name == header::SET_COOKIE);
        cookies.map(|(_, value)| value).collect()
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason's slug.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// Writes the answer. Never cached unless it says so itself, never sniffed; the connection is closed when the request brought a body that
    /// nobody read.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn write(
        self,
        downstream: &mut Downstream,
        request_id: &HeaderValue,
    ) -> pingora_error::Result<()> {
        let head_only = downstream.req_header().method == http::Method::HEAD;
        let mut response = ResponseHeader::build(self.status, Some(self.headers.len() + 8))?;
        for (name, value) in self.headers {
            response.append_header(name, value)?;
        }
        if let Some(content_type) = self.content_type {
            response.insert_header(header::CONTENT_TYPE, content_type)?;
        }
        // 204 and 304 have neither body nor length (RFC 9110 section 8.6).
        if !matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            response.insert_header(header::CONTENT_LENGTH, self.body.len())?;
        }
        if !response.headers.contains_key(header::CACHE_CONTROL) {
            response.insert_header(header::CACHE_CONTROL, "no-store")?;
        }
        response.insert_header(header::REFERRER_POLICY, "no-referrer")?;
        response.insert_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")?;
        response.insert_header("x-request-id", request_id.clone())?;
        if self.is_last || !downstream.as_mut().is_body_empty() {
            downstream.set_keepalive(None);
        }
        let end = head_only || self.body.is_empty();
        downstream.write_response_header(Box::new(response), end).await?;
        if !end {
            downstream.write_response_body(Some(self.body), true).await?;
        }
        Ok(())
    }
}
