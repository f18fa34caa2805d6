//! An answer as a browser sees it.

use bytes::Bytes;
use http::HeaderMap;
use url::Url;

use crate::form::Form;

/// The answer to one request, with the way that led there.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it came from.
    pub url: Url,
    /// The status code.
    pub status: u16,
    /// The protocol it came over.
    pub version: http::Version,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The addresses before this one, oldest first, when redirects were followed.
    pub trail: Vec<Url>,
}

impl Page {
    /// The first value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The target of a redirect, made absolute.
    #[must_use]
    pub fn location(&self) -> Option<Url> {
        self.url.join(self.field("location")?).ok()
    }

    /// A parameter of the redirect's query, decoded.
    #[must_use]
    pub fn location_parameter(&self, name: &str) -> Option<String> {
        let location = self.location()?;
        location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, null when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The first form of the page.
    #[must_use]
    pub fn form(&self) -> Option<Form> {
        Form::first_in(&self.text(), &self.url)
    }

    /// Path and query as they stand in the address bar.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
}
