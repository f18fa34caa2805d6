//! The product from outside: the real binary, real sockets, real parties. One file a promise.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod admin_socket;
mod audit_log;
mod bearer_tokens;
mod bound_tokens;
mod certified_tokens;
mod chromium;
mod configuration_is_checked;
mod demo;
mod forged_requests;
mod identity_headers;
mod key_rotation;
mod leaving;
mod listeners;
mod login_attempts;
mod login_crosses_nodes;
mod login_returns_to_the_exact_page;
mod logout;
mod logout_by_the_issuer;
mod metrics_and_logs;
mod oidc_provider;
mod only_navigations_are_redirected;
mod opaque_tokens;
mod open_streams_end;
mod own_cookies_stay;
mod policies;
mod policy_verbs;
mod providers_are_apart;
mod redirect_uri_is_configured;
mod reload;
mod resource_metadata;
mod routes_are_found;
mod servers_are_chosen;
mod servers_are_drained;
mod session_keys;
mod session_refresh;
mod session_revocation;
mod session_store;
mod tampered_cookies_are_no_session;
mod trusted_proxies;
mod upgrades;
mod upstreams_are_chosen;
mod world;
