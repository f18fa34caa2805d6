//! What systemd hears from us (`sd_notify(3)`). Without `NOTIFY_SOCKET` every call does nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// The process serves. A successor says who is the main process now, too.
pub(crate) fn ready(is_successor: bool) {
    if is_successor {
        tell(&[NotifyState::MainPid(std::process::id()), NotifyState::Ready]);
    } else {
        tell(&[NotifyState::Ready]);
    }
}

/// A reload has begun; [`ready`] ends it.
pub(crate) fn reloading() {
    // Since version 253 systemd wants to know when, to tell this reload from the last one.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The process is leaving, and nobody takes its place.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

/// Says that the runtime still runs tasks, for as long as it is kept.
pub(crate) struct Watchdog(JoinHandle<()>);

impl Watchdog {
    /// `None` where nobody watches (`WatchdogSec=`).
    pub(crate) fn begin() -> Option<Self> {
        let every: Duration = sd_notify::watchdog_enabled()? / 2;
        Some(Self(tokio::spawn(async move {
            let mut clock = interval(every.max(Duration::from_millis(1)));
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                clock.tick().await;
                tell(&[NotifyState::Watchdog]);
            }
        })))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.abort();
    }
}
