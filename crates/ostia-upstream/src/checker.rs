//! The scheduler of health checks: one task a server, each at its own slightly shaken pace.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use ostia_config::upstream::{HealthCheck as Section, Upstream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::check::Check;
use crate::server::Server;

/// Owner of a group's health checks: they stop when it is dropped.
#[derive(Debug)]
pub struct HealthTask {
    _checks: JoinSet<()>,
}

impl HealthTask {
    pub(crate) fn start(section: &Upstream, servers: &[Arc<Server>]) -> Self {
        let mut checks = JoinSet::new();
        let check = section.health_check.as_ref();
        for (check, server) in check.into_iter().flat_map(|check| servers.iter().map(move |s| (check, s))) {
            checks.spawn(repeat(check.clone(), Arc::clone(server)));
        }
        Self { _checks: checks }
    }
}

async fn repeat(section: Section, server: Arc<Server>) {
    let check = match Check::compile(&section, &server) {
        Ok(check) => check,
        Err(error) => {
            // A server that cannot be asked must not pass for healthy.
            tracing::error!(server = %server.address, %error, "health check cannot be sent");
            (0..section.fall).for_each(|_| server.checked(Err("cannot be sent".to_owned()), 1, section.fall));
            return;
        }
    };
    loop {
        server.checked(check.run(&section).await, section.rise, section.fall);
        sleep(shaken(section.interval, random())).await;
    }
}

/// The interval, up to a tenth shorter or longer: so the checks of many servers and nodes do not march in step.
fn shaken(interval: Duration, random: u64) -> Duration {
    let share = (random % 2001) as f64 / 10_000.0;
    interval.mul_f64(0.9 + share)
}

/// Good enough for a pace: the seed of a new hash map.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_shaken_by_a_tenth_at_most() {
        let interval = Duration::from_secs(5);
        assert_eq!(shaken(interval, 0), Duration::from_millis(4500));
        assert_eq!(shaken(interval, 1000), interval);
        assert_eq!(shaken(interval, 2000), Duration::from_millis(5500));
        assert!((0..100).map(|_| random()).collect::<std::collections::BTreeSet<_>>().len() > 90);
    }
}
