//! Swapping to the configuration file as it is now, all or nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ostia_config::Name;
use ostia_config::load::{self, Environment};
use ostia_gateway::Gateway;
use ostia_listener::Listener;

use crate::RunFailed;

/// What a reload needs; one reload at a time.
pub(crate) struct Reloader {
    path: PathBuf,
    gateway: Arc<Gateway>,
    listeners: BTreeMap<Name, Arc<Listener>>,
    turn: Mutex<()>,
}

impl Reloader {
    pub(crate) fn new(
        path: PathBuf,
        gateway: Arc<Gateway>,
        listeners: BTreeMap<Name, Arc<Listener>>,
    ) -> Self {
        Self { path, gateway, listeners, turn: Mutex::default() }
    }

    /// Swaps, and says the hash that is in force now. Blocks: it reads files and resolves names. Must be called inside a
    /// tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the new configuration; the running one stays in force. It is logged and counted, too.
    pub(crate) fn reload(&self) -> Result<String, RunFailed> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.load_again();
        let hash = self.gateway.config_hash();
        match &outcome {
            Ok(()) => tracing::info!(%hash, "configuration reloaded"),
            Err(refused) => {
                self.gateway.reload_refused();
                tracing::error!(
                    %hash,
                    "the new configuration is refused, the running one stays in force:\n{refused}"
                );
            }
        }
        outcome.map(|()| hash)
    }

    fn load_again(&self) -> Result<(), RunFailed> {
        let config = load::load(&self.path, &Environment::process()).map_err(RunFailed::Config)?;
        let sections = config.listeners.clone();
        let prepared = self.gateway.prepare(config)?;
        let mut changes = Vec::with_capacity(sections.len());
        for section in &sections {
            if let Some(listener) = self.listeners.get(&section.name) {
                changes.push(listener.prepare(section)?);
            }
        }
        // From here on nothing can fail.
        changes.into_iter().for_each(|change| change.apply());
        self.gateway.swap(prepared);
        self.gateway.reopen_logs();
        Ok(())
    }
}
