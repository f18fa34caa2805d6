//! Leaving without dropping anybody.

use std::future::Future;

use ostia_gateway::Gateway;

use crate::listeners::Listeners;
use crate::supervisor;

/// Readiness off, announce, stop accepting, wait until nothing is open or the deadline has come. When another process
/// serves in our place there is nothing to announce. `again` is a second signal: leave at once.
pub(crate) async fn run(
    gateway: &Gateway,
    listeners: &Listeners,
    is_superseded: bool,
    again: impl Future<Output = ()>,
) {
    let plan = gateway.drain_plan();
    if !is_superseded {
        gateway.begin_drain();
        supervisor::stopping();
    }
    tracing::info!(announce = ?plan.announce, deadline = ?plan.deadline, is_superseded, "draining");
    let orderly = async {
        if !is_superseded {
            tokio::time::sleep(plan.announce).await;
        }
        listeners.stop();
        tokio::time::timeout(plan.deadline, listeners.drained()).await.is_ok()
    };
    let left: usize = tokio::select! {
        empty = orderly => if empty { 0 } else { listeners.active() },
        () = again => listeners.active(),
    };
    if left == 0 {
        tracing::info!("drained");
    } else {
        tracing::warn!(connections = left, "leaving with connections still open");
    }
}
