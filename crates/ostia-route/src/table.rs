//! The compiled table of routes.

use std::collections::HashMap;

use http::Method;
use ostia_config::route::HostPattern;
use ostia_config::{Name, Route};
use ostia_request::{Case, Examined, Readings, TooManyReadings, is_plain_path, readings};

use crate::class::classes;
use crate::endpoint::{Found, Placed, overlap};
use crate::explain::{Explanation, Trial};
use crate::hosts::{self, Hosts};
use crate::prefixes::{Comparison, has_upper};
use crate::{RouteRefused, TableRefused};

#[cfg(test)]
pub(crate) mod tests;

/// The place of a route in the configuration's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteIndex(pub usize);

/// All routes, arranged for look-up.
#[derive(Debug)]
pub struct RouteTable {
    hosts: Hosts,
    /// A path of a route has upper-case letters.
    is_mixed_case: bool,
    /// For explanations.
    names: Box<[Name]>,
}

impl RouteTable {
    /// Arranges the routes.
    ///
    /// # Errors
    /// Everything that keeps them from being a table, in the order of the file.
    pub fn compile(routes: &[Route]) -> Result<Self, Vec<TableRefused>> {
        let mut refused = Vec::new();
        let mut by_host: HashMap<HostPattern, Vec<Placed<'_>>> = HashMap::new();
        for (index, (route, class)) in routes.iter().zip(classes(routes)).enumerate() {
            match placed(route) {
                Ok(host) => {
                    by_host.entry(host).or_default().push(Placed { index: RouteIndex(index), class, route });
                }
                Err(reason) => refused.push((index, reason)),
            }
        }
        by_host.values().for_each(|routes| compare(routes, &mut refused));
        if !refused.is_empty() {
            refused.sort_by_key(|(index, _)| *index);
            return Err(refused.into_iter().map(|(_, reason)| reason).collect());
        }
        let hosts = Hosts::new(&by_host);
        let names = routes.iter().map(|route| route.name.clone()).collect();
        Ok(Self { is_mixed_case: hosts.is_mixed_case(), hosts, names })
    }

    /// The route of a request. Does not allocate for a plain path in lower case, nor does its time depend on the number
    /// of hosts and routes.
    ///
    /// # Errors
    /// [`RouteRefused`] says why there is none.
    pub fn find(&self, request: &Examined<'_>, method: &Method) -> Result<RouteIndex, RouteRefused> {
        self.judge(request.host().name(), request.path(), method, || request.readings())
    }

    /// Which route a request would take, and why; for people, so it takes its time.
    ///
    /// `host` without port, in lower case; `path` without query.
    #[must_use]
    pub fn explain(&self, host: &str, path: &str, method: &Method) -> Explanation {
        let all = readings(path);
        let literal = self.trial(host, path.as_bytes(), Comparison::Exact, method);
        let mut trials = vec![self.trial(host, path.as_bytes(), Comparison::Folded, method)];
        for reading in all.iter().flat_map(Readings::iter) {
            trials.extend(
                comparisons(reading.case).iter().map(|&way| self.trial(host, &reading.bytes, way, method)),
            );
        }
        let outcome = self.judge(host, path, method, || all.clone());
        Explanation { literal, others: trials, outcome: outcome.map(|found| (found, self.name(found))) }
    }

    fn judge(
        &self,
        host: &str,
        path: &str,
        method: &Method,
        others: impl FnOnce() -> Result<Readings, TooManyReadings>,
    ) -> Result<RouteIndex, RouteRefused> {
        let found = self.locate(host, path.as_bytes(), Comparison::Exact, method)?;
        let agrees = |path: &[u8], comparison| {
            self.locate(host, path, comparison, method).is_ok_and(|other| other.class == found.class)
        };
        // Without an upper-case letter on either side folding changes nothing.
        if (self.is_mixed_case || has_upper(path)) && !agrees(path.as_bytes(), Comparison::Folded) {
            return Err(RouteRefused::ReadingsDisagree);
        }
        let others = others().map_err(|TooManyReadings| RouteRefused::TooManyReadings)?;
        for reading in others.iter() {
            if !comparisons(reading.case).iter().all(|&comparison| agrees(&reading.bytes, comparison)) {
                return Err(RouteRefused::ReadingsDisagree);
            }
        }
        Ok(found.index)
    }

    /// The route on which one reading of a path lands.
    fn locate(
        &self,
        host: &str,
        path: &[u8],
        comparison: Comparison,
        method: &Method,
    ) -> Result<Found, RouteRefused> {
        let endpoint = self.hosts.of(host).find_map(|prefixes| prefixes.longest(path, comparison));
        endpoint.ok_or(RouteRefused::NoRoute)?.choose(method)
    }

    fn trial(&self, host: &str, path: &[u8], comparison: Comparison, method: &Method) -> Trial {
        let found = self.locate(host, path, comparison, method);
        Trial {
            path: String::from_utf8_lossy(path).into_owned(),
            ignores_case: comparison == Comparison::Folded,
            class: found.as_ref().ok().map(|found| found.class),
            route: found.map(|found| self.name(found.index)),
        }
    }

    fn name(&self, RouteIndex(index): RouteIndex) -> Name {
        self.names.get(index).cloned().unwrap_or_else(|| Name::from("?"))
    }
}

fn comparisons(case: Case) -> &'static [Comparison] {
    match case {
        Case::Kept => &[Comparison::Exact, Comparison::Folded],
        Case::Folded => &[Comparison::Folded],
    }
}

/// The host under which a route stands, if it can stand anywhere.
fn placed(route: &Route) -> Result<HostPattern, TableRefused> {
    if !route.path.starts_with('/') || !is_plain_path(route.path.as_bytes()) {
        return Err(TableRefused::Path { route: route.name.clone() });
    }
    hosts::spell(&route.host).ok_or_else(|| TableRefused::Host { route: route.name.clone() })
}

/// Refuses routes of one host between which nobody could choose.
fn compare(routes: &[Placed<'_>], refused: &mut Vec<(usize, TableRefused)>) {
    let mut by_path: HashMap<String, Vec<&Placed<'_>>> = HashMap::new();
    for placed in routes {
        let same = by_path.entry(placed.route.path.to_ascii_lowercase()).or_default();
        for earlier in same.iter() {
            let (first, second) = (earlier.route.name.clone(), placed.route.name.clone());
            if earlier.route.path == placed.route.path {
                if overlap(earlier.route, placed.route) {
                    refused.push((placed.index.0, TableRefused::Ambiguous { first, second }));
                }
            } else if earlier.class != placed.class {
                refused.push((placed.index.0, TableRefused::LetterCase { first, second }));
            }
        }
        same.push(placed);
    }
}
