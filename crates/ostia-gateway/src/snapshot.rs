//! One compiled configuration: immutable, shared by every request that began with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;
use ostia_config::listener::Limits;
use ostia_config::route::{Allow, Credentials, HostPattern};
use ostia_config::{Config, Name};
use ostia_extension::Extension;
use ostia_oidc::Provider;
use ostia_policy::{Choice, Gate};
use ostia_request::ManagedFields;
use ostia_route::{RouteIndex, RouteTable};
use ostia_session::{FlowCookies, ServerCookies, SessionCookies, SessionSlot};
use ostia_telemetry::{RouteMetrics, UpstreamMetrics};
use ostia_upstream::Group;

use crate::assertion::Assertions;
use crate::extension::Running;
use crate::handling::RouteHandling;
use crate::page::Pages;
use crate::projection::Projection;
use crate::recognised::RecognisedCache;
use crate::session::slots::SharedHosts;
use crate::shared::RunningStore;
use crate::stage::mirror::Mirror;

/// One compiled configuration.
pub struct Snapshot {
    /// What it was compiled from.
    pub config: Arc<Config>,
    /// Which route a request belongs to.
    pub table: RouteTable,
    /// Fields that clients may not send, in any spelling.
    pub managed: ManagedFields,
    /// Claims to fields.
    pub projection: Projection,
    /// Signed statements about callers.
    pub assertions: Assertions,
    /// Extensions that are asked about every request, in their order.
    pub extensions: Vec<Arc<Running>>,
    /// Session cookies.
    pub sessions: SessionCookies,
    /// Hosts where a browser may have several sessions.
    pub(crate) shared_hosts: SharedHosts,
    /// Cookies of sign-ins in progress.
    pub flows: FlowCookies,
    /// Cookies that name the server.
    pub servers: ServerCookies,
    /// The names of these cookies.
    pub(crate) server_cookies: Vec<String>,
    /// Callers of the last minutes.
    pub recognised: RecognisedCache,
    /// Where `acme` keeps its answers; empty where it is not used.
    pub acme_folders: Vec<PathBuf>,
    /// Ostia's own pages.
    pub pages: Pages,
    /// Providers by name.
    pub providers: BTreeMap<Name, Arc<RunningProvider>>,
    /// Groups of servers by name.
    pub groups: BTreeMap<Name, Arc<RunningGroup>>,
    /// What nodes share.
    pub store: Option<Arc<RunningStore>>,
    pub(crate) routes: Vec<Arc<RouteState>>,
    pub(crate) listeners: BTreeMap<Name, Arc<ListenerState>>,
}

/// A provider with the tasks that keep it fresh; they end with the last snapshot that uses it.
pub struct RunningProvider {
    /// The provider.
    pub provider: Arc<Provider>,
    /// Its section, for reuse by equality.
    pub section: Arc<ostia_config::Provider>,
    pub(crate) keeper: parking_lot::Mutex<Option<ostia_oidc::provider::Keeper>>,
}

/// A group with its tasks; they end with the last snapshot that uses it.
pub struct RunningGroup {
    /// The group.
    pub group: Arc<Group>,
    pub(crate) tasks: parking_lot::Mutex<Option<ostia_upstream::GroupTasks>>,
}

/// A listener as requests see it.
pub struct ListenerState {
    /// Its name.
    pub name: Name,
    /// `redirect: https`, with the port of the listener that terminates TLS.
    pub redirect_to_https: bool,
    /// The port for these redirects; `None` is 443.
    pub https_port: Option<u16>,
    /// Peers whose forwarding fields are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds.
    pub limits: Limits,
    /// Bounds of the head, for `ostia-request`.
    pub head_limits: ostia_request::Limits,
}

/// A compiled route.
pub struct RouteState {
    /// Its name.
    pub name: Name,
    /// The host it serves.
    pub host: HostPattern,
    /// The prefix of the paths it serves.
    pub path: String,
    /// Who may enter.
    pub allow: Allow,
    /// Scopes that the caller must have.
    pub scopes: Vec<String>,
    /// The compiled decision.
    pub gate: Gate,
    /// What is asked beside it, counted, and changes nothing; one gate for each policy.
    pub shadows: Vec<Gate>,
    /// Whether the audit log tells of those who are let in, too.
    pub audit_allowed: bool,
    /// Which group gets a request, where there are several.
    pub choice: Option<Choice>,
    /// The groups of `choice`.
    pub targets: Vec<Arc<Target>>,
    /// Providers whose identities are accepted.
    pub providers: Vec<Arc<RunningProvider>>,
    /// The names of those among them that judge tokens: what one of them said about a token says nothing where another
    /// judges.
    pub token_judges: Box<[u8]>,
    /// What may prove an identity.
    pub credentials: Credentials,
    /// Where the sessions that count here are; nothing where the host has only one.
    pub session_slots: Box<[SessionSlot]>,
    /// The group's name.
    pub upstream: Name,
    /// The group.
    pub group: Arc<Group>,
    /// Whether WebSockets are named.
    pub upgrade_websocket: bool,
    /// Idle time of an upgraded connection.
    pub idle_timeout: Duration,
    /// What it does with its requests besides sending them on.
    pub handling: RouteHandling,
    /// How long a server may keep silent.
    pub timeouts: RouteTimeouts,
    /// Copies to another upstream.
    pub mirror: Option<Arc<Mirror>>,
    /// The counters of the group.
    pub upstream_metrics: Arc<UpstreamMetrics>,
    /// Its counters, by listener.
    pub metrics: BTreeMap<Name, Arc<RouteMetrics>>,
}

/// A group that a route may choose.
pub struct Target {
    /// The group's name.
    pub upstream: Name,
    /// The group.
    pub group: Arc<Group>,
    /// Idle time of an upgraded connection.
    pub idle_timeout: Duration,
    /// How long a server may keep silent.
    pub timeouts: RouteTimeouts,
    /// The counters of the group.
    pub metrics: Arc<UpstreamMetrics>,
}

/// How long the servers of a route may keep silent: what the route says, else its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteTimeouts {
    /// Until the answer begins.
    pub first_byte: Duration,
    /// Between two reads of the answer.
    pub between_bytes: Duration,
}

impl RouteState {
    /// Whether anyone may enter.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.allow == Allow::Anyone
    }

    /// The provider of this name, if its identities are accepted here.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Arc<RunningProvider>> {
        self.providers.iter().find(|running| &*running.section.name == name)
    }

    /// The providers that people may be sent to from here.
    pub fn login_providers(&self) -> impl Iterator<Item = &Arc<RunningProvider>> {
        let offers =
            |running: &&Arc<RunningProvider>| self.credentials.session && running.section.client.is_some();
        self.providers.iter().filter(offers)
    }

    /// The only one of them, or the first.
    #[must_use]
    pub fn login_provider(&self) -> Option<&Arc<RunningProvider>> {
        self.login_providers().next()
    }
}

impl Snapshot {
    /// The listener of this name.
    #[must_use]
    pub fn listener(&self, name: &str) -> Option<&Arc<ListenerState>> {
        self.listeners.get(name)
    }

    /// The route at this place.
    #[must_use]
    pub fn route(&self, index: RouteIndex) -> Option<&Arc<RouteState>> {
        self.routes.get(index.0)
    }

    /// Whether sessions are kept in the store rather than in their cookies.
    #[must_use]
    pub fn keeps_sessions(&self) -> bool {
        self.store.is_some() && self.config.sessions.store.as_ref().is_some_and(|store| store.keeps_sessions)
    }

    /// Whether no session counts now, because nobody can say which have ended.
    #[must_use]
    pub fn distrusts_sessions(&self) -> bool {
        let refuses = self.config.sessions.store.as_ref().is_some_and(|store| store.refuses_on_failure);
        refuses && !self.store.as_ref().is_some_and(|running| running.store.is_reachable())
    }

    /// The extensions of the whole configuration.
    pub(crate) fn running_extensions(&self) -> impl Iterator<Item = &Arc<dyn Extension>> {
        self.extensions.iter().map(|running| &running.extension)
    }

    /// Whether a `Set-Cookie` field sets one of Ostia's own cookies.
    #[must_use]
    pub fn sets_own_cookie(&self, field: &HeaderValue) -> bool {
        let name = field.as_bytes().split(|byte| matches!(byte, b'=' | b';')).next().unwrap_or_default();
        self.is_own_cookie(name.trim_ascii())
    }

    /// Whether a cookie is one of Ostia's own.
    #[must_use]
    pub fn is_own_cookie(&self, name: &[u8]) -> bool {
        self.sessions.is_ours(name) || self.server_cookies.iter().any(|cookie| cookie.as_bytes() == name)
    }
}
