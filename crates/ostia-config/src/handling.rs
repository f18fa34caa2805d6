//! What a route does with its requests besides sending them on.

use std::time::Duration;

use http::{HeaderName, StatusCode};

use crate::Template;
use crate::policy::ClaimPath;

/// What a route does with its requests besides sending them on. The default does nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handling {
    /// `redirect` or `respond`: the route has no upstream.
    pub answer: Option<OwnAnswer>,
    /// `headers.request`.
    pub request_fields: FieldRules,
    /// `headers.response`.
    pub response_fields: FieldRules,
    /// `strip_prefix`: cut off the path before it goes on; begins with `/` and does not end with one.
    pub strip_prefix: Option<String>,
    /// `rewrite`: the path for the upstream; of variables only `{path}`.
    pub rewrite: Option<Template>,
    /// `compression`. Default `false`.
    pub compression: bool,
    /// `keep_form`: a form that is posted without a session is kept over the login. Default `false`.
    pub keep_form: bool,
    /// `rate_limit`.
    pub rate_limit: Option<RateLimit>,
    /// `limits.body_bytes`: less than what the listener takes.
    pub body_bytes: Option<u64>,
}

/// An answer that a route gives itself, to whoever may enter.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnAnswer {
    /// `redirect`.
    Redirect {
        /// `to`: an absolute URL, or a path.
        to: Template,
        /// `status`: 301, 302, 303, 307 or 308. Default 302.
        status: StatusCode,
    },
    /// `respond`.
    Respond {
        /// `status`, 200 to 599. Default 200.
        status: StatusCode,
        /// `body`: a text. Default empty.
        body: String,
    },
}

/// Which fields are set and which removed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldRules {
    /// `set`, replacing what is there. A field whose claim is missing is not sent at all.
    pub set: Vec<(HeaderName, Template)>,
    /// `remove`.
    pub remove: Vec<HeaderName>,
}

/// How many requests come through.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    /// `per`: who shares a limit. Default `address`.
    pub per: RatePer,
    /// `requests`: how many, …
    pub requests: u32,
    /// … in which time: `100/s` is 100 and a second.
    pub period: Duration,
    /// `burst`: how many may come at once. Default as many as `requests`.
    pub burst: u32,
}

/// Who shares a limit.
#[derive(Clone, Debug, PartialEq)]
pub enum RatePer {
    /// `subject`: each caller; without one each address.
    Subject,
    /// `address`: each client address; the /64 of an IPv6 one.
    Address,
    /// `route`: everybody together.
    Route,
    /// `{ header: name }`: each value of a request field; without one each address.
    Header(HeaderName),
    /// `{ claim: path }`: each value of a claim; without one each address.
    Claim(ClaimPath),
}

impl FieldRules {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    /// Every field that is set or removed.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.set.iter().map(|(name, _)| name).chain(&self.remove)
    }

    /// The fields that tell of the caller; clients may not send them.
    pub fn of_the_caller(&self) -> impl Iterator<Item = &HeaderName> {
        self.set.iter().filter(|(_, value)| value.tells_of_the_caller()).map(|(name, _)| name)
    }

    /// The claims that are read.
    pub fn claims(&self) -> impl Iterator<Item = &ClaimPath> {
        self.set.iter().flat_map(|(_, value)| value.variables()).filter_map(|variable| match variable {
            crate::template::Variable::Claim(path) => Some(path),
            _ => None,
        })
    }
}
