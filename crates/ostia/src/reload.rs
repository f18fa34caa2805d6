//! Swapping to the configuration file as it is now, all or nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ostia_config::load::{self, Environment};
use ostia_gateway::Gateway;

use crate::listeners::Listeners;
use crate::{RunFailed, supervisor};

/// What a reload needs; one reload at a time.
pub(crate) struct Reloader {
    path: PathBuf,
    gateway: Arc<Gateway>,
    listeners: Arc<Listeners>,
    turn: Mutex<()>,
}

impl Reloader {
    pub(crate) fn new(path: PathBuf, gateway: Arc<Gateway>, listeners: Arc<Listeners>) -> Self {
        Self { path, gateway, listeners, turn: Mutex::default() }
    }

    /// Swaps, and says the hash that is in force now. Blocks: it reads files and resolves names. Must be called inside a
    /// tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the new configuration; the running one stays in force. It is logged and counted, too.
    pub(crate) fn reload(&self) -> Result<String, RunFailed> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        supervisor::reloading();
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
        supervisor::ready(false);
        outcome.map(|()| hash)
    }

    fn load_again(&self) -> Result<(), RunFailed> {
        let config = load::load(&self.path, &Environment::process()).map_err(RunFailed::Config)?;
        let change = self.listeners.prepare(&config.listeners)?;
        let prepared = self.gateway.prepare(config)?;
        // From here on nothing can fail. Listeners that are added find their configuration in force.
        self.gateway.swap(prepared);
        self.listeners.apply(change, &self.gateway);
        self.gateway.reopen_logs();
        Ok(())
    }
}
