//! Why a request has no route, and why routes make no table.

use http::StatusCode;
use ostia_config::Name;
use thiserror::Error;

/// A request that no route takes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RouteRefused {
    /// No route has this host and path.
    #[error("no route serves this host and path")]
    NoRoute,
    /// The path has routes, but none for this method.
    #[error("the route does not serve this method")]
    MethodNotAllowed {
        /// The value of `Allow` (RFC 9110 10.2.1).
        allowed: std::sync::Arc<str>,
    },
    /// Usual readings of the path fall under different policies, so nobody can say what the upstream would serve.
    #[error("the path may be read in ways that fall under different policies")]
    ReadingsDisagree,
    /// The path has more readings than anybody honest needs.
    #[error("the path may be read in too many ways")]
    TooManyReadings,
}

impl RouteRefused {
    /// The reason in metrics, logs and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::ReadingsDisagree => "path_readings_disagree",
            Self::TooManyReadings => "path_readings_too_many",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::ReadingsDisagree | Self::TooManyReadings => StatusCode::BAD_REQUEST,
        }
    }
}

/// What keeps a list of routes from being a table. The operator is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TableRefused {
    /// Two routes that would both be the most specific one for some request.
    #[error("routes `{first}` and `{second}` serve the same host, path and method")]
    Ambiguous {
        /// The one that comes first in the file.
        first: Name,
        /// The other.
        second: Name,
    },
    /// Two routes of one host whose paths differ only in letter case, under different policies: a backend that ignores
    /// case serves one in the place of the other.
    #[error(
        "the paths of routes `{first}` and `{second}` differ only in letter case, but their policies differ"
    )]
    LetterCase {
        /// The one that comes first in the file.
        first: Name,
        /// The other.
        second: Name,
    },
    /// A host that no request can have.
    #[error("the host of route `{route}` is none that a request can have")]
    Host {
        /// The route.
        route: Name,
    },
    /// A path that a request spells in more than one way.
    #[error(
        "the path of route `{route}` must be plain: no `%`, `;`, `//`, dot segments or characters outside ASCII"
    )]
    Path {
        /// The route.
        route: Name,
    },
}
