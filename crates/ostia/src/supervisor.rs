//! What systemd hears from us (`sd_notify(3)`). Without `NOTIFY_SOCKET` every call does nothing.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// How long systemd may take for a message; it reads at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Held while a message is on its way.
static TURN: Mutex<()> = Mutex::new(());
/// A message lies with somebody who does not read.
static IS_STUCK: AtomicBool = AtomicBool::new(false);

/// The process serves. A successor says who is the main process now, too.
pub(crate) fn ready(is_successor: bool) {
    if is_successor {
        tell(vec![NotifyState::MainPid(std::process::id()), NotifyState::Ready]);
    } else {
        tell(vec![NotifyState::Ready]);
    }
}

/// A reload has begun; [`ready`] ends it.
pub(crate) fn reloading() {
    // Since version 253 systemd wants to know when, to tell this reload from the last one.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(vec![NotifyState::Reloading, now]),
        Err(_) => tell(vec![NotifyState::Reloading]),
    }
}

/// The process is leaving, and nobody takes its place.
pub(crate) fn stopping() {
    tell(vec![NotifyState::Stopping]);
}

/// Returns when the message lies in the socket, since the order of things matters to systemd. The library would wait
/// without end where nobody reads; nobody who does not read keeps this process from reloading or leaving.
fn tell(states: Vec<NotifyState<'static>>) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    // One after the other: a message that another one is on its way before is not lost.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if IS_STUCK.load(SeqCst) {
        return;
    }
    let (tell, told) = mpsc::channel();
    let send = move || {
        let sent = sd_notify::notify(&states);
        IS_STUCK.store(false, SeqCst);
        // Nobody waits any more where it took too long.
        let _ = tell.send(sent);
    };
    IS_STUCK.store(true, SeqCst);
    let sent = std::thread::Builder::new().name("notify".to_owned()).spawn(send);
    match sent.map(|_| told.recv_timeout(PATIENCE)) {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "systemd cannot be told"),
        Err(error) => {
            IS_STUCK.store(false, SeqCst);
            tracing::warn!(%error, "systemd cannot be told");
        }
        Ok(Err(_)) => tracing::warn!("whoever set NOTIFY_SOCKET does not read it"),
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
                tell(vec![NotifyState::Watchdog]);
            }
        })))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.abort();
    }
}
