//! Free text and the two kinds of token of the standards.

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

const MAX_BYTES: usize = 4096;

impl FromText for String {
    const GRAMMAR: Grammar = Grammar { name: "a text", pattern: "" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() {
            return Err(Wrong::new("is empty"));
        }
        if text.len() > MAX_BYTES {
            return Err(Wrong::new(format!("is longer than {MAX_BYTES} bytes")));
        }
        if text.chars().any(char::is_control) {
            return Err(Wrong::new("has a control character in it"));
        }
        Ok(text.to_owned())
    }
}

/// A scope: RFC 6749 section 3.3.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScopeToken(pub(crate) String);

impl FromText for ScopeToken {
    const GRAMMAR: Grammar = Grammar { name: "a scope", pattern: "^[\\x21\\x23-\\x5B\\x5D-\\x7E]+$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let good = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if text.is_empty() || !text.bytes().all(good) {
            return Err(Wrong::new("is not one scope").help("scopes are a list: `[openid, profile]`"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A token: RFC 9110 section 5.6.2, such as the name of a cookie.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Token(pub(crate) String);

impl FromText for Token {
    const GRAMMAR: Grammar = Grammar { name: "a token", pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if text.is_empty() || text.len() > 128 || !text.bytes().all(good) {
            return Err(Wrong::new("is not a token (RFC 9110 section 5.6.2) of at most 128 bytes"));
        }
        Ok(Self(text.to_owned()))
    }
}
