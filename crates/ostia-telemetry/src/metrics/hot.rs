//! The families that every request touches: our own sharded counters, handed to Prometheus at a scrape.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use ostia_config::upstream::ServerAddress;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::family::Family;
use super::label::code_label;
use super::locked::{read, write};
use super::route::{RouteMetrics, RouteTotals};
use super::shard::Count;
use super::table::{
    AFFINITY, AUTHORIZATION_DECISIONS, JWT_VALIDATION_CACHE, REQUEST_DURATION, REQUESTS, REQUESTS_IN_FLIGHT,
    Row, SHADOW_DECISIONS, UPGRADED_CONNECTIONS, UPSTREAM_REQUEST_DURATION, UPSTREAM_REQUESTS,
    UPSTREAM_SERVER_HEALTHY,
};
use super::upstream::UpstreamMetrics;

/// The routes of a listener, by name.
type OfListener = BTreeMap<Box<str>, Arc<RouteMetrics>>;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Hot {
    at_listeners: RwLock<BTreeMap<Box<str>, OfListener>>,
    routes: RwLock<BTreeMap<Box<str>, Arc<RouteTotals>>>,
    upstreams: RwLock<BTreeMap<Box<str>, Arc<UpstreamMetrics>>>,
    pub(crate) token_cache_hits: Count,
    pub(crate) token_cache_misses: Count,
}

impl Hot {
    pub(crate) const ROWS: [Row; 11] = [
        REQUESTS,
        REQUEST_DURATION,
        REQUESTS_IN_FLIGHT,
        UPGRADED_CONNECTIONS,
        AUTHORIZATION_DECISIONS,
        SHADOW_DECISIONS,
        UPSTREAM_REQUESTS,
        UPSTREAM_REQUEST_DURATION,
        UPSTREAM_SERVER_HEALTHY,
        AFFINITY,
        JWT_VALIDATION_CACHE,
    ];

    pub(crate) fn route(&self, listener: &str, route: &str) -> Arc<RouteMetrics> {
        let known = read(&self.at_listeners).get(listener).and_then(|routes| routes.get(route)).cloned();
        known.unwrap_or_else(|| {
            let totals = self.totals(route);
            let mut at_listeners = write(&self.at_listeners);
            let place = at_listeners.entry(listener.into()).or_default().entry(route.into());
            Arc::clone(place.or_insert_with(|| Arc::new(RouteMetrics::new(totals))))
        })
    }

    pub(crate) fn totals(&self, route: &str) -> Arc<RouteTotals> {
        if let Some(totals) = read(&self.routes).get(route) {
            return Arc::clone(totals);
        }
        Arc::clone(write(&self.routes).entry(route.into()).or_default())
    }

    pub(crate) fn upstream(&self, upstream: &str) -> Arc<UpstreamMetrics> {
        if let Some(known) = read(&self.upstreams).get(upstream) {
            return Arc::clone(known);
        }
        Arc::clone(write(&self.upstreams).entry(upstream.into()).or_default())
    }

    /// Forgets what is not in the configuration any more. Handles that old requests hold count into the void.
    pub(crate) fn retain(
        &self,
        listener: impl Fn(&str) -> bool,
        route: impl Fn(&str) -> bool,
        server: impl Fn(&str, Option<&ServerAddress>) -> bool,
    ) {
        write(&self.at_listeners).retain(|name, routes| {
            routes.retain(|name, _| route(name));
            listener(name)
        });
        write(&self.routes).retain(|name, _| route(name));
        let mut upstreams = write(&self.upstreams);
        upstreams.retain(|name, _| server(name, None));
        for (name, upstream) in &*upstreams {
            upstream.retain_servers(|address| server(name, Some(address)));
        }
    }

    fn requests(&self) -> Option<MetricFamily> {
        let mut family = Family::of(REQUESTS);
        for (listener, routes) in &*read(&self.at_listeners) {
            for (route, metrics) in routes {
                for (method, code, sum) in metrics.requests() {
                    family.count(&[listener, route, method, &code_label(code)], sum);
                }
            }
        }
        family.done()
    }

    fn of_routes(&self, row: Row, add: impl Fn(&mut Family, &str, &RouteTotals)) -> Option<MetricFamily> {
        let mut family = Family::of(row);
        read(&self.routes).iter().for_each(|(route, totals)| add(&mut family, route, totals));
        family.done()
    }

    fn of_upstreams(
        &self,
        row: Row,
        add: impl Fn(&mut Family, &str, &UpstreamMetrics),
    ) -> Option<MetricFamily> {
        let mut family = Family::of(row);
        read(&self.upstreams).iter().for_each(|(name, upstream)| add(&mut family, name, upstream));
        family.done()
    }

    fn token_cache(&self) -> Option<MetricFamily> {
        let mut family = Family::of(JWT_VALIDATION_CACHE);
        family.count(&["hit"], self.token_cache_hits.sum());
        family.count(&["miss"], self.token_cache_misses.sum());
        family.done()
    }

    #[expect(clippy::cast_precision_loss, reason = "Prometheus keeps every value as a double")]
    fn families(&self) -> [Option<MetricFamily>; Self::ROWS.len()] {
        [
            self.requests(),
            self.of_routes(REQUEST_DURATION, |family, route, totals| {
                totals.durations().iter().for_each(|(class, sum)| family.observed(&[route, class], sum));
            }),
            self.of_routes(REQUESTS_IN_FLIGHT, |family, route, totals| {
                family.add(&[route], totals.in_flight() as f64);
            }),
            self.of_routes(UPGRADED_CONNECTIONS, |family, route, totals| {
                family.add(&[route], totals.upgraded() as f64);
            }),
            self.of_routes(AUTHORIZATION_DECISIONS, |family, route, totals| {
                for (policy, allowed, reason, count) in totals.decisions() {
                    family.count(&[route, &policy, if allowed { "allow" } else { "deny" }, reason], count);
                }
            }),
            self.of_routes(SHADOW_DECISIONS, |family, route, totals| {
                for (policy, allowed, reason, count) in totals.shadow_decisions() {
                    family.count(&[route, &policy, if allowed { "allow" } else { "deny" }, reason], count);
                }
            }),
            self.of_upstreams(UPSTREAM_REQUESTS, |family, name, upstream| {
                for (address, server) in upstream.servers() {
                    server.answers().for_each(|(class, sum)| family.count(&[name, &address, class], sum));
                }
            }),
            self.of_upstreams(UPSTREAM_REQUEST_DURATION, |family, name, upstream| {
                family.observed(&[name], &upstream.durations());
            }),
            self.of_upstreams(UPSTREAM_SERVER_HEALTHY, |family, name, upstream| {
                for (address, server) in upstream.servers() {
                    server.healthy().into_iter().for_each(|is| family.count(&[name, &address], is.into()));
                }
            }),
            self.of_upstreams(AFFINITY, |family, name, upstream| {
                let occurred = upstream.affinities().filter(|(_, count)| *count > 0);
                occurred.for_each(|(outcome, count)| family.count(&[name, outcome], count));
            }),
            self.token_cache(),
        ]
    }
}

/// [`Hot`] as Prometheus takes it.
pub(crate) struct HotCollector {
    pub(crate) descs: Vec<Desc>,
    pub(crate) hot: Arc<Hot>,
}

impl Collector for HotCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.hot.families().into_iter().flatten().collect()
    }
}
