//! A store that lost its memory is given back the sessions that this node knows.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_session::Marks;

use super::written;
use crate::gateway::Gateway;

/// How often it is looked whether it still remembers.
const LOOK: Duration = Duration::from_millis(500);

/// Watches until the gateway is gone.
pub(crate) fn watch(gateway: &Arc<Gateway>) {
    let this = Arc::downgrade(gateway);
    tokio::spawn(async move {
        let mut clock = tokio::time::interval(LOOK);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut known: Option<SystemTime> = None;
        loop {
            clock.tick().await;
            let Some(gateway) = this.upgrade() else { return };
            let began = gateway.snapshot().store.as_ref().and_then(|running| running.store.memory_began());
            let is_lost = known.is_some() && began.is_some() && known != began;
            known = began.or(known);
            if is_lost {
                give_back(&gateway).await;
            }
        }
    });
}

/// One after the other: the store has other things to do, too.
async fn give_back(gateway: &Gateway) {
    let snapshot = gateway.snapshot();
    let (mut given, copies) = (0_usize, gateway.copies().all());
    for session in copies.iter().filter(|session| !gateway.endings().has(&Marks::of(session))) {
        given += usize::from(written::begin(&snapshot, session, SystemTime::now()).await);
    }
    tracing::warn!(sessions = given, "the session store lost its memory; this node gave back what it knows");
}
