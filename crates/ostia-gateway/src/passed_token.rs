//! The caller's own access token as request fields, where `identity.pass_access_token` asks for it.
//!
//! It goes to every upstream: whoever turns this on lets each of them speak for the caller. Nothing else may see it: the
//! values are marked as sensitive, so that no header compression indexes them and `ostia route` does not print them.

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use ostia_config::IdentityHeaders;

/// A token and how whoever bears it says so.
#[derive(Clone, Copy)]
pub struct Passed<'a> {
    /// `Bearer`, or `DPoP` for a token that is bound to a key.
    pub scheme: &'a str,
    /// The token.
    pub token: &'a str,
}

impl<'a> Passed<'a> {
    /// A token that whoever bears it may use.
    #[must_use]
    pub fn bearer(token: &'a str) -> Self {
        Self { scheme: "Bearer", token }
    }
}

/// The fields that carry it.
#[derive(Debug)]
pub(crate) struct TokenFields {
    /// Those that hold nothing but the token.
    bare: Box<[HeaderName]>,
}

impl TokenFields {
    /// `None` where no upstream gets the token.
    pub(crate) fn new(config: &IdentityHeaders) -> Option<Self> {
        config.pass_access_token.then(|| Self { bare: config.token_headers.clone().into() })
    }

    /// The fields; none for a token that is no field value.
    pub(crate) fn of(&self, passed: Passed<'_>) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let credentials = sensitive(&format!("{} {}", passed.scheme, passed.token));
        let bare = self.bare.iter().filter_map(move |name| Some((name.clone(), sensitive(passed.token)?)));
        credentials.map(|value| (AUTHORIZATION, value)).into_iter().chain(bare)
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
