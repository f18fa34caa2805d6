//! Leaving without dropping anybody.

use std::future::Future;
use std::time::Duration;

use ostia_gateway::Gateway;

use crate::listeners::Listeners;
use crate::supervisor;

/// What kept connections are given to begin one more request when nobody serves in our place: promised is to leave
/// within 200 ms where nothing is in flight (O4).
const LAST_CALL: Duration = Duration::from_millis(100);

/// Readiness off, announce, stop accepting, wait until nothing is open or the deadline has come. When another process
/// serves in our place there is nothing to announce. `again` is a second signal: leave at once.
pub(crate) async fn run(
    gateway: &Gateway,
    listeners: &Listeners,
    is_superseded: bool,
    again: impl Future<Output = ()>,
) {
    let plan = gateway.drain_plan();
    gateway.begin_drain();
    if !is_superseded {
        supervisor::stopping();
        listeners.set_last_call(LAST_CALL);
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
