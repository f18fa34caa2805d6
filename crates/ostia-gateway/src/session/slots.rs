//! In which of a host's cookies a session is.
//!
//! A host that signs people in at one provider has one session, with the plain name. A host that signs them in at several
//! has one for each provider, so that a sign-in at one leaves the session at another where it is.

use std::collections::{HashMap, HashSet};

use ostia_config::Config;
use ostia_config::route::HostPattern;
use ostia_session::SessionSlot;

use crate::snapshot::RouteState;

/// The hosts where people may be signed in at several providers at once.
#[derive(Debug, Default)]
pub(crate) struct SharedHosts(HashSet<String>);

impl SharedHosts {
    /// Those of a configuration. Only exact hosts sign people in.
    pub(crate) fn of(config: &Config) -> Self {
        let mut of_hosts: HashMap<&str, HashSet<&str>> = HashMap::new();
        for route in config.routes.iter().filter(|route| route.credentials.session) {
            let HostPattern::Exact(host) = &route.host else { continue };
            let sections = route.providers.iter().filter_map(|name| config.providers.get(name));
            let names =
                sections.filter(|section| section.client.is_some()).map(|section| section.name.as_str());
            of_hosts.entry(host).or_default().extend(names);
        }
        let of_several = of_hosts.into_iter().filter(|(_, providers)| providers.len() > 1);
        Self(of_several.map(|(host, _)| host.to_owned()).collect())
    }

    /// Where a session at `provider` is kept on `host`.
    pub(crate) fn slot(&self, host: &str, provider: &str) -> SessionSlot {
        if self.has(host) { SessionSlot::at(provider) } else { SessionSlot::ONLY }
    }

    /// Whether this host is one of them.
    pub(crate) fn has(&self, host: &str) -> bool {
        self.0.contains(host)
    }

    /// Where the sessions of a route are; nothing where its host has only one.
    pub(crate) fn slots_of(&self, route: &RouteState) -> Box<[SessionSlot]> {
        match &route.host {
            HostPattern::Exact(host) if self.has(host) => slots_of_each(route),
            _ => Box::default(),
        }
    }
}

/// The slots that sessions of a route have, or had, on a host of several.
pub(crate) fn slots_of_each(route: &RouteState) -> Box<[SessionSlot]> {
    route.login_providers().map(|running| SessionSlot::at(&running.section.name)).collect()
}
