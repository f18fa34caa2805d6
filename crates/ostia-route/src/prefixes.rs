//! The paths of one host: the longest prefix of a path in the time of a few look-ups.

use std::collections::{BTreeSet, HashMap};

use crate::endpoint::{Endpoint, Placed};

/// The paths of one host, for both kinds of comparison.
#[derive(Debug)]
pub(crate) struct Prefixes {
    kept: ByPath,
    /// The same in lower case; `None` when that changes nothing.
    folded: Option<ByPath>,
}

/// How a path is compared with those of the routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// Byte for byte.
    Exact,
    /// Without regard to ASCII letter case.
    Folded,
}

impl Prefixes {
    /// The paths of these routes, all of one host.
    pub(crate) fn new(routes: &[Placed<'_>]) -> Self {
        let has_upper = routes.iter().any(|placed| has_upper(&placed.route.path));
        let kept = ByPath::new(routes, str::to_owned);
        Self { kept, folded: has_upper.then(|| ByPath::new(routes, str::to_ascii_lowercase)) }
    }

    /// Whether a path of a route has upper-case letters, so that comparisons may differ even for a path without.
    pub(crate) fn is_mixed_case(&self) -> bool {
        self.folded.is_some()
    }

    /// The endpoint of the longest path that is a prefix of this one.
    pub(crate) fn longest(&self, path: &[u8], comparison: Comparison) -> Option<&Endpoint> {
        match comparison {
            Comparison::Exact => self.kept.longest(path),
            Comparison::Folded => {
                let folded = self.folded.as_ref().unwrap_or(&self.kept);
                if path.iter().any(u8::is_ascii_uppercase) {
                    folded.longest(&path.to_ascii_lowercase())
                } else {
                    folded.longest(path)
                }
            }
        }
    }
}

pub(crate) fn has_upper(path: &str) -> bool {
    path.bytes().fold(false, |found, byte| found | byte.is_ascii_uppercase())
}

/// Paths by their bytes. A path is looked up under each of its beginnings that could be a route's: those that end at a
/// segment and are as long as the path of some route. So the time depends neither on the number of routes nor, beyond
/// the lengths of their paths, on what a client sends.
#[derive(Debug)]
struct ByPath {
    endpoints: HashMap<Box<[u8]>, Endpoint>,
    /// The lengths that occur, the longest first.
    lengths: Box<[usize]>,
}

impl ByPath {
    fn new(routes: &[Placed<'_>], spell: impl Fn(&str) -> String) -> Self {
        let mut by_path: HashMap<Box<[u8]>, Vec<Placed<'_>>> = HashMap::with_capacity(routes.len());
        for placed in routes {
            by_path.entry(spell(&placed.route.path).into_bytes().into()).or_default().push(*placed);
        }
        let lengths: BTreeSet<usize> = by_path.keys().map(|path| path.len()).collect();
        let endpoints = by_path.into_iter().map(|(path, placed)| (path, Endpoint::new(&placed)));
        Self { endpoints: endpoints.collect(), lengths: lengths.into_iter().rev().collect() }
    }

    fn longest(&self, path: &[u8]) -> Option<&Endpoint> {
        self.lengths.iter().find_map(|&length| {
            let (start, rest) = path.split_at_checked(length)?;
            if is_whole(start, rest) { self.endpoints.get(start) } else { None }
        })
    }
}

/// `/finance/` is a prefix of what begins with it; `/finance` of itself and of what begins with `/finance/`.
fn is_whole(start: &[u8], rest: &[u8]) -> bool {
    start.last() == Some(&b'/') || matches!(rest.first(), None | Some(b'/'))
}
