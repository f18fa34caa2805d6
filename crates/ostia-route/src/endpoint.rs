//! The routes of one host and path, which differ in their methods.

use std::fmt::Write;
use std::sync::Arc;

use http::Method;
use ostia_config::Route;

use crate::class::Class;
use crate::{RouteIndex, RouteRefused};

/// A route at its place in the configuration.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) index: RouteIndex,
    pub(crate) class: Class,
    pub(crate) route: &'a Route,
}

/// All routes of one host and path.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Those that name their methods; they are asked first.
    named: Box<[Named]>,
    /// The one that takes any.
    any: Option<Found>,
    /// The value of `Allow`.
    allowed: Arc<str>,
}

#[derive(Debug)]
struct Named {
    methods: Box<[Method]>,
    found: Found,
}

/// A route that was found, with all that judging needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) index: RouteIndex,
    pub(crate) class: Class,
}

impl Endpoint {
    pub(crate) fn new(placed: &[Placed<'_>]) -> Self {
        let found = |placed: &Placed<'_>| Found { index: placed.index, class: placed.class };
        let named: Box<[Named]> = placed
            .iter()
            .filter_map(|placed| {
                let methods = placed.route.methods.as_deref()?.into();
                Some(Named { methods, found: found(placed) })
            })
            .collect();
        let any = placed.iter().find(|placed| placed.route.methods.is_none()).map(found);
        Self { allowed: allowed(&named), named, any }
    }

    /// The route for this method.
    pub(crate) fn choose(&self, method: &Method) -> Result<Found, RouteRefused> {
        let named = self.named.iter().find(|named| named.methods.contains(method)).map(|named| named.found);
        named
            .or(self.any)
            .ok_or_else(|| RouteRefused::MethodNotAllowed { allowed: Arc::clone(&self.allowed) })
    }
}

fn allowed(routes: &[Named]) -> Arc<str> {
    let mut methods: Vec<&Method> = routes.iter().flat_map(|named| &named.methods).collect();
    methods.sort_unstable_by_key(|method| method.as_str());
    methods.dedup();
    let mut allowed = String::new();
    for method in methods {
        let separator = if allowed.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(allowed, "{separator}{method}");
    }
    allowed.into()
}

/// Whether two routes of one host and path would both take some request with equal right.
pub(crate) fn overlap(one: &Route, other: &Route) -> bool {
    match (&one.methods, &other.methods) {
        (None, None) => true,
        (Some(one), Some(other)) => one.iter().any(|method| other.contains(method)),
        _ => false,
    }
}
