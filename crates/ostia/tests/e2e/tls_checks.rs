//! U7 by TLS: checks go the way that requests go, and `tls: true` asks for the handshake alone.

use std::time::Duration;

use ostia_testkit::{Authority, FaultUpstream, Ostia, eventually};
use serde_json::Value;

use crate::upstream_connections::{Claimants, get, yaml};
use crate::world::BINARY;

const PACE: &str = "interval: 300ms, fast_interval: 100ms, timeout: 1s, rise: 1, fall: 1";

/// The health of each server with what its last check failed by, as `ostia status` tells it.
async fn health(node: &Ostia) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let servers = node.servers("app").await;
    servers.iter().map(|server| (text(&server["health"]), text(&server["last_check"]["why"]))).collect()
}

async fn until_health_is(node: &Ostia, what: &str, expected: &[&str]) -> Vec<(String, String)> {
    eventually(&format!("{what}: {expected:?}"), Duration::from_secs(20), async || {
        let told = health(node).await;
        let is_so = told.iter().map(|(health, _)| health.as_str()).eq(expected.iter().copied());
        is_so.then_some(told)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_by_tls_believe_only_whom_requests_believe() {
    let claimants = Claimants::start().await;
    let Claimants { good, misnamed, foreign, plain, tls, .. } = &claimants;
    for ask in ["tls: true", "path: /healthz"] {
        let more = format!("{tls}, health_check: {{ {ask}, {PACE} }}");
        let node = Ostia::start(BINARY, &yaml(&[good, misnamed, foreign, plain], &more)).await;
        let told = until_health_is(&node, ask, &["healthy", "unhealthy", "unhealthy", "unhealthy"]).await;
        assert!(told[1..].iter().all(|(_, why)| !why.is_empty()), "{ask}: {told:?}");
        for _ in 0..8 {
            let answer = get(&node, "/x").await;
            assert_eq!((answer.status, answer.field("x-server")), (200, Some("good")), "{ask}");
        }
    }
    assert_eq!(misnamed.requests() + foreign.requests() + plain.requests(), 0, "they are told nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_is_a_check_also_where_requests_go_in_clear_text() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let secured =
        FaultUpstream::with_tls("secured", &authority.issue(folder.path(), &["any.internal"]), None).await;
    let plain = FaultUpstream::start("plain").await;
    let node =
        Ostia::start(BINARY, &yaml(&[&secured, &plain], &format!("health_check: {{ tls: true, {PACE} }}")))
            .await;
    until_health_is(&node, "no certificate is asked for", &["healthy", "unhealthy"]).await;
}
