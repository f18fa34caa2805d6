//! The name of a header field.

use http::HeaderName;

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

impl FromText for HeaderName {
    const GRAMMAR: Grammar = Grammar { name: "a header name", pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        Self::from_bytes(text.as_bytes())
            .map_err(|_| Wrong::new("is not a header name (RFC 9110 section 5.1)"))
    }
}
