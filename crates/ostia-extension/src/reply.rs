//! What an extension answers itself.

use http::{HeaderName, HeaderValue, StatusCode};

/// A finished answer. Fields that frame a message, and Ostia's own cookies, are left out when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: StatusCode,
    reason: &'static str,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: Option<(HeaderValue, Vec<u8>)>,
}

impl Reply {
    /// A status without a body: for a browser Ostia's own page, for machines problem JSON, when it is an error.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self { status, reason: "extension", fields: Vec::new(), body: None }
    }

    /// A status with a body.
    #[must_use]
    pub fn body(status: StatusCode, content_type: HeaderValue, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Some((content_type, body.into())), ..Self::status(status) }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// With the reason that logs and problem JSON tell: one word in snake_case, the same for every request of its kind.
    #[must_use]
    pub fn because(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    /// The status.
    #[must_use]
    pub fn code(&self) -> StatusCode {
        self.status
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// The fields.
    pub fn fields(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.fields.iter()
    }

    /// Content type and body.
    #[must_use]
    pub fn content(&self) -> Option<(&HeaderValue, &[u8])> {
        self.body.as_ref().map(|(content_type, body)| (content_type, body.as_slice()))
    }
}
