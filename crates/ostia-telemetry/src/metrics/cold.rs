//! The families that are touched now and then: Prometheus' own vectors.

use std::collections::HashMap;
use std::sync::Mutex;

use prometheus::core::{Collector, GenericCounter, GenericGauge, MetricVec, MetricVecBuilder};
use prometheus::proto::LabelPair;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::locked::lock;
use super::table::{self, Row};

/// A family of counters.
#[derive(Debug)]
pub(crate) struct Counters {
    vec: IntCounterVec,
    /// Held while a total of elsewhere is brought in, so that two scrapes do not both add it.
    bringing_in: Mutex<()>,
}

/// A family of gauges.
#[derive(Debug)]
pub(crate) struct Gauges(IntGaugeVec);

impl Counters {
    fn register(registry: &Registry, row: Row) -> Result<Self, prometheus::Error> {
        let vec = IntCounterVec::new(Opts::new(row.name, row.help), row.labels)?;
        registry.register(Box::new(vec.clone()))?;
        let counters = Self { vec, bringing_in: Mutex::new(()) };
        if row.labels.is_empty() {
            // A family without labels has its one series from the beginning.
            counters.raise(&[], 0);
        }
        Ok(counters)
    }

    pub(crate) fn one_more(&self, labels: &[&str]) {
        self.at(labels).inc();
    }

    /// Brings the count up to a total that is counted elsewhere.
    pub(crate) fn raise(&self, labels: &[&str], total: u64) {
        let _bringing_in = lock(&self.bringing_in);
        let counter = self.at(labels);
        counter.inc_by(total.saturating_sub(counter.get()));
    }

    /// Labels are counted by whoever wrote the row; a wrong number counts into the void and fails the test that scrapes.
    pub(crate) fn at(&self, labels: &[&str]) -> IntCounter {
        self.vec.get_metric_with_label_values(labels).unwrap_or_else(|_| lost_counter())
    }

    pub(crate) fn retain(&self, keep: &dyn Fn(&str, &str) -> bool) {
        retain(&self.vec, keep);
    }
}

impl Gauges {
    fn register(registry: &Registry, row: Row) -> Result<Self, prometheus::Error> {
        let vec = IntGaugeVec::new(Opts::new(row.name, row.help), row.labels)?;
        registry.register(Box::new(vec.clone()))?;
        let gauges = Self(vec);
        if row.labels.is_empty() {
            gauges.set(&[], 0);
        }
        Ok(gauges)
    }

    pub(crate) fn set(&self, labels: &[&str], value: i64) {
        self.0.get_metric_with_label_values(labels).unwrap_or_else(|_| lost_gauge()).set(value);
    }

    pub(crate) fn get(&self, labels: &[&str]) -> i64 {
        self.0.get_metric_with_label_values(labels).map_or(0, |gauge| gauge.get())
    }

    /// The only series from now on.
    pub(crate) fn set_only(&self, labels: &[&str], value: i64) {
        self.0.reset();
        self.set(labels, value);
    }

    pub(crate) fn retain(&self, keep: &dyn Fn(&str, &str) -> bool) {
        retain(&self.0, keep);
    }
}

/// Takes away the series of which some label is not kept.
fn retain<T: MetricVecBuilder>(vec: &MetricVec<T>, keep: &dyn Fn(&str, &str) -> bool)
where
    MetricVec<T>: Collector,
{
    for family in vec.collect() {
        for series in family.get_metric() {
            let labels: &[LabelPair] = series.get_label();
            if labels.iter().all(|label| keep(label.name(), label.value())) {
                continue;
            }
            let pairs: HashMap<&str, &str> =
                labels.iter().map(|label| (label.name(), label.value())).collect();
            // Another thread may have taken it away.
            let _ = vec.remove(&pairs);
        }
    }
}

fn lost_counter() -> IntCounter {
    GenericCounter::new("lost", "lost").unwrap_or_else(|_| unreachable!("the name is a valid one"))
}

fn lost_gauge() -> IntGauge {
    GenericGauge::new("lost", "lost").unwrap_or_else(|_| unreachable!("the name is a valid one"))
}

macro_rules! cold {
    ($($field:ident: $type:ident = $row:ident;)*) => {
        /// All of them.
        #[derive(Debug)]
        pub(crate) struct Cold { $(pub(crate) $field: $type,)* }

        impl Cold {
            pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
                Ok(Self { $($field: $type::register(registry, table::$row)?,)* })
            }

            /// Takes away the series that name something which `keep(label, value)` does not.
            pub(crate) fn retain(&self, keep: &dyn Fn(&str, &str) -> bool) {
                $(self.$field.retain(keep);)*
            }
        }
    };
}

cold! {
    build_info: Gauges = BUILD_INFO;
    config_info: Gauges = CONFIG_INFO;
    config_last_reload_successful: Gauges = CONFIG_LAST_RELOAD_SUCCESSFUL;
    config_last_reload_success: Gauges = CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP;
    config_reloads: Counters = CONFIG_RELOADS;
    draining: Gauges = DRAINING;
    log_lines_dropped: Counters = LOG_LINES_DROPPED;
    panics: Counters = PANICS;
    connections_accepted: Counters = CONNECTIONS_ACCEPTED;
    connections_active: Gauges = CONNECTIONS_ACTIVE;
    connections_rejected: Counters = CONNECTIONS_REJECTED;
    accept_errors: Counters = ACCEPT_ERRORS;
    tls_certificate_not_after: Gauges = TLS_CERTIFICATE_NOT_AFTER;
    acme_orders: Counters = ACME_ORDERS;
    tls_file_current: Gauges = TLS_FILE_CURRENT;
    upstream_retries: Counters = UPSTREAM_RETRIES;
    upstream_servers: Gauges = UPSTREAM_SERVERS;
    upstream_ejections: Counters = UPSTREAM_EJECTIONS;
    rate_limited: Counters = RATE_LIMITED;
    extension_failures: Counters = EXTENSION_FAILURES;
    mirrored: Counters = MIRRORED;
    upstream_failures: Counters = UPSTREAM_FAILURES;
    requests_failed: Counters = REQUESTS_FAILED;
    upstream_pending: Gauges = UPSTREAM_PENDING;
    upstream_connections_open: Gauges = UPSTREAM_CONNECTIONS_OPEN;
    upstream_connections: Counters = UPSTREAM_CONNECTIONS;
    upstream_connections_reused: Counters = UPSTREAM_CONNECTIONS_REUSED;
    upstream_lookups: Counters = UPSTREAM_LOOKUPS;
    upstream_servers_changed: Counters = UPSTREAM_SERVERS_CHANGED;
    logins_started: Counters = OIDC_LOGINS_STARTED;
    logins: Counters = OIDC_LOGINS;
    token_requests: Counters = OIDC_TOKEN_REQUESTS;
    discovery_last_success: Gauges = OIDC_DISCOVERY_LAST_SUCCESS;
    jwks_last_success: Gauges = OIDC_JWKS_LAST_SUCCESS;
    jwt_validations: Counters = JWT_VALIDATIONS;
    sessions_created: Counters = SESSIONS_CREATED;
    sessions_ended: Counters = SESSIONS_ENDED;
    session_refreshes: Counters = SESSION_REFRESHES;
    token_revocations: Counters = TOKEN_REVOCATIONS;
    logouts: Counters = LOGOUTS;
    session_store_up: Gauges = SESSION_STORE_UP;
    streams_open: Gauges = STREAMS_OPEN;
    streams_ended: Counters = STREAMS_ENDED;
}
