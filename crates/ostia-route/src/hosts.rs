//! The hosts of the table, from the most specific to the least.

use std::collections::HashMap;

use ostia_config::route::HostPattern;
use ostia_request::Host;

use crate::endpoint::Placed;
use crate::prefixes::Prefixes;

/// The paths of every host.
#[derive(Debug)]
pub(crate) struct Hosts {
    exact: HashMap<Box<str>, Prefixes>,
    /// By suffix: `example.com` for `*.example.com`.
    wildcards: HashMap<Box<str>, Prefixes>,
    any: Option<Prefixes>,
}

impl Hosts {
    /// Arranges routes whose host patterns are spelled by [`spell`].
    pub(crate) fn new(by_host: &HashMap<HostPattern, Vec<Placed<'_>>>) -> Self {
        let mut hosts = Self { exact: HashMap::new(), wildcards: HashMap::new(), any: None };
        for (pattern, routes) in by_host {
            let prefixes = Prefixes::new(routes);
            match pattern {
                HostPattern::Exact(name) => drop(hosts.exact.insert(name.as_str().into(), prefixes)),
                HostPattern::Wildcard(suffix) => {
                    drop(hosts.wildcards.insert(suffix.as_str().into(), prefixes));
                }
                HostPattern::Any => hosts.any = Some(prefixes),
            }
        }
        hosts
    }

    /// The paths that may serve a host, the most specific pattern first.
    pub(crate) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Prefixes> {
        let exact = self.exact.get(name);
        exact.into_iter().chain(self.wildcards_of(name)).chain(&self.any)
    }

    /// `a.b.example` falls under `*.b.example`, then under `*.example`.
    fn wildcards_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Prefixes> {
        // An address has no labels to vary, and most tables have no wildcard.
        let has_labels = !self.wildcards.is_empty() && !name.starts_with('[');
        name.match_indices('.')
            .take(if has_labels { usize::MAX } else { 0 })
            .filter_map(|(dot, _)| self.wildcards.get(name.get(dot + 1..)?))
    }

    /// Whether any path of a route has upper-case letters.
    pub(crate) fn is_mixed_case(&self) -> bool {
        self.exact.values().chain(self.wildcards.values()).chain(&self.any).any(Prefixes::is_mixed_case)
    }
}

/// A pattern as requests spell their hosts: lower case, IPv6 in brackets. `None` when no request can have such a host.
pub(crate) fn spell(pattern: &HostPattern) -> Option<HostPattern> {
    let spell = |name: &str| {
        let bracketed =
            if name.contains(':') && !name.starts_with('[') { format!("[{name}]") } else { name.into() };
        let host = Host::parse(bracketed.as_bytes()).ok()?;
        host.port().is_none().then(|| host.name().to_owned())
    };
    Some(match pattern {
        HostPattern::Exact(name) => HostPattern::Exact(spell(name)?),
        HostPattern::Wildcard(suffix) => HostPattern::Wildcard(spell(suffix)?),
        HostPattern::Any => HostPattern::Any,
    })
}
