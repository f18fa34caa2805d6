//! An upstream as a map.

use serde_yaml::{Mapping, Value};

use super::connection::with_connections;
use super::{Map, duration, texts};
use crate::Upstream;
use crate::scalar::Share;
use crate::upstream::{Affinity, Balance, HealthAsk, HealthCheck, Outlier, Server};

pub(super) fn upstream(upstream: &Upstream) -> Mapping {
    let hashed = upstream.balance == Balance::ConsistentHash;
    let has_cookie = matches!(upstream.affinity, Affinity::Cookie(_));
    let servers = upstream.servers.iter().map(|one| Value::Mapping(server(one)));
    let servers = upstream.discovery.is_none().then(|| servers.collect::<Vec<_>>());
    let map = Map::default()
        .with_some("servers", servers)
        .with("balance", upstream.balance.word())
        .with_some("zones", (!upstream.zones.is_empty()).then(|| texts(&upstream.zones)))
        .with_some("affinity", (hashed || has_cookie).then(|| affinity(&upstream.affinity)))
        .with_some("bounded_load", hashed.then_some(upstream.bounded_load))
        .with_some("health_check", upstream.health_check.as_ref().map(health_check))
        .with_some("outlier", upstream.outlier.as_ref().map(outlier))
        .with("panic_threshold", Share::text(upstream.panic_threshold))
        .with("slow_start", duration(upstream.slow_start))
        .with("drain_timeout", duration(upstream.drain_timeout));
    with_connections(map, upstream).0
}

fn server(server: &Server) -> Mapping {
    Map::default()
        .with("address", server.address.to_string())
        .with("weight", u64::from(server.weight))
        .with("backup", server.backup)
        .with_some("zone", server.zone.as_ref().map(|zone| zone.as_str()))
        .with("state", server.mode.word())
        .0
}

fn statuses(statuses: &[u16]) -> Vec<Value> {
    statuses.iter().map(|status| Value::from(*status)).collect()
}

fn health_check(check: &HealthCheck) -> Mapping {
    asked(&check.ask)
        .with_some("port", check.port.map(u64::from))
        .with("interval", duration(check.interval))
        .with("fast_interval", duration(check.fast_interval))
        .with("down_interval", duration(check.down_interval))
        .with("timeout", duration(check.timeout))
        .with("rise", u64::from(check.rise))
        .with("fall", u64::from(check.fall))
        .with("until_checked", if check.waits_for_check { "wait" } else { "serve" })
        .0
}

fn asked(ask: &HealthAsk) -> Map {
    match ask {
        HealthAsk::Tcp => Map::default(),
        HealthAsk::Tls => Map::default().with("tls", true),
        HealthAsk::Grpc { service } => Map::default().with("grpc", service.as_str()),
        HealthAsk::Http { method, path, host, expect, body } => Map::default()
            .with("path", path.as_str())
            .with("method", method.as_str())
            .with_some("host", host.as_deref())
            .with("expect", statuses(expect))
            .with_some("body", body.as_deref()),
    }
}

fn outlier(outlier: &Outlier) -> Mapping {
    let map = Map::default().with("consecutive_failures", u64::from(outlier.consecutive_failures));
    let map = match outlier.failure_share {
        Some(share) => map
            .with("failure_share", Share::text(share))
            .with("window", duration(outlier.window))
            .with("least_requests", u64::from(outlier.least_requests)),
        None => map,
    };
    map.with("statuses", statuses(&outlier.statuses))
        .with("eject", duration(outlier.eject))
        .with("max_eject", duration(outlier.max_eject))
        .with("max_ejected", Share::text(outlier.max_ejected))
        .0
}

fn affinity(affinity: &Affinity) -> Value {
    let one = |key: &str, value: &str| Value::Mapping(Map::default().with(key, value).0);
    match affinity {
        Affinity::Session => Value::from("session"),
        Affinity::Source => Value::from("source"),
        Affinity::Cookie(name) => one("cookie", name),
        Affinity::ApplicationCookie(name) => one("application_cookie", name),
        Affinity::Header(name) => one("header", name.as_str()),
        Affinity::Claim(path) => one("claim", path.as_str()),
    }
}
