//! Whether this node should be sent requests, and what it knows about its surroundings.

use serde::Serialize;

use crate::snapshot::Snapshot;

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Readiness {
    /// Whether requests should come here.
    pub ready: bool,
    /// Why not; `serving` when ready.
    pub state: &'static str,
    /// The providers.
    pub providers: Vec<ProviderReadiness>,
    /// The groups of servers.
    pub upstreams: Vec<UpstreamReadiness>,
}

/// What is known of a provider.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProviderReadiness {
    /// Its name.
    pub name: String,
    /// Whether people can sign in.
    pub login: bool,
    /// Whether tokens can be checked.
    pub bearer: bool,
}

/// What is known of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UpstreamReadiness {
    /// Its name.
    pub name: String,
    /// Servers that take requests.
    pub serving: usize,
    /// All servers.
    pub servers: usize,
}

/// Ready unless draining, once every provider was asked and the servers of every upstream were looked for the first time:
/// a provider or a name server that is dark does not take the node out, for everything else goes on.
pub(crate) fn readiness(snapshot: &Snapshot, draining: bool) -> Readiness {
    let providers: Vec<_> = snapshot.providers.values().map(|running| running.provider.status()).collect();
    let asked = providers.iter().all(|status| {
        status.login_ready
            || status.bearer_ready
            || status.last_error.is_some()
            || status.dark_since.is_some()
    });
    let groups = || snapshot.groups.values().map(|running| &running.group);
    let looked = groups().all(|group| {
        group.config().discovery.is_none() || !group.listed().is_empty() || group.discovery().last().is_some()
    });
    let state = match (draining, asked && looked) {
        (true, _) => "draining",
        (false, false) => "starting",
        (false, true) => "serving",
    };
    Readiness {
        ready: state == "serving",
        state,
        providers: providers
            .iter()
            .map(|status| ProviderReadiness {
                name: status.name.to_string(),
                login: status.login_ready,
                bearer: status.bearer_ready,
            })
            .collect(),
        upstreams: snapshot
            .groups
            .iter()
            .map(|(name, running)| {
                let servers = running.group.servers();
                let serving = servers.iter().filter(|server| server.standing.serves()).count();
                UpstreamReadiness { name: name.to_string(), serving, servers: servers.len() }
            })
            .collect(),
    }
}
