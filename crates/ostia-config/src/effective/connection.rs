//! How the servers of an upstream are found and reached, as maps.

use serde_yaml::{Mapping, Value};

use super::{Map, duration, path};
use crate::Upstream;
use crate::scalar::Share;
use crate::upstream::{Discovery, Faults, KeepAlive, Limits, Retry, Source, Timeouts, Tls};

/// Adds what is said of the connections to the map of an upstream.
pub(super) fn with_connections(map: Map, upstream: &Upstream) -> Map {
    let map = match &upstream.discovery {
        Some(found) => with_discovery(map, found),
        None => map,
    };
    let is_multiplexed = upstream.protocol.is_multiplexed();
    map.with("retry", retry(&upstream.retry))
        .with("timeouts", timeouts(&upstream.timeouts, is_multiplexed))
        .with(
            "keep_alive",
            keep_alive(&upstream.keep_alive, is_multiplexed, upstream.proxy_protocol.is_some()),
        )
        .with("limits", limits(&upstream.limits))
        .with("protocol", upstream.protocol.word())
        .with_some("tls", upstream.tls.as_ref().map(tls))
        .with_some("proxy_protocol", upstream.proxy_protocol.map(|version| version.word().to_owned()))
        .with_some("insecure_faults", upstream.insecure_faults.as_ref().map(faults))
}

fn with_discovery(map: Map, discovery: &Discovery) -> Map {
    let map = match &discovery.source {
        Source::Dns { name, port } => map.with("servers_dns", format!("{name}:{port}")),
        Source::Srv { name } => map.with("servers_srv", name.as_str()),
        Source::File { path: file } => return map.with("servers_file", path(file)),
    };
    let servers: Vec<Value> =
        discovery.nameservers.iter().map(|server| Value::from(server.to_string())).collect();
    let section = Map::default()
        .with("min_refresh", duration(discovery.min_refresh))
        .with("max_refresh", duration(discovery.max_refresh))
        .with_some("nameservers", (!servers.is_empty()).then_some(servers));
    map.with("discovery", section.0)
}

fn retry(retry: &Retry) -> Mapping {
    let on_error: Vec<Value> = retry.on_error.words().into_iter().map(Value::from).collect();
    Map::default()
        .with("attempts", u64::from(retry.attempts))
        .with("on_error", on_error)
        .with("budget", Share::text(retry.budget))
        .with_some("per_try_timeout", retry.per_try_timeout.map(duration))
        .with("body_bytes", bytesize::ByteSize(retry.body_bytes).display().iec().to_string())
        .0
}

fn timeouts(timeouts: &Timeouts, is_multiplexed: bool) -> Mapping {
    Map::default()
        .with("connect", duration(timeouts.connect))
        .with_some("first_byte", (!is_multiplexed).then(|| duration(timeouts.first_byte)))
        .with("between_bytes", duration(timeouts.between_bytes))
        .with("idle", duration(timeouts.idle))
        .0
}

fn keep_alive(keep_alive: &KeepAlive, is_multiplexed: bool, is_proxied: bool) -> Mapping {
    let connections = u64::try_from(keep_alive.connections).unwrap_or(u64::MAX);
    let min_idle = u64::try_from(keep_alive.min_idle).unwrap_or(u64::MAX);
    Map::default()
        .with_some("connections", (!is_multiplexed).then_some(connections))
        .with("idle", duration(keep_alive.idle))
        .with_some("min_idle", (!is_multiplexed && !is_proxied).then_some(min_idle))
        .0
}

fn limits(limits: &Limits) -> Mapping {
    Map::default()
        .with("connections", u64::from(limits.connections))
        .with("requests", u64::from(limits.requests))
        .with("pending", u64::from(limits.pending))
        .with("pending_timeout", duration(limits.pending_timeout))
        .0
}

fn tls(tls: &Tls) -> Mapping {
    Map::default()
        .with("server_name", tls.server_name.as_str())
        .with_some("ca_file", tls.ca_file.as_deref().map(path))
        .with_some("client_cert_file", tls.client.as_ref().map(|client| path(&client.cert_file)))
        .with_some("client_key_file", tls.client.as_ref().map(|client| path(&client.key_file)))
        .0
}

fn faults(faults: &Faults) -> Mapping {
    Map::default()
        .with("abort", Share::text(faults.abort))
        .with("status", u64::from(faults.status))
        .with("delay", Share::text(faults.delay))
        .with("delay_time", duration(faults.delay_time))
        .0
}
