//! Orders what is missing and renews what ends: one task of a listener.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_config as config;
use ostia_config::listener::Acme;
use rustls::pki_types::CertificateDer;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::authority::{self, AcmeRefused};
use super::folder::Folder;
use super::plan::Plan;
use crate::certificate::{read_chain, validity};
use crate::counters::Counters;
use crate::edge::Shared;

/// How often the plans are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How long an order may take from its first word to the certificate.
const LONGEST: Duration = Duration::from_secs(300);
/// How long the authority may take to name a window.
const WINDOW_WITHIN: Duration = Duration::from_secs(30);
/// How long to wait for a node that holds the lock.
const LOCKED: Duration = Duration::from_secs(5);

/// Keeps the certificates of a listener until it is dropped; an order under way is given up then.
pub(crate) struct Keeper(JoinHandle<()>);

impl Keeper {
    pub(crate) fn begin(shared: &Arc<Shared>, listener: &config::Name) -> Self {
        let (shared, listener) = (Arc::clone(shared), listener.clone());
        Self(tokio::spawn(async move {
            let mut clock = interval(EVERY);
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut plans = HashMap::new();
            loop {
                clock.tick().await;
                look(&shared, &listener, &mut plans).await;
            }
        }))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A name with its plan, made for the certificate that was there.
struct Kept {
    plan: Plan,
    leaf: Option<CertificateDer<'static>>,
}

impl Kept {
    fn new(leaf: Option<CertificateDer<'static>>, now: SystemTime) -> Self {
        Self { plan: Plan::new(leaf.as_ref().and_then(|leaf| validity(leaf)), now), leaf }
    }
}

async fn look(shared: &Shared, listener: &config::Name, plans: &mut HashMap<String, Kept>) {
    let Some(tls) = shared.settings.load().tls.clone() else { return plans.clear() };
    let Some((acme, folder)) = tls.acme() else { return plans.clear() };
    plans.retain(|name, _| tls.acme_names().contains(name));
    for name in tls.acme_names() {
        let now = SystemTime::now();
        if !plans.contains_key(name) {
            plans.insert(name.clone(), Kept::new(leaf(folder, name), now));
        }
        let Some(kept) = plans.get_mut(name) else { continue };
        Care { acme, folder, name, listener, counters: &shared.counters }.take(kept, now).await;
    }
}

fn leaf(folder: &Folder, name: &str) -> Option<CertificateDer<'static>> {
    read_chain(&folder.pair(name).cert_file).ok()?.into_iter().next()
}

/// What is needed to look after one name.
struct Care<'a> {
    acme: &'a Acme,
    folder: &'a Folder,
    name: &'a str,
    listener: &'a config::Name,
    counters: &'a Counters,
}

impl Care<'_> {
    async fn take(&self, kept: &mut Kept, now: SystemTime) {
        if kept.plan.ask_at.is_some_and(|at| at <= now) {
            self.ask(kept, now).await;
        }
        if kept.plan.order_at > now {
            return;
        }
        match timeout(LONGEST, self.order(kept)).await.unwrap_or(Err(AcmeRefused::Late)) {
            Ok(true) => {
                let now = SystemTime::now();
                *kept = Kept::new(leaf(self.folder, self.name), now);
                kept.plan = kept.plan.clone().issued(now);
                self.counters.count_acme_order(true);
                tracing::info!(listener = %self.listener, name = self.name, "a certificate was issued");
            }
            Ok(false) => {}
            Err(refused) => {
                let challenges = u32::try_from(self.acme.challenges.len()).unwrap_or(1);
                kept.plan.failed(challenges, SystemTime::now());
                self.counters.count_acme_order(false);
                tracing::error!(
                    listener = %self.listener,
                    name = self.name,
                    reason = refused.slug(),
                    failures = kept.plan.failures,
                    "no certificate was issued: {refused}"
                );
            }
        }
    }

    /// Asks for the renewal window of the certificate that is there.
    async fn ask(&self, kept: &mut Kept, now: SystemTime) {
        let window = async {
            let account = authority::account(self.acme, self.folder).await.ok()?;
            authority::renewal_window(&account, kept.leaf.as_ref()?).await
        };
        match timeout(WINDOW_WITHIN, window).await.ok().flatten() {
            Some((window, again)) => kept.plan.told(window, share(), again, now),
            None => kept.plan.not_told(now),
        }
    }

    /// Whether a certificate was issued; not when another node was quicker, or is about to be.
    async fn order(&self, kept: &mut Kept) -> Result<bool, AcmeRefused> {
        let now = SystemTime::now();
        let Some(_lock) = self.folder.try_lock()? else {
            kept.plan.order_at = now + LOCKED;
            return Ok(false);
        };
        let there = leaf(self.folder, self.name);
        if there != kept.leaf {
            *kept = Kept::new(there, now);
            return Ok(false);
        }
        let challenges = &self.acme.challenges;
        let turn = usize::try_from(kept.plan.failures).unwrap_or(0).checked_rem(challenges.len());
        let Some(challenge) = turn.and_then(|turn| challenges.get(turn)) else { return Ok(false) };
        let account = authority::account(self.acme, self.folder).await?;
        authority::order(&account, self.folder, self.name, *challenge, kept.leaf.as_ref()).await?;
        Ok(true)
    }
}

/// A random number between 0 and 1, so that nodes and names do not come all at once.
fn share() -> f64 {
    let mut byte = [0_u8];
    let _ = aws_lc_rs::rand::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}
