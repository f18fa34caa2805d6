//! `routes`: what is served, to whom, from where.

use std::time::Duration;

use http::Method;

use crate::Name;
use crate::handling::Handling;

/// One route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// `name`; made from host and path when absent (`portal.example.com/finance/`). Unique.
    pub name: Name,
    /// `host`.
    pub host: HostPattern,
    /// `path`: a prefix that begins with `/`. `/finance/` matches what begins with it; `/finance` matches itself and
    /// what begins with `/finance/`. Default `/`.
    pub path: String,
    /// `methods`; `None` means every method.
    pub methods: Option<Vec<Method>>,
    /// `provider`: whose identities are accepted here. Default: the only provider there is. Always empty with
    /// [`Allow::Anyone`], never otherwise.
    pub providers: Vec<Name>,
    /// `credentials`.
    pub credentials: Credentials,
    /// `allow`. There is no default.
    pub allow: Allow,
    /// `upstream`: the name of a group in [`crate::Config::upstreams`]. Where there are [`Route::destinations`], the
    /// first of the last of them; empty where the route answers itself ([`Handling::answer`]).
    pub upstream: Name,
    /// `upstream` as a map or a list: which group gets a request. The first whose `when` holds; empty where there is
    /// nothing to choose.
    pub destinations: Vec<Destination>,
    /// `shadow`: policies that are asked beside `allow`, counted, and change nothing.
    pub shadow: Vec<Name>,
    /// `audit: allow`: who is let in is written into the audit log, too.
    pub audit_allowed: bool,
    /// `scopes`: all of these must have been granted to the caller. Empty with [`Allow::Anyone`].
    pub scopes: Vec<String>,
    /// `upgrade: [websocket]`. Upgrades are refused unless named.
    pub upgrade_websocket: bool,
    /// `timeouts`, where they are other than the upstream's.
    pub timeouts: RouteTimeouts,
    /// `mirror`.
    pub mirror: Option<Mirror>,
    /// What is done with its requests besides sending them on.
    pub handling: Handling,
}

/// `mirror`: copies of requests to another upstream, whose answers are thrown away.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror {
    /// `upstream`: where copies go.
    pub upstream: Name,
    /// `share` of the requests that are copied, 0 to 1. Default 1.
    pub share: f64,
    /// `body_bytes`: a request with a larger body is not copied. Default 64 KiB.
    pub body_bytes: u64,
    /// `in_flight`: copies under way at the same time; beyond them none is made. Default 100.
    pub in_flight: u32,
    /// `timeout` of a copy. Default 10 s.
    pub timeout: Duration,
}

/// `timeouts` of a route; what is absent is as the upstream says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteTimeouts {
    /// `first_byte`.
    pub first_byte: Option<Duration>,
    /// `between_bytes`.
    pub between_bytes: Option<Duration>,
    /// `idle` of an upgraded connection.
    pub idle: Option<Duration>,
}

impl Route {
    /// A route of this name to nowhere, open to nobody; to be filled.
    #[must_use]
    pub fn named(name: Name, host: HostPattern) -> Self {
        Self {
            name,
            host,
            path: "/".to_owned(),
            methods: None,
            providers: Vec::new(),
            credentials: Credentials { session: false, bearer: false },
            allow: Allow::Policies(Vec::new()),
            upstream: Name::from(""),
            destinations: Vec::new(),
            shadow: Vec::new(),
            audit_allowed: false,
            scopes: Vec::new(),
            upgrade_websocket: false,
            timeouts: RouteTimeouts::default(),
            mirror: None,
            handling: Handling::default(),
        }
    }

    /// Every group that may get a request of this route.
    pub fn upstreams(&self) -> impl Iterator<Item = &Name> {
        let chosen = self.destinations.iter().flat_map(|destination| &destination.to);
        std::iter::once(&self.upstream).chain(chosen.map(|(name, _)| name))
    }
}

/// Where requests go, if the caller meets a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// `when`: one of these policies holds; empty for everybody else, in the last destination.
    pub when: Vec<Name>,
    /// `to`: groups with their weights, in the order of their names. At least one has a weight.
    pub to: Vec<(Name, u32)>,
}

/// Which hosts a route serves. Names are lower case, without port, without trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// `portal.example.com`, or an address literal; IPv6 in its usual spelling (RFC 5952), in brackets.
    Exact(String),
    /// `*.example.com`: one or more labels before the given suffix, which is kept as `example.com`.
    Wildcard(String),
    /// No `host`: every host.
    Any,
}

/// What may prove an identity on a route. Default: whatever its providers can take, sessions where one has a client,
/// bearer tokens where one has an audience. Neither with [`Allow::Anyone`], at least one otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The session cookie; only with it are people sent to sign in.
    pub session: bool,
    /// `Authorization: Bearer`.
    pub bearer: bool,
}

/// Who may enter.
#[derive(Clone, Debug, PartialEq)]
pub enum Allow {
    /// `anyone`: open to the world; no identity is looked for.
    Anyone,
    /// `authenticated`: every identity of the route's providers.
    Authenticated,
    /// Any of these policies.
    Policies(Vec<Name>),
}
