//! The path of a request under all its usual readings.
//!
//! A backend may read a path otherwise than it is written (`/a/..%2fadmin`), so a condition on it holds only if every
//! usual reading is under the policy's path, fails only if none is, and is unknown in between: nobody enters by a
//! reading. ASCII letter case is one of them.

use ostia_config::policy::PathPattern;
use ostia_request::{Case, readings};

use crate::glob::{Glob, Stops};
use crate::truth::Truth;

/// A compiled path of a policy.
#[derive(Debug)]
pub(crate) enum Path {
    /// What is under it.
    Prefix(Box<str>),
    /// What matches.
    Glob(Glob),
}

impl Path {
    pub(crate) fn new(pattern: &PathPattern) -> Self {
        match pattern {
            PathPattern::Prefix(text) => Self::Prefix(text.as_str().into()),
            PathPattern::Glob(text) => Self::Glob(Glob::new(text, Stops::AtSlash)),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Prefix(text) => text,
            Self::Glob(glob) => glob.as_str(),
        }
    }

    /// As the path of a route: `/finance` and what begins with `/finance/`; `/finance/` and what begins with it.
    fn covers(&self, path: &[u8], fold: bool) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(path, fold),
            Self::Prefix(prefix) => {
                let prefix = prefix.as_bytes();
                let Some((begin, rest)) = path.split_at_checked(prefix.len()) else { return false };
                let begins = if fold { begin.eq_ignore_ascii_case(prefix) } else { begin == prefix };
                begins && (prefix.ends_with(b"/") || rest.first().is_none_or(|byte| *byte == b'/'))
            }
        }
    }
}

/// Whether a path is under one of these.
pub(crate) fn judge(paths: &[Path], path: &str) -> Truth {
    let is_under = |path: &[u8], fold: bool| paths.iter().any(|one| one.covers(path, fold));
    let literal = is_under(path.as_bytes(), false);
    let Ok(others) = readings(path) else { return Truth::Unknown };
    let agree = is_under(path.as_bytes(), true) == literal
        && others.iter().all(|reading| {
            let kept = reading.case == Case::Folded || is_under(&reading.bytes, false) == literal;
            kept && is_under(&reading.bytes, true) == literal
        });
    if agree { literal.into() } else { Truth::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_under_another_only_if_every_reading_of_it_is() {
        let paths = |list: &[&str]| -> Vec<Path> {
            let pattern = |text: &&str| {
                if text.contains('*') {
                    PathPattern::Glob((*text).to_owned())
                } else {
                    PathPattern::Prefix((*text).to_owned())
                }
            };
            list.iter().map(|text| Path::new(&pattern(text))).collect()
        };
        for (of, path, truth) in [
            (["/admin/"].as_slice(), "/admin/", Truth::Yes),
            (&["/admin/"], "/admin/x", Truth::Yes),
            (&["/admin/"], "/admin", Truth::No),
            (&["/admin"], "/admin", Truth::Yes),
            (&["/admin"], "/admin/x", Truth::Yes),
            (&["/admin"], "/administrator", Truth::No),
            (&["/"], "/x", Truth::Yes),
            (&["/a/", "/b/"], "/b/x", Truth::Yes),
            (&["/*/export"], "/a/export", Truth::Yes),
            (&["/*/export"], "/a/b/export", Truth::No),
            (&["/**/export"], "/a/b/export", Truth::Yes),
            // What one backend or another would read as something else is neither.
            (&["/admin/"], "/Admin/x", Truth::Unknown),
            (&["/admin/"], "/public/..%2fadmin/x", Truth::Unknown),
            (&["/public/"], "/public/..%2fadmin/x", Truth::Unknown),
            (&["/admin/"], "/%61dmin/x", Truth::Unknown),
            (&["/admin/"], "//admin/x", Truth::Unknown),
            (&["/admin/"], "/admin/x%20y", Truth::Yes),
            (&["/admin/"], "/public/100%25", Truth::No),
            (&["/*/export"], "/a%2Fb/export", Truth::Unknown),
        ] {
            assert_eq!(judge(&paths(of), path), truth, "{path} under {of:?}");
        }
    }
}
