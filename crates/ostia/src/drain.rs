//! Leaving without dropping anybody.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use ostia_config::Name;
use ostia_gateway::Gateway;
use ostia_listener::Listener;
use tokio::sync::watch;

/// Readiness off, announce, stop accepting, wait until nothing is open or the deadline has come. `again` is a second
/// signal: leave at once.
pub(crate) async fn run(
    gateway: &Gateway,
    listeners: &BTreeMap<Name, Arc<Listener>>,
    shutdown: &watch::Sender<bool>,
    again: impl Future<Output = ()>,
) {
    let plan = gateway.drain_plan();
    gateway.begin_drain();
    tracing::info!(announce = ?plan.announce, deadline = ?plan.deadline, "draining");
    let orderly = async {
        tokio::time::sleep(plan.announce).await;
        let _ = shutdown.send(true);
        let all = async {
            for listener in listeners.values() {
                listener.drained().await;
            }
        };
        tokio::time::timeout(plan.deadline, all).await.is_ok()
    };
    let left: usize = tokio::select! {
        empty = orderly => if empty { 0 } else { open(listeners) },
        () = again => open(listeners),
    };
    if left == 0 {
        tracing::info!("drained");
    } else {
        tracing::warn!(connections = left, "leaving with connections still open");
    }
}

fn open(listeners: &BTreeMap<Name, Arc<Listener>>) -> usize {
    listeners.values().map(|listener| listener.active()).sum()
}
