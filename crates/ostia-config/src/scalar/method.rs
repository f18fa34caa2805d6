//! A request method.

use http::Method;

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

impl FromText for Method {
    const GRAMMAR: Grammar = Grammar { name: "a method such as `GET`", pattern: "^[A-Z-]+$" };

    /// Methods are case-sensitive (RFC 9110 section 9.1); a lower-case one would match nothing that anyone sends.
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let upper = text.to_ascii_uppercase();
        if text != upper && Self::from_bytes(upper.as_bytes()).is_ok() {
            return Err(Wrong::new("is not a method").help(format!("did you mean `{upper}`?")));
        }
        let method = Self::from_bytes(text.as_bytes()).map_err(|_| Wrong::new("is not a method"))?;
        if matches!(method.as_str(), "CONNECT" | "TRACE" | "TRACK") {
            return Err(Wrong::new("is never forwarded")
                .help("requests with it are refused on every route; remove it"));
        }
        Ok(method)
    }
}
