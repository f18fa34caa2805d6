//! Configuration to snapshot: everything that can be wrong is found here, before anything is swapped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ostia_config::listener::Listener;
use ostia_config::{Config, Name, WithRefused};
use ostia_oidc::Provider;
use ostia_oidc::provider::ProviderRefused;
use ostia_policy::{Choice, Gate, Policies, PolicyRefused};
use ostia_request::ManagedFields;
use ostia_route::{RouteTable, TableRefused};
use ostia_session::{
    CookieNameRefused, EndedFileRefused, FlowCookies, KeyRing, KeyRingRefused, ServerCookies, SessionCookies,
    StoreRefused,
};
use ostia_telemetry::{AccessLogRefused, AuditLogRefused, Metrics, MetricsRefused};
use ostia_upstream::{Group, Registry, TlsRefused, UpstreamTls};

use crate::assertion::{AssertionKeysRefused, Assertions};
use crate::ended::Endings;
use crate::extension::{Extensions, Running};
use crate::handling::RouteHandling;
use crate::key_file::{self, KeyFileRefused};
use crate::page::Pages;
use crate::projection::Projection;
use crate::recognised::{NoRandomness, RecognisedCache};
use crate::shared::RunningStore;
use crate::snapshot::{
    ListenerState, RouteState, RouteTimeouts, RunningGroup, RunningProvider, Snapshot, Target,
};
use crate::stage::forward::FORWARDING_FIELDS;
use crate::stage::mirror::Mirror;

/// Why a configuration that reads well cannot be put in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileRefused {
    /// Session keys.
    #[error("session keys in {path}: {source}", path = path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyRingRefused,
    },
    /// The file of the session keys.
    #[error(transparent)]
    KeyFile(#[from] KeyFileRefused),
    /// The keys of signed statements.
    #[error(transparent)]
    AssertionKeys(#[from] AssertionKeysRefused),
    /// An extension that is not there, or whose `with` it does not take.
    #[error(transparent)]
    Extension(#[from] WithRefused),
    /// The cookie's name.
    #[error(transparent)]
    CookieName(#[from] CookieNameRefused),
    /// A provider.
    #[error("provider `{name}`: {source}{cause}", cause = cause_of(source))]
    Provider {
        /// Its name.
        name: Name,
        /// What is wrong.
        source: ProviderRefused,
    },
    /// The TLS of an upstream.
    #[error("upstream `{name}`: {source}")]
    UpstreamTls {
        /// Its name.
        name: Name,
        /// What is wrong.
        source: TlsRefused,
    },
    /// Routes that match the same requests.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Routes(Vec<TableRefused>),
    /// Policies.
    #[error(transparent)]
    Policies(#[from] PolicyRefused),
    /// A name that leads nowhere; a checked configuration has none.
    #[error("{what} `{name}` is not defined")]
    Dangling {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: Name,
    },
    /// Something that a reload cannot change.
    #[error("{0} cannot be changed by a reload: restart Ostia to apply it")]
    NeedsRestart(&'static str),
    /// The access log.
    #[error(transparent)]
    AccessLog(#[from] AccessLogRefused),
    /// The audit log.
    #[error(transparent)]
    AuditLog(#[from] AuditLogRefused),
    /// The metrics.
    #[error(transparent)]
    Metrics(#[from] MetricsRefused),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// No random bytes for DPoP.
    #[error(transparent)]
    DpopRandom(#[from] ostia_oidc::resource_server::dpop::NoRandomness),
    /// The store that nodes share.
    #[error(transparent)]
    Store(#[from] StoreRefused),
    /// The list of ended sessions.
    #[error("{0}; name a writable `runtime.state_dir`")]
    Ended(#[from] EndedFileRefused),
}

fn cause_of(error: &dyn std::error::Error) -> String {
    error.source().map(|cause| format!(": {cause}")).unwrap_or_default()
}

/// Compiles everything that has no effect outside of the process, to find what is wrong.
pub(crate) fn trial(config: &Config, extensions: &Extensions) -> Result<(), CompileRefused> {
    extensions.in_force(&config.extensions, &[])?;
    RouteTable::compile(&config.routes).map_err(CompileRefused::Routes)?;
    let policies = Policies::compile(&config.policies)?;
    for section in &config.routes {
        Gate::compile(section, &policies)?;
        shadows(section, &policies)?;
        Choice::compile(section, &policies)?;
    }
    if let Some(path) = &config.sessions.keys_file {
        read_keys(path)?;
    }
    if let Some(path) = &config.identity.assertion_keys_file {
        crate::assertion::AssertionKeys::read(path)?;
    }
    for (name, section) in &config.providers {
        provider(name, section, None)?;
    }
    if let Some(section) = &config.sessions.store {
        RunningStore::new(section)?;
    }
    for section in config.upstreams.values() {
        upstream_tls(section)?;
    }
    Ok(())
}

/// What a reload cannot change is refused, never ignored.
pub(crate) fn needs_restart(running: &Config, next: &Config) -> Result<(), CompileRefused> {
    if running.admin != next.admin {
        return Err(CompileRefused::NeedsRestart("`admin`"));
    }
    if running.logs != next.logs {
        return Err(CompileRefused::NeedsRestart("`logs`"));
    }
    if running.runtime.threads != next.runtime.threads || running.runtime.state_dir != next.runtime.state_dir
    {
        return Err(CompileRefused::NeedsRestart("`runtime.threads` and `runtime.state_dir`"));
    }
    Ok(())
}

/// Compiles a configuration. What a previous snapshot has under an equal section is taken over: keys, health, tasks.
pub(crate) fn compile(
    config: Config,
    previous: Option<&Snapshot>,
    metrics: &Arc<Metrics>,
    registry: &Arc<Registry>,
    extensions: &Extensions,
) -> Result<Snapshot, CompileRefused> {
    let config = Arc::new(config);
    let table = RouteTable::compile(&config.routes).map_err(CompileRefused::Routes)?;
    let providers = providers(&config, previous)?;
    let groups = groups(&config, previous, registry)?;
    let projection = Projection::new(&config.identity);
    let extensions =
        extensions.in_force(&config.extensions, previous.map_or(&[], |previous| &previous.extensions))?;
    let managed = managed_fields(&config, &extensions);
    let ring = Arc::new(key_ring(&config)?);
    let policies = Policies::compile(&config.policies)?;
    let mut sessions = SessionCookies::new(Arc::clone(&ring), &config.sessions, &config.providers)?;
    if let Some(names) = policies.claims_read() {
        sessions = sessions.with_needed_claims(names.into_iter().chain(needed_claims(&config)));
    }
    let flows = FlowCookies::new(Arc::clone(&ring), &config.sessions, &config.providers)?;
    let servers = ServerCookies::new(ring);
    let listeners = listeners(&config);
    let mut routes = Vec::with_capacity(config.routes.len());
    for section in &config.routes {
        let handling = handling(section, previous);
        routes.push(Arc::new(route(section, handling, &config, &policies, &providers, &groups, metrics)?));
    }
    Ok(Snapshot {
        table,
        managed,
        projection,
        assertions: Assertions::new(&config)?,
        extensions,
        sessions,
        flows,
        servers,
        server_cookies: server_cookies(&config),
        recognised: RecognisedCache::new()?,
        acme_folders: acme_folders(&config),
        pages: Pages::new(&config.pages),
        providers,
        groups,
        routes,
        listeners,
        store: store(&config, previous)?,
        config,
    })
}

/// The store of before, where its section is the same.
fn store(config: &Config, previous: Option<&Snapshot>) -> Result<Option<Arc<RunningStore>>, CompileRefused> {
    let Some(section) = &config.sessions.store else { return Ok(None) };
    let before = previous.and_then(|previous| previous.store.as_ref());
    match before.filter(|before| before.is_for(section)) {
        Some(before) => Ok(Some(Arc::clone(before))),
        None => Ok(Some(Arc::new(RunningStore::new(section)?))),
    }
}

/// Every field that clients may not send: those of `identity`, those that rules fill from claims, those that extensions
/// write, those about the client.
fn managed_fields(config: &Config, extensions: &[Arc<Running>]) -> ManagedFields {
    let of_rules = config.routes.iter().flat_map(|route| route.handling.request_fields.of_the_caller());
    let of_extensions = extensions.iter().flat_map(|running| running.fields.iter());
    let names = config.identity.names().chain(of_rules).chain(of_extensions);
    ManagedFields::new(names.chain(FORWARDING_FIELDS.iter()))
}

/// What a route does itself; a limit that did not change goes on counting.
fn handling(section: &ostia_config::Route, previous: Option<&Snapshot>) -> RouteHandling {
    let before = section.handling.rate_limit.as_ref().and(previous).and_then(|previous| {
        previous.routes.iter().find(|route| route.name == section.name).map(|route| &route.handling)
    });
    RouteHandling::new(&section.handling, before)
}

fn providers(
    config: &Config,
    previous: Option<&Snapshot>,
) -> Result<BTreeMap<Name, Arc<RunningProvider>>, CompileRefused> {
    let mut running = BTreeMap::new();
    for (name, section) in &config.providers {
        let before = previous.and_then(|previous| previous.providers.get(name));
        let kept = before.filter(|before| before.section == *section).cloned();
        let this = match kept {
            Some(kept) => kept,
            None => Arc::new(RunningProvider {
                provider: provider(name, section, Some(&config.runtime.state_dir))?,
                section: Arc::clone(section),
                keeper: parking_lot::Mutex::new(None),
            }),
        };
        running.insert(name.clone(), this);
    }
    Ok(running)
}

fn provider(
    name: &Name,
    section: &Arc<ostia_config::Provider>,
    state_dir: Option<&Path>,
) -> Result<Arc<Provider>, CompileRefused> {
    Provider::new(Arc::clone(section), state_dir)
        .map_err(|source| CompileRefused::Provider { name: name.clone(), source })
}

fn groups(
    config: &Config,
    previous: Option<&Snapshot>,
    registry: &Arc<Registry>,
) -> Result<BTreeMap<Name, Arc<RunningGroup>>, CompileRefused> {
    let compiled = config.upstreams.iter().map(|(name, section)| {
        let tls = upstream_tls(section)?;
        let before = previous.and_then(|previous| previous.groups.get(name));
        let running = match before {
            Some(before) if before.group.config() == section && before.group.tls() == tls.as_ref() => {
                Arc::clone(before)
            }
            _ => Arc::new(RunningGroup {
                group: Group::compile(Arc::clone(section), tls, registry),
                tasks: parking_lot::Mutex::new(None),
            }),
        };
        Ok((name.clone(), running))
    });
    compiled.collect()
}

fn upstream_tls(section: &ostia_config::Upstream) -> Result<Option<UpstreamTls>, CompileRefused> {
    let tls = section.tls.as_ref().map(UpstreamTls::load).transpose();
    tls.map_err(|source| CompileRefused::UpstreamTls { name: section.name.clone(), source })
}

fn key_ring(config: &Config) -> Result<KeyRing, CompileRefused> {
    match &config.sessions.keys_file {
        Some(path) => read_keys(path),
        None => {
            let path = config.runtime.state_dir.join("session.keys");
            key_file::make_if_absent(&path)?;
            read_keys(&path)
        }
    }
}

/// What was ended before; where nobody signs in, nothing is.
pub(crate) fn endings(config: &Config) -> Result<Arc<Endings>, CompileRefused> {
    let folder = &config.runtime.state_dir;
    if config.providers.values().all(|provider| provider.client.is_none()) {
        return Ok(Endings::open(None, SystemTime::now())?);
    }
    key_file::make_folder(folder)?;
    Ok(Endings::open(Some(folder), SystemTime::now())?)
}

fn read_keys(path: &Path) -> Result<KeyRing, CompileRefused> {
    let text = key_file::read(path)?;
    KeyRing::parse(&text).map_err(|source| CompileRefused::Keys { path: path.to_owned(), source })
}

/// Top-level claims that fields or affinity read; a session that is large keeps only these and those of policies.
fn needed_claims(config: &Config) -> Vec<String> {
    let of_fields = config.identity.headers.iter().map(|field| &field.claim);
    let of_affinity = config.upstreams.values().filter_map(|upstream| match &upstream.affinity {
        ostia_config::upstream::Affinity::Claim(path) => Some(path),
        _ => None,
    });
    let handlings = || config.routes.iter().map(|route| &route.handling);
    let of_rules = handlings()
        .flat_map(|handling| handling.request_fields.claims().chain(handling.response_fields.claims()));
    let of_limits = handlings().filter_map(|handling| match &handling.rate_limit.as_ref()?.per {
        ostia_config::handling::RatePer::Claim(path) => Some(path),
        _ => None,
    });
    let mut names: Vec<String> = of_fields
        .chain(of_affinity)
        .chain(of_rules)
        .chain(of_limits)
        .flat_map(|path| [path.as_str().to_owned(), path.segments().first().cloned().unwrap_or_default()])
        .collect();
    names.extend(["groups", "name", "email", "preferred_username"].map(str::to_owned));
    if !config.identity.assertions.is_empty() {
        names.extend(["email_verified", "given_name", "family_name"].map(str::to_owned));
    }
    names
}

fn server_cookies(config: &Config) -> Vec<String> {
    let name = |upstream: &Arc<ostia_config::Upstream>| match &upstream.affinity {
        ostia_config::upstream::Affinity::Cookie(name) => Some(name.clone()),
        _ => None,
    };
    config.upstreams.values().filter_map(name).collect()
}

fn listeners(config: &Config) -> BTreeMap<Name, Arc<ListenerState>> {
    let https_port = config.listeners.iter().find(|listener| listener.tls.is_some()).and_then(port);
    let state = |listener: &Listener| ListenerState {
        name: listener.name.clone(),
        redirect_to_https: listener.redirect_to_https,
        https_port: https_port.filter(|port| *port != 443),
        trusted_proxies: listener.trusted_proxies.clone(),
        head_limits: ostia_request::Limits {
            fields: listener.limits.headers,
            target_bytes: listener.limits.header_bytes,
        },
        limits: listener.limits.clone(),
    };
    config.listeners.iter().map(|listener| (listener.name.clone(), Arc::new(state(listener)))).collect()
}

fn acme_folders(config: &Config) -> Vec<PathBuf> {
    let sections = config.listeners.iter().filter_map(|listener| listener.tls.as_ref()?.acme.as_ref());
    let mut folders: Vec<_> = sections.map(|acme| acme.folder(&config.runtime.state_dir)).collect();
    folders.sort();
    folders.dedup();
    folders
}

fn port(listener: &Listener) -> Option<u16> {
    listener.bind.first().map(std::net::SocketAddr::port)
}

fn route(
    section: &ostia_config::Route,
    handling: RouteHandling,
    config: &Config,
    policies: &Policies,
    providers: &BTreeMap<Name, Arc<RunningProvider>>,
    groups: &BTreeMap<Name, Arc<RunningGroup>>,
    metrics: &Arc<Metrics>,
) -> Result<RouteState, CompileRefused> {
    let answers_itself = section.handling.answer.is_some();
    let group = if answers_itself {
        // In a registry of its own: nobody asks about servers that are not there.
        Group::compile(Arc::new(ostia_config::Upstream::of_nobody()), None, &Arc::default())
    } else {
        let running = groups.get(&section.upstream);
        let dangling = || CompileRefused::Dangling { what: "upstream", name: section.upstream.clone() };
        Arc::clone(&running.ok_or_else(dangling)?.group)
    };
    let mut accepted = Vec::with_capacity(section.providers.len());
    for name in &section.providers {
        let running = providers
            .get(name)
            .ok_or_else(|| CompileRefused::Dangling { what: "provider", name: name.clone() })?;
        accepted.push(Arc::clone(running));
    }
    let counters = config
        .listeners
        .iter()
        .map(|listener| (listener.name.clone(), metrics.route(&listener.name, &section.name)));
    Ok(RouteState {
        name: section.name.clone(),
        host: section.host.clone(),
        path: section.path.clone(),
        allow: section.allow.clone(),
        scopes: section.scopes.clone(),
        gate: Gate::compile(section, policies)?,
        shadows: shadows(section, policies)?,
        audit_allowed: section.audit_allowed,
        choice: Choice::compile(section, policies)?,
        targets: targets(section, groups, metrics)?,
        providers: accepted,
        credentials: section.credentials,
        upstream: section.upstream.clone(),
        upstream_metrics: if answers_itself { Arc::default() } else { metrics.upstream(&section.upstream) },
        upgrade_websocket: section.upgrade_websocket,
        idle_timeout: section.timeouts.idle.unwrap_or(group.config().timeouts.idle),
        timeouts: timeouts(section, group.config()),
        mirror: mirror(section, groups)?,
        handling,
        metrics: counters.collect(),
        group,
    })
}

/// A gate for each shadow policy: they are counted one by one.
fn shadows(section: &ostia_config::Route, policies: &Policies) -> Result<Vec<Gate>, PolicyRefused> {
    let gate = |name: &Name| Gate::of_policies(section, std::slice::from_ref(name), policies);
    section.shadow.iter().map(gate).collect()
}

fn targets(
    section: &ostia_config::Route,
    groups: &BTreeMap<Name, Arc<RunningGroup>>,
    metrics: &Arc<Metrics>,
) -> Result<Vec<Arc<Target>>, CompileRefused> {
    let names: BTreeSet<&Name> = section.upstreams().collect();
    let target = |name: &Name| {
        let running = groups.get(name);
        let running =
            running.ok_or_else(|| CompileRefused::Dangling { what: "upstream", name: name.clone() })?;
        let group = Arc::clone(&running.group);
        Ok(Arc::new(Target {
            upstream: name.clone(),
            idle_timeout: section.timeouts.idle.unwrap_or(group.config().timeouts.idle),
            timeouts: timeouts(section, group.config()),
            metrics: metrics.upstream(name),
            group,
        }))
    };
    if section.destinations.is_empty() { Ok(Vec::new()) } else { names.into_iter().map(target).collect() }
}

fn mirror(
    route: &ostia_config::Route,
    groups: &BTreeMap<Name, Arc<RunningGroup>>,
) -> Result<Option<Arc<Mirror>>, CompileRefused> {
    let Some(section) = &route.mirror else { return Ok(None) };
    let dangling = || CompileRefused::Dangling { what: "upstream", name: section.upstream.clone() };
    let group = groups.get(&section.upstream).ok_or_else(dangling)?;
    Ok(Some(Arc::new(Mirror::new(section.clone(), Arc::clone(&group.group)))))
}

fn timeouts(route: &ostia_config::Route, upstream: &ostia_config::Upstream) -> RouteTimeouts {
    let between_bytes = route.timeouts.between_bytes.unwrap_or(upstream.timeouts.between_bytes);
    // With HTTP/2 there is one of the two.
    let of_upstream =
        if upstream.protocol.is_multiplexed() { between_bytes } else { upstream.timeouts.first_byte };
    RouteTimeouts { first_byte: route.timeouts.first_byte.unwrap_or(of_upstream), between_bytes }
}

impl Snapshot {
    /// Starts the tasks of what is new; what was taken over is running.
    pub(crate) fn start_tasks(&self, endings: &Arc<Endings>) {
        for running in self.providers.values() {
            running.keeper.lock().get_or_insert_with(|| running.provider.start());
        }
        for running in self.groups.values() {
            running.tasks.lock().get_or_insert_with(|| running.group.start());
        }
        endings.tell(self.store.as_ref().map(|running| Arc::clone(&running.store)));
        if let Some(running) = &self.store {
            running.start(endings);
        }
    }
}

/// The redirect URIs that have to be registered, by provider.
#[must_use]
pub fn redirect_uris(config: &Config) -> Vec<(Name, String)> {
    let mut uris = Vec::new();
    for route in config.routes.iter().filter(|route| route.credentials.session) {
        let ostia_config::route::HostPattern::Exact(host) = &route.host else { continue };
        for name in &route.providers {
            let uri =
                config.providers.get(name).and_then(|section| crate::sign_in::redirect_uri(section, host));
            if let Some(uri) = uri {
                uris.push((name.clone(), uri));
            }
        }
    }
    uris.sort();
    uris.dedup();
    uris
}
