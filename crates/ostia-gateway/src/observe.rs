//! Values that are looked at when somebody scrapes, instead of being written when they change.

use std::collections::BTreeSet;

use ostia_config::Name;
use ostia_listener::Listener;
use ostia_telemetry::Metrics;
use ostia_upstream::Standing;

use crate::snapshot::Snapshot;

/// The connections of a listener.
pub(crate) fn listener(metrics: &Metrics, name: &Name, listener: &Listener) {
    let counters = listener.counters();
    let rejected: Vec<_> = counters.connections_refused().chain(counters.heads_refused()).collect();
    metrics.set_connections(
        name,
        counters.accepted(),
        counters.accept_errors(),
        listener.active(),
        &rejected,
    );
    if listener.has_acme() {
        let (issued, failed) = counters.acme_orders();
        metrics.set_acme_orders(name, issued, failed);
    }
    let (certificates, files) = (listener.certificates(), listener.files());
    metrics.set_tls(
        name,
        certificates.iter().map(|certificate| (&*certificate.file, certificate.not_after)),
        files.iter().map(|file| (&*file.file, file.is_current)),
    );
}

/// Servers and providers.
pub(crate) fn snapshot(metrics: &Metrics, snapshot: &Snapshot) {
    for (name, running) in &snapshot.groups {
        let group = &running.group;
        let servers = group.servers();
        let connections = group.connections();
        metrics.set_upstream_pending(name, group.pending());
        metrics.set_upstream_connections(
            name,
            connections.open(),
            connections.opened(),
            connections.reused(),
        );
        if group.config().discovery.is_some() {
            let log = group.discovery();
            metrics.set_upstream_lookups(name, log.succeeded(), log.failed(), log.changed());
            let known: BTreeSet<_> = servers.iter().map(|server| server.address.clone()).collect();
            metrics.retain_servers(name, |address| known.contains(address));
        }
        for server in &servers {
            metrics.set_server_healthy(name, &server.address, server.health.serves());
        }
        for state in Standing::ALL {
            let count = servers.iter().filter(|server| server.standing == state).count();
            metrics.set_servers(name, state.slug(), count);
        }
        metrics.set_ejections(name, running.group.ejections());
    }
    for (name, running) in &snapshot.providers {
        let status = running.provider.status();
        metrics.set_provider_age(name, status.metadata_at, status.keys_at);
        let counters = running.provider.counters();
        for (grant, outcome, total) in [
            ("authorization_code", "accepted", counters.logins),
            ("authorization_code", "refused", counters.logins_refused),
            ("refresh_token", "accepted", counters.refreshes),
            ("refresh_token", "refused", counters.refreshes_ended),
            ("refresh_token", "failed", counters.refreshes_transient),
        ] {
            metrics.set_token_requests(name, grant, outcome, total);
        }
    }
}
