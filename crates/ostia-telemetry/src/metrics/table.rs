//! Every metric in one table: registration, the reference page and the tests are made from it.

/// What a metric is to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of observations in buckets, with their sum.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: &'static str,
    /// The kind.
    pub kind: Kind,
    /// The labels. Their values are names of the configuration or words of a closed set, never from a request.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

impl Kind {
    /// As Prometheus writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! table {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $id: Row =
            Row { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// Every metric of Ostia, in the order of the reference.
        pub const TABLE: &[Row] = &[$($id),*];
    };
}

table! {
    BUILD_INFO = Gauge "ostia_build_info" ["version"] "Always 1; the version of the running program.";
    CONFIG_INFO = Gauge "ostia_config_info" ["hash"] "Always 1; the SHA-256 of the configuration in force.";
    CONFIG_LAST_RELOAD_SUCCESSFUL = Gauge "ostia_config_last_reload_successful" []
        "1 if the last attempt to load the configuration succeeded, else 0.";
    CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP = Gauge "ostia_config_last_reload_success_timestamp_seconds" []
        "When the configuration in force was loaded, in seconds since 1970.";
    CONFIG_RELOADS = Counter "ostia_config_reloads_total" ["outcome"]
        "Attempts to reload the configuration: applied, refused.";
    DRAINING = Gauge "ostia_draining" [] "1 while the process finishes what it has and takes nothing new.";
    LOG_LINES_DROPPED = Counter "ostia_log_lines_dropped_total" ["log"]
        "Log lines that were lost because their target was too slow or failed.";
    PANICS = Counter "ostia_panics_total" [] "Requests or tasks that ended in a panic; each is a bug.";

    CONNECTIONS_ACCEPTED = Counter "ostia_connections_accepted_total" ["listener"] "Connections accepted.";
    CONNECTIONS_ACTIVE = Gauge "ostia_connections_active" ["listener"]
        "Open connections of clients (OpenTelemetry: http.server.open_connections).";
    CONNECTIONS_REJECTED = Counter "ostia_connections_rejected_total" ["listener", "reason"]
        "Connections closed before a request was read.";
    ACCEPT_ERRORS = Counter "ostia_connections_accept_errors_total" ["listener"]
        "Connections that the system did not hand over: mostly too few file descriptors (LimitNOFILE).";
    TLS_CERTIFICATE_NOT_AFTER = Gauge "ostia_tls_certificate_not_after_timestamp_seconds" ["listener", "file"]
        "When a certificate ends, in seconds since 1970.";
    ACME_ORDERS = Counter "ostia_acme_orders_total" ["listener", "outcome"]
        "Orders of certificates by ACME: issued, failed.";
    TLS_FILE_CURRENT = Gauge "ostia_tls_file_current" ["listener", "file"]
        "1 if what the file holds is in use; 0 if it was refused and what it held before still is.";

    REQUESTS = Counter "ostia_http_requests_total" ["listener", "route", "method", "code"]
        "Requests answered. Unusual methods and codes are _OTHER; route is - where no route was found.";
    REQUESTS_FAILED = Counter "ostia_http_requests_failed_total" ["reason"]
        "Requests that ended early because of the client or of Ostia itself: the reason of the access log.";
    REQUEST_DURATION = Histogram "ostia_http_request_duration_seconds" ["route", "code_class"]
        "From the complete head of a request to the last byte of its answer (OpenTelemetry: http.server.request.duration).";
    REQUESTS_IN_FLIGHT = Gauge "ostia_http_requests_in_flight" ["route"]
        "Requests that are being served (OpenTelemetry: http.server.active_requests).";
    UPGRADED_CONNECTIONS = Gauge "ostia_upgraded_connections_active" ["route"] "Open WebSocket connections.";

    UPSTREAM_REQUESTS = Counter "ostia_upstream_requests_total" ["upstream", "server", "code_class"]
        "Answers of servers; code_class is error where there was none.";
    UPSTREAM_REQUEST_DURATION = Histogram "ostia_upstream_request_duration_seconds" ["upstream"]
        "From the choice of a server to the head of its answer.";
    UPSTREAM_RETRIES = Counter "ostia_upstream_retries_total" ["upstream", "reason"]
        "Requests that were sent to another server, by what went wrong: connect, reset, timeout, status; budget_spent: that were not.";
    MIRRORED = Counter "ostia_mirrored_requests_total" ["route", "outcome"]
        "Copies of requests to another upstream: sent, or why not (too_large, too_many, what went wrong).";
    UPSTREAM_FAILURES = Counter "ostia_upstream_failures_total" ["upstream", "reason"]
        "Requests that were answered by Ostia because the upstream failed them: the reason of the access log.";
    UPSTREAM_PENDING = Gauge "ostia_upstream_pending_requests" ["upstream"] "Requests that wait for a place at a server.";
    UPSTREAM_CONNECTIONS_OPEN = Gauge "ostia_upstream_connections_open" ["upstream"]
        "HTTP/1.1 connections to servers that stand, in use or not.";
    UPSTREAM_CONNECTIONS = Counter "ostia_upstream_connections_total" ["upstream"]
        "HTTP/1.1 connections that were made to servers.";
    UPSTREAM_CONNECTIONS_REUSED = Counter "ostia_upstream_connections_reused_total" ["upstream"]
        "Requests that found a connection waiting.";
    UPSTREAM_LOOKUPS = Counter "ostia_upstream_lookups_total" ["upstream", "outcome"]
        "Lookups of the servers of an upstream: succeeded, failed.";
    UPSTREAM_SERVERS_CHANGED = Counter "ostia_upstream_servers_changed_total" ["upstream"]
        "Lookups after which the servers were others.";
    UPSTREAM_SERVER_HEALTHY = Gauge "ostia_upstream_server_healthy" ["upstream", "server"]
        "1 if the server passes its health checks or has none, else 0.";
    UPSTREAM_SERVERS = Gauge "ostia_upstream_servers" ["upstream", "state"]
        "Servers by state, as `ostia status` tells it: serving, starting, unchecked, unhealthy, refusing, ejected, draining, drained, maintenance, unweighted.";
    UPSTREAM_EJECTIONS = Counter "ostia_upstream_ejections_total" ["upstream"]
        "How often a server was taken out because requests failed there.";
    AFFINITY = Counter "ostia_affinity_total" ["upstream", "outcome"]
        "Requests with affinity: kept at their server, moved to another one, new.";

    OIDC_LOGINS_STARTED = Counter "ostia_oidc_logins_started_total" ["provider"]
        "Browsers that were sent to the provider.";
    OIDC_LOGINS = Counter "ostia_oidc_logins_total" ["provider", "outcome", "reason"]
        "Sign-ins that ended: succeeded, failed with the reason; also those that could not begin.";
    OIDC_TOKEN_REQUESTS = Counter "ostia_oidc_token_requests_total" ["provider", "grant", "outcome"]
        "Calls of the token endpoint.";
    OIDC_DISCOVERY_LAST_SUCCESS = Gauge "ostia_oidc_discovery_last_success_timestamp_seconds" ["provider"]
        "When the provider's metadata was last loaded, in seconds since 1970.";
    OIDC_JWKS_LAST_SUCCESS = Gauge "ostia_oidc_jwks_last_success_timestamp_seconds" ["provider"]
        "When the provider's keys were last loaded, in seconds since 1970.";
    JWT_VALIDATIONS = Counter "ostia_jwt_validations_total" ["provider", "outcome", "reason"]
        "Bearer tokens that were checked: accepted, refused with the reason.";
    JWT_VALIDATION_CACHE = Counter "ostia_jwt_validation_cache_total" ["outcome"]
        "Look-ups of a bearer token among those that were checked before: hit, miss.";
    AUTHORIZATION_DECISIONS = Counter "ostia_authorization_decisions_total" ["route", "policy", "decision", "reason"]
        "Decisions about requests: allow, deny.";
    SHADOW_DECISIONS = Counter "ostia_shadow_decisions_total" ["route", "policy", "decision", "reason"]
        "What the shadow policies of a route would have decided about requests that were let in: allow, deny.";

    RATE_LIMITED = Counter "ostia_rate_limited_requests_total" ["route"]
        "Requests that were answered with 429 because the route's limit was reached.";
    EXTENSION_FAILURES = Counter "ostia_extension_failures_total" ["extension", "reason"]
        "Requests that were answered with an error because an extension failed: extension_panicked, extension_timed_out.";

    SESSIONS_CREATED = Counter "ostia_sessions_created_total" ["provider"] "Sessions that began.";
    SESSIONS_ENDED = Counter "ostia_sessions_ended_total" ["reason"]
        "Session cookies that were taken back, with the reason.";
    LOGOUTS = Counter "ostia_logouts_total" ["provider", "kind", "outcome"]
        "Logouts by `kind`: local, back_channel, front_channel, operator, displaced; with `done` or why it was refused.";
    SESSION_STORE_UP = Gauge "ostia_session_store_up" []
        "1 while the store that nodes share answers; 0 without one.";
    STREAMS_OPEN = Gauge "ostia_streams_open" []
        "Answers of sessions that may last and are open: WebSockets, event streams, gRPC calls.";
    STREAMS_ENDED = Counter "ostia_streams_ended_total" ["reason"]
        "Open answers that were ended because their session was over.";
    SESSION_REFRESHES = Counter "ostia_session_refreshes_total" ["provider", "outcome", "reason"]
        "Refreshes of a session's tokens: renewed, renewed_last, shared; postponed, unrefreshable, ended with the reason.";
    TOKEN_REVOCATIONS = Counter "ostia_token_revocations_total" ["provider", "outcome"]
        "Refresh tokens of sessions that are over, given back to their issuer: done, failed.";

    PROCESS_CPU = Counter "process_cpu_seconds_total" [] "Time of all cores, user and system.";
    PROCESS_OPEN_FDS = Gauge "process_open_fds" [] "Open file descriptors.";
    PROCESS_MAX_FDS = Gauge "process_max_fds" [] "The limit of open file descriptors.";
    PROCESS_RESIDENT_MEMORY = Gauge "process_resident_memory_bytes" [] "Memory in RAM.";
    PROCESS_VIRTUAL_MEMORY = Gauge "process_virtual_memory_bytes" [] "Address space.";
    PROCESS_START_TIME = Gauge "process_start_time_seconds" [] "When the process began, in seconds since 1970.";
    PROCESS_THREADS = Gauge "process_threads" [] "Threads.";
}
