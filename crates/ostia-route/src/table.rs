//! The compiled table of routes.

use http::Method;
use ostia_config::Route;
use ostia_request::Examined;

use crate::{Explanation, RouteRefused, TableRefused};

/// The place of a route in the configuration's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteIndex(pub usize);

/// All routes, arranged for look-up.
#[derive(Debug)]
pub struct RouteTable {}

impl RouteTable {
    /// Arranges the routes.
    ///
    /// # Errors
    /// Every pair of ambiguous routes and every path that is not plain.
    pub fn compile(routes: &[Route]) -> Result<Self, Vec<TableRefused>> {
        let _ = routes;
        Ok(Self {})
    }

    /// The route of a request. Does not allocate for a plain path.
    ///
    /// # Errors
    /// [`RouteRefused`] says why there is none.
    pub fn find(&self, request: &Examined<'_>, method: &Method) -> Result<RouteIndex, RouteRefused> {
        let _ = (request, method);
        Err(RouteRefused::NoRoute)
    }

    /// Which route a request would take, and why. `host` without port, in lower case; `path` without query.
    #[must_use]
    pub fn explain(&self, host: &str, path: &str, method: &Method) -> Explanation {
        let _ = (host, path, method);
        Explanation::new(Vec::new())
    }
}
