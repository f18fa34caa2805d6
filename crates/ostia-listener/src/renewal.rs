//! Certificates that change on disk are served within two seconds, without a reload.

use std::sync::Arc;
use std::time::Duration;

use ostia_config as config;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::edge::Shared;
use crate::tls::Tls;

/// How often the files are looked at. To look is one `stat` a file, and sees what notifications miss: folders that
/// are mounted anew, file systems of a network.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at the files until it is dropped.
pub(crate) struct Renewal(JoinHandle<()>);

impl Renewal {
    pub(crate) fn begin(shared: &Arc<Shared>, listener: &config::Name) -> Self {
        let (shared, listener) = (Arc::clone(shared), listener.clone());
        Self(tokio::spawn(async move {
            let mut clock = interval(EVERY);
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                clock.tick().await;
                let tls = shared.settings.load().tls.clone();
                if let Some(tls) = tls {
                    look(&shared, &listener, tls).await;
                }
            }
        }))
    }
}

/// Files may lie on a disk that is slow, so they are read where nobody waits.
async fn look(shared: &Shared, listener: &config::Name, tls: Arc<Tls>) {
    let looked_at = Arc::clone(&tls);
    match tokio::task::spawn_blocking(move || looked_at.renewed()).await {
        Ok(None) => {}
        Ok(Some(Ok(renewed))) => {
            shared.renew(&tls, renewed);
            tracing::info!(%listener, "the files of `tls` were read again");
        }
        Ok(Some(Err(refused))) => {
            tracing::error!(%listener, reason = refused.slug(), "{refused}; what was before stays in use");
        }
        // Counted by the hook; the next look may fare better.
        Err(error) => tracing::error!(%listener, %error, "the files of `tls` could not be looked at"),
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}
