//! Configuration to snapshot: everything that can be wrong is found here, before anything is swapped.

mod refused;
mod route;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ostia_config::listener::Listener;
use ostia_config::{Config, Name};
use ostia_oidc::Provider;
use ostia_policy::{Choice, Gate, Policies};
use ostia_request::ManagedFields;
use ostia_route::RouteTable;
use ostia_session::{FlowCookies, KeyRing, ServerCookies, SessionCookies};
use ostia_telemetry::Metrics;
use ostia_upstream::{Group, Registry, UpstreamTls};

use crate::assertion::Assertions;
use crate::ended::Endings;
use crate::extension::{Extensions, Running};
use crate::handling::RouteHandling;
use crate::key_file;
use crate::page::Pages;
use crate::projection::Projection;
use crate::recognised::RecognisedCache;
use crate::session::slots::SharedHosts;
use crate::shared::RunningStore;
use crate::snapshot::{ListenerState, RunningGroup, RunningProvider, Snapshot};
use crate::stage::forward::FORWARDING_FIELDS;

pub use refused::CompileRefused;

/// Compiles everything that has no effect outside of the process, to find what is wrong.
pub(crate) fn trial(config: &Config, extensions: &Extensions) -> Result<(), CompileRefused> {
    extensions.in_force(&config.extensions, &[])?;
    RouteTable::compile(&config.routes).map_err(CompileRefused::Routes)?;
    let policies = Policies::compile(&config.policies)?;
    for section in &config.routes {
        Gate::compile(section, &policies)?;
        route::shadows(section, &policies)?;
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
    let shared_hosts = SharedHosts::of(&config);
    let mut routes = Vec::with_capacity(config.routes.len());
    let before = handlings(previous);
    for section in &config.routes {
        let handling = RouteHandling::new(&section.handling, before.get(&section.name).copied());
        let mut route = route::route(section, handling, &config, &policies, &providers, &groups, metrics)?;
        route.session_slots = shared_hosts.slots_of(&route);
        routes.push(Arc::new(route));
    }
    Ok(Snapshot {
        table,
        managed,
        projection,
        assertions: Assertions::new(&config)?,
        extensions,
        sessions,
        shared_hosts,
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

/// What the routes of before do themselves, by name, where they have limits: one that did not change goes on counting.
fn handlings(previous: Option<&Snapshot>) -> HashMap<&Name, &RouteHandling> {
    let routes = previous.into_iter().flat_map(|previous| &previous.routes);
    let limited = routes.filter(|route| route.handling.limiter.is_some());
    limited.map(|route| (&route.name, &route.handling)).collect()
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
