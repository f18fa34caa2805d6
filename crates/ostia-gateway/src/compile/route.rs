//! One route: who may enter, where its requests go, and what it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ostia_config::{Config, Name};
use ostia_policy::{Choice, Gate, Policies, PolicyRefused};
use ostia_telemetry::Metrics;
use ostia_upstream::Group;

use super::CompileRefused;
use crate::handling::RouteHandling;
use crate::snapshot::{RouteState, RouteTimeouts, RunningGroup, RunningProvider, Target};
use crate::stage::mirror::Mirror;

pub(super) fn route(
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
        token_judges: token_judges(&accepted),
        providers: accepted,
        credentials: section.credentials,
        session_slots: Box::default(),
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

/// No name has a space.
fn token_judges(providers: &[Arc<RunningProvider>]) -> Box<[u8]> {
    let judges = providers.iter().filter(|running| running.section.accepts_bearers());
    judges.map(|running| running.section.name.as_bytes()).collect::<Vec<_>>().join(&b' ').into()
}

/// A gate for each shadow policy: they are counted one by one.
pub(super) fn shadows(
    section: &ostia_config::Route,
    policies: &Policies,
) -> Result<Vec<Gate>, PolicyRefused> {
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
