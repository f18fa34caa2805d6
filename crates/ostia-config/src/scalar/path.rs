//! The path of a request.

use crate::codes;
use crate::describe::Grammar;
use crate::policy::PathPattern;
use crate::value::{FromText, Wrong};

/// A path that begins with `/` and reads the same to everybody: no `..`, no `//`, no escapes, no query.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RequestPath(pub(crate) String);

impl FromText for RequestPath {
    const GRAMMAR: Grammar = Grammar { name: "a path such as `/finance/`", pattern: "^/[^?#%\\\\ ]*$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        refusal(text).map_or_else(|| Ok(Self(text.to_owned())), |reason| Err(reason.code(codes::BAD_PATH)))
    }
}

impl FromText for PathPattern {
    const GRAMMAR: Grammar =
        Grammar { name: "a path such as `/finance/` or `/*/export`", pattern: "^/[^#%\\\\ ]*$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        if !text.contains(['*', '?']) {
            return RequestPath::from_text(text).map(|RequestPath(path)| Self::Prefix(path));
        }
        let plain = text.replace(['*', '?'], "x");
        match refusal(&plain) {
            Some(reason) => Err(reason.code(codes::BAD_PATH)),
            None => Ok(Self::Glob(text.to_owned())),
        }
    }
}

fn refusal(text: &str) -> Option<Wrong> {
    if !text.starts_with('/') {
        return Some(Wrong::new("does not begin with `/`"));
    }
    if text.len() > 1024 {
        return Some(Wrong::new("is longer than 1024 bytes"));
    }
    if text.contains(['?', '#']) {
        return Some(Wrong::new("has a query or a fragment").help("a route is chosen by the path alone"));
    }
    if text.contains('*') {
        let help = "a path is a prefix already: `/finance/` matches all that begins with it";
        return Some(Wrong::new("has a `*`").help(help));
    }
    if text.contains(['%', '\\', ';']) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let help = "routes match what a path says, so write plain ASCII without `%`, `\\` and `;`";
        return Some(Wrong::new("has a character that readers of a path disagree about").help(help));
    }
    let segments: Vec<&str> = text.split('/').skip(1).collect();
    let inner_empty = segments.iter().rev().skip(1).any(|segment| segment.is_empty());
    if inner_empty || segments.iter().any(|segment| matches!(*segment, "." | "..")) {
        return Some(
            Wrong::new("has an empty, `.` or `..` segment")
                .help("write the path as it is after those are resolved"),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_that_reads_in_two_ways_is_refused() {
        for text in [
            "", "a", "/a?b", "/a#b", "/a*", "/a%2fb", "/a\\b", "/a;b", "/ä", "/a b", "//", "/a//b",
            "/a/../b", "/.",
        ] {
            assert!(RequestPath::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_is_a_path_with_stars() {
        let glob = |text: &str| Ok(PathPattern::Glob(text.to_owned()));
        for text in ["/*", "/a/*/b", "/**", "/a/**/b?.txt"] {
            assert_eq!(PathPattern::from_text(text), glob(text), "{text}");
        }
        assert_eq!(PathPattern::from_text("/a/"), Ok(PathPattern::Prefix("/a/".to_owned())));
        for text in ["*", "a/*", "/*#", "/*%20", "/*//x", "/../*", "/* b"] {
            assert!(PathPattern::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_path_is_taken_as_it_is() {
        for text in ["/", "/a", "/a/", "/a/b.c/~d", "/.well-known/x", "/A"] {
            assert_eq!(RequestPath::from_text(text), Ok(RequestPath(text.to_owned())), "{text}");
        }
    }
}
