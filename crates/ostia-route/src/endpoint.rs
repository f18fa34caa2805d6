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
    /// Those that name their methods come first.
    routes: Box<[Choice]>,
    /// The value of `Allow`.
    allowed: Arc<str>,
}

#[derive(Debug)]
struct Choice {
    methods: Option<Box<[Method]>>,
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
        let mut routes: Vec<_> = placed
            .iter()
            .map(|Placed { index, class, route }| Choice {
                methods: route.methods.as_deref().map(Into::into),
                found: Found { index: *index, class: *class },
            })
            .collect();
        routes.sort_by_key(|choice| choice.methods.is_none());
        Self { allowed: allowed(&routes), routes: routes.into() }
    }

    /// The route for this method.
    pub(crate) fn choose(&self, method: &Method) -> Result<Found, RouteRefused> {
        let takes = |choice: &&Choice| choice.methods.as_ref().is_none_or(|methods| methods.contains(method));
        match self.routes.iter().find(takes) {
            Some(choice) => Ok(choice.found),
            None => Err(RouteRefused::MethodNotAllowed { allowed: Arc::clone(&self.allowed) }),
        }
    }
}

fn allowed(routes: &[Choice]) -> Arc<str> {
    let mut methods: Vec<&Method> =
        routes.iter().filter_map(|choice| choice.methods.as_deref()).flatten().collect();
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
