//! `strip_prefix` and `rewrite`: the path that the upstream gets.
//!
//! Route and policy are decided on the path as received, with all its usual readings. What is cut off must be the same
//! for all of them: a path that begins with the prefix only for some readers is refused, and so is one whose rest would
//! begin with `//`, which names a host to others.

use ostia_config::handling::Handling;
use ostia_config::template::Piece;
use ostia_request::Examined;

/// What a route does to the path.
#[derive(Debug)]
pub(crate) struct Rewrite {
    strip: Option<Box<str>>,
    to: Option<To>,
}

#[derive(Debug)]
enum To {
    /// This path, whatever was asked for.
    Whole(Box<str>),
    /// This before the path.
    Before(Box<str>),
}

/// Readers would not agree on what is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PrefixUnclear;

impl Rewrite {
    /// `None`: the path goes on as it is.
    #[must_use]
    pub(crate) fn new(handling: &Handling) -> Option<Self> {
        let to = handling.rewrite.as_ref().and_then(|template| match template.pieces() {
            [Piece::Text(path)] => Some(To::Whole(path.as_str().into())),
            [Piece::Text(before), Piece::Variable(_)] => Some(To::Before(before.as_str().into())),
            _ => None,
        });
        let strip = handling.strip_prefix.as_deref().map(Box::from);
        (to.is_some() || strip.is_some()).then_some(Self { strip, to })
    }

    /// Path and query for the upstream; `None` when they are those that came.
    ///
    /// # Errors
    /// When the prefix is there for some readers and not for others.
    pub(crate) fn target(&self, examined: &Examined<'_>) -> Result<Option<String>, PrefixUnclear> {
        let rest = match &self.strip {
            Some(prefix) => stripped(prefix, examined)?,
            None => None,
        };
        let path = rest.unwrap_or(examined.path());
        let path = match &self.to {
            Some(To::Whole(path)) => path.to_string(),
            Some(To::Before(before)) => format!("{before}{path}"),
            None if rest.is_none() => return Ok(None),
            None => path.to_owned(),
        };
        Ok(Some(match examined.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        }))
    }
}

/// What follows the prefix; `None` when the path does not begin with it.
fn stripped<'a>(prefix: &str, examined: &Examined<'a>) -> Result<Option<&'a str>, PrefixUnclear> {
    let path = examined.path();
    let rest = path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if !examined.is_plain() {
        let readings = examined.readings().map_err(|_| PrefixUnclear)?;
        let has = |bytes: &[u8]| {
            let begin =
                bytes.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix.as_bytes()));
            begin && matches!(bytes.get(prefix.len()), None | Some(b'/'))
        };
        if readings.iter().any(|reading| has(&reading.bytes) != rest.is_some()) {
            return Err(PrefixUnclear);
        }
    }
    match rest {
        Some("") => Ok(Some("/")),
        Some(rest) if rest.starts_with("//") => Err(PrefixUnclear),
        rest => Ok(rest),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method, Version};
    use ostia_config::Template;
    use ostia_request::{Head, Limits, examine};

    use super::*;

    fn target(strip: Option<&str>, to: Option<&str>, target: &str) -> Result<Option<String>, PrefixUnclear> {
        let handling = Handling {
            strip_prefix: strip.map(str::to_owned),
            rewrite: to.map(|to| Template::parse(to).unwrap()),
            ..Handling::default()
        };
        let headers: HeaderMap = [(http::header::HOST, HeaderValue::from_static("a"))].into_iter().collect();
        let head = Head {
            version: Version::HTTP_11,
            method: &Method::GET,
            target: target.as_bytes(),
            authority: None,
            headers: &headers,
        };
        Rewrite::new(&handling).unwrap().target(&examine(&head, &Limits::default()).unwrap())
    }

    #[test]
    fn prefix_is_cut_where_a_segment_ends() {
        for (came, goes) in [
            ("/chat", Some("/")),
            ("/chat?a=b", Some("/?a=b")),
            ("/chat/", Some("/")),
            ("/chat/x/y?q=%2F", Some("/x/y?q=%2F")),
            ("/chat/a%20b", Some("/a%20b")),
            ("/chat/a;v=1", Some("/a;v=1")),
            ("/chatter", None),
            ("/other/chat/", None),
            ("/CHAT/x", None),
            ("/", None),
        ] {
            assert_eq!(target(Some("/chat"), None, came), Ok(goes.map(str::to_owned)), "{came}");
        }
    }

    #[test]
    fn path_that_begins_with_the_prefix_for_some_readers_only_is_refused() {
        for came in [
            "/chat%2Fx",
            "/%63hat/x",
            "/chat/../admin",
            "/chat/%2e%2e/admin",
            "/x/../chat/y",
            "//chat/x",
            "/chat;v=1/x",
            "/chat//evil.example",
            "/./chat/x",
            "/%43hat/x",
        ] {
            assert_eq!(target(Some("/chat"), None, came), Err(PrefixUnclear), "{came}");
        }
    }

    #[test]
    fn path_is_put_behind_another_or_replaced_and_the_query_stays() {
        for (strip, to, came, goes) in [
            (None, "/v2{path}", "/a?b=c", "/v2/a?b=c"),
            (Some("/api"), "/v2{path}", "/api/a", "/v2/a"),
            (Some("/api"), "/v2{path}", "/api", "/v2/"),
            (None, "/index.html", "/any/thing?x", "/index.html?x"),
            (None, "/v2{path}", "/a%20b", "/v2/a%20b"),
        ] {
            assert_eq!(target(strip, Some(to), came), Ok(Some(goes.to_owned())), "{to} {came}");
        }
    }
}
