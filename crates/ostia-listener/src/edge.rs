//! What all connections of a listener share while it serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use pingora_core::server::ShutdownWatch;
use tokio::sync::Notify;

use crate::address::Addresses;
use crate::counters::Counters;
use crate::refused::{RefusedRequest, Teller};
use crate::settings::{Bounds, Settings};
use crate::tls::Tls;

/// What a kept connection is given to begin one more request, unless somebody is in a hurry. Longer than busy clients
/// leave a connection alone, so that hardly a request meets one that is just being closed.
const LAST_CALL_MS: u64 = 5000;

/// The state of a listener that survives a reload.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: ArcSwap<Settings>,
    pub(crate) counters: Counters,
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) teller: Teller,
    /// How long a kept connection may begin one more request once the listener stops, in milliseconds.
    last_call_ms: AtomicU64,
    /// Told when the last open connection closes.
    pub(crate) empty: Notify,
    /// Held while settings are replaced, so that a renewed certificate does not undo a reload.
    replacing: Mutex<()>,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings),
            counters: Counters::default(),
            addresses: Arc::default(),
            teller: Teller::default(),
            last_call_ms: AtomicU64::new(LAST_CALL_MS),
            empty: Notify::new(),
            replacing: Mutex::new(()),
        }
    }

    pub(crate) fn set_last_call(&self, patience: Duration) {
        let ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self.last_call_ms.store(ms, Relaxed);
    }

    pub(crate) fn last_call(&self) -> Duration {
        Duration::from_millis(self.last_call_ms.load(Relaxed))
    }

    pub(crate) fn replace(&self, settings: Arc<Settings>) {
        let _replacing = self.replacing.lock();
        self.settings.store(settings);
    }

    /// Puts `renewed` in the place of `tls`, unless a reload has changed more than that meanwhile.
    pub(crate) fn renew(&self, tls: &Arc<Tls>, renewed: Tls) {
        let _replacing = self.replacing.lock();
        let settings = self.settings.load();
        if settings.tls.as_ref().is_some_and(|running| Arc::ptr_eq(running, tls)) {
            self.settings.store(Arc::new(settings.with_tls(Arc::new(renewed))));
        }
    }
}

/// A listener with the application that it serves.
pub(crate) struct Edge<A> {
    app: Arc<A>,
    shared: Arc<Shared>,
    shutdown: ShutdownWatch,
}

impl<A> Edge<A> {
    pub(crate) fn new(app: Arc<A>, shared: Arc<Shared>, shutdown: ShutdownWatch) -> Arc<Self> {
        Arc::new(Self { app, shared, shutdown })
    }

    pub(crate) fn app(&self) -> &Arc<A> {
        &self.app
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Counts a request that the request path never saw, and tells of it.
    pub(crate) fn refuse(&self, refused: &RefusedRequest) {
        self.shared.counters.refuse_head(refused.reason);
        self.shared.teller.tell(refused);
        tracing::debug!(reason = refused.reason.slug(), "request refused");
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.shared.settings.load().bounds
    }

    pub(crate) fn shutdown(&self) -> &ShutdownWatch {
        &self.shutdown
    }

    /// Stopping, or the one who could stop us is gone.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.shutdown.borrow() || self.shutdown.has_changed().is_err()
    }

    /// Ends when [`Edge::is_stopping`] becomes true. Polled across a whole connection, it registers once.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut shutdown = self.shutdown.clone();
        async move {
            let _ = shutdown.wait_for(|is_stopping| *is_stopping).await;
        }
    }
}
