//! The store that nodes share, as the running configuration names it.

use std::sync::Arc;

use ostia_config::session::RedisStore;
use ostia_session::{OnEnding, SharedStore, StoreRefused, StoreSettings};
use parking_lot::Mutex;

use crate::ended::Endings;

/// A store with the tasks that keep it; they end with the last snapshot that uses it.
pub struct RunningStore {
    /// The store.
    pub store: Arc<SharedStore>,
    /// Its section, for reuse by equality.
    pub section: RedisStore,
    has_started: Mutex<bool>,
}

impl RunningStore {
    /// For a section of the configuration. Calls nobody.
    ///
    /// # Errors
    /// When the section makes no client.
    pub fn new(section: &RedisStore) -> Result<Self, StoreRefused> {
        let store = SharedStore::new(&StoreSettings::read(section)?)?;
        Ok(Self { store, section: section.clone(), has_started: Mutex::new(false) })
    }

    /// Whether this section means the same store. What is kept there may differ: it is asked for with each use.
    #[must_use]
    pub fn is_for(&self, section: &RedisStore) -> bool {
        let RedisStore { keeps_sessions, refuses_on_failure, .. } = self.section;
        self.section == RedisStore { keeps_sessions, refuses_on_failure, ..section.clone() }
    }

    /// Connects, and brings in what other nodes ended. Once.
    pub fn start(&self, endings: &Arc<Endings>) {
        if std::mem::replace(&mut *self.has_started.lock(), true) {
            return;
        }
        let (taking, telling) = (Arc::downgrade(endings), Arc::downgrade(endings));
        self.store.keep(OnEnding {
            take: Box::new(move |ending, channel| {
                if let Some(endings) = taking.upgrade() {
                    endings.take_over(ending, channel);
                }
            }),
            known: Box::new(move |channel| {
                telling.upgrade().map(|endings| endings.living(channel)).unwrap_or_default()
            }),
        });
    }
}
