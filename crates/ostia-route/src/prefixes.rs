//! The paths of one host: the longest prefix of a path in the time of a binary search.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::endpoint::{Endpoint, Placed};

/// The paths of one host, for both kinds of comparison.
#[derive(Debug)]
pub(crate) struct Prefixes {
    kept: Sorted,
    /// The same in lower case; `None` when that changes nothing.
    folded: Option<Sorted>,
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
        let kept = Sorted::new(routes, str::to_owned);
        Self { kept, folded: has_upper.then(|| Sorted::new(routes, str::to_ascii_lowercase)) }
    }

    /// Whether a path of a route has upper-case letters, so that comparisons may differ even for a path without.
    pub(crate) fn is_mixed_case(&self) -> bool {
        self.folded.is_some()
    }

    /// The endpoint of the longest path that is a prefix of this one.
    pub(crate) fn longest(&self, path: &[u8], comparison: Comparison) -> Option<&Endpoint> {
        match comparison {
            Comparison::Exact => self.kept.longest(path, |byte| byte),
            Comparison::Folded => {
                self.folded.as_ref().unwrap_or(&self.kept).longest(path, |byte| byte.to_ascii_lowercase())
            }
        }
    }
}

pub(crate) fn has_upper(path: &str) -> bool {
    path.bytes().fold(false, |found, byte| found | byte.is_ascii_uppercase())
}

/// Paths in the order of their bytes, each knowing the longest other one that it begins with.
#[derive(Debug)]
struct Sorted(Box<[Entry]>);

#[derive(Debug)]
struct Entry {
    path: Box<[u8]>,
    parent: Option<usize>,
    endpoint: Endpoint,
}

impl Sorted {
    fn new(routes: &[Placed<'_>], spell: impl Fn(&str) -> String) -> Self {
        let mut by_path: BTreeMap<Box<[u8]>, Vec<Placed<'_>>> = BTreeMap::new();
        for placed in routes {
            by_path.entry(spell(&placed.route.path).into_bytes().into()).or_default().push(*placed);
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(by_path.len());
        // The entries that the one being added may begin with: a chain from the longest upwards.
        let mut chain: Vec<usize> = Vec::new();
        for (path, placed) in by_path {
            while chain
                .last()
                .and_then(|&last| entries.get(last))
                .is_some_and(|last| !path.starts_with(&last.path))
            {
                chain.pop();
            }
            let parent = chain.last().copied();
            chain.push(entries.len());
            entries.push(Entry { path, parent, endpoint: Endpoint::new(&placed) });
        }
        Self(entries.into())
    }

    /// Every prefix of a path stands between itself and the path in the order of bytes, and so does only what begins
    /// with it. So the greatest entry up to the path begins with each of them: they are its chain of parents.
    fn longest(&self, path: &[u8], spell: impl Fn(u8) -> u8 + Copy) -> Option<&Endpoint> {
        let after = self.0.partition_point(|entry| compare(&entry.path, path, spell) != Ordering::Greater);
        let mut next = after.checked_sub(1);
        while let Some(entry) = next.and_then(|at| self.0.get(at)) {
            if is_prefix(&entry.path, path, spell) {
                return Some(&entry.endpoint);
            }
            next = entry.parent;
        }
        None
    }
}

fn compare(entry: &[u8], path: &[u8], spell: impl Fn(u8) -> u8) -> Ordering {
    entry.iter().copied().cmp(path.iter().copied().map(spell))
}

/// `/finance/` is a prefix of what begins with it; `/finance` of itself and of what begins with `/finance/`.
fn is_prefix(entry: &[u8], path: &[u8], spell: impl Fn(u8) -> u8) -> bool {
    let Some((start, rest)) = path.split_at_checked(entry.len()) else { return false };
    let is_whole = entry.last() == Some(&b'/') || matches!(rest.first(), None | Some(b'/'));
    is_whole && entry.iter().copied().eq(start.iter().copied().map(spell))
}
