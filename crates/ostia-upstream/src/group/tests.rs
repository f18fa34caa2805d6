use std::collections::BTreeMap;
use std::time::Duration;

use ostia_config::upstream::{
    Affinity, Balance, HealthCheck, KeepAlive, Retry, Server as ServerSection, Timeouts, Upstream,
};

use super::*;
use crate::{AffinityOutcome, Health};

/// A group of `count` servers of weight 1, round robin, without a check.
pub(crate) fn section(count: u8) -> Upstream {
    let server = |n| ServerSection { address: ([127, 0, 1, n], 80).into(), weight: 1, backup: false };
    Upstream {
        name: "portal".into(),
        servers: (0..count).map(server).collect(),
        balance: Balance::RoundRobin,
        affinity: Affinity::Source,
        bounded_load: 1.25,
        health_check: None,
        retry: Retry { attempts: 1 },
        timeouts: Timeouts {
            connect: Duration::from_secs(1),
            between_bytes: Duration::from_secs(50),
            idle: Duration::from_secs(3600),
        },
        keep_alive: KeepAlive { idle: Duration::from_secs(55) },
    }
}

fn check() -> HealthCheck {
    HealthCheck {
        path: None,
        host: None,
        expect: vec![200],
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(2),
        rise: 2,
        fall: 3,
    }
}

fn compile(section: Upstream) -> Arc<Group> {
    Group::compile(Arc::new(section), None)
}

fn hashing(count: u8) -> Upstream {
    Upstream { balance: Balance::ConsistentHash, ..section(count) }
}

fn fail(group: &Group, index: usize) {
    (0..3).for_each(|_| group.servers[index].checked(Err("test".into()), 2, 3));
}

fn shares(group: &Group, count: usize) -> BTreeMap<usize, usize> {
    let mut shares = BTreeMap::new();
    for _ in 0..count {
        *shares.entry(group.pick(None, &Tried::default()).unwrap().index()).or_default() += 1;
    }
    shares
}

#[test]
fn round_robin_spreads_within_one_percent_of_the_weights() {
    let mut weighted = section(4);
    let weights = [1, 10, 300, 689];
    for (server, weight) in weighted.servers.iter_mut().zip(weights) {
        server.weight = weight;
    }
    let group = compile(weighted);
    for (index, count) in shares(&group, 12_345) {
        let stray = (count as f64 / 12_345.0 - f64::from(weights[index]) / 1000.0).abs();
        assert!(stray < 0.01, "{index} strays by {stray}");
    }
}

#[test]
fn the_turns_of_a_dead_server_fall_to_all_others() {
    let group = compile(Upstream { health_check: Some(check()), ..section(5) });
    fail(&group, 1);
    assert_eq!(shares(&group, 4000), BTreeMap::from([(0, 1000), (2, 1000), (3, 1000), (4, 1000)]));
}

#[test]
fn a_retry_takes_another_server_until_none_is_left() {
    for section in [section(3), hashing(3)] {
        let group = compile(section);
        let mut tried = Tried::default();
        let mut taken = std::collections::BTreeSet::new();
        while let Some(picked) = group.pick(Some(b"key"), &tried) {
            assert!(taken.insert(picked.index()), "{} came twice", picked.index());
            tried.insert(&picked);
        }
        assert_eq!(taken.len(), 3);
    }
}

#[test]
fn backups_serve_only_when_nobody_else_is_left() {
    for balance in [Balance::RoundRobin, Balance::ConsistentHash] {
        let mut section = Upstream { balance, health_check: Some(check()), ..section(4) };
        section.servers[2].backup = true;
        section.servers[3].backup = true;
        let group = compile(section);
        let pick = || group.pick(Some(b"key"), &Tried::default()).map(|picked| picked.index());
        assert!((0..100).all(|_| pick() < Some(2)));
        fail(&group, 0);
        assert!((0..100).all(|_| pick() == Some(1)));
        fail(&group, 1);
        assert!((0..100).all(|_| pick() >= Some(2)));
        fail(&group, 2);
        fail(&group, 3);
        assert_eq!(pick(), None);
    }
}

#[test]
fn two_groups_agree_on_every_key_whatever_the_order_of_their_servers() {
    let one = compile(hashing(7));
    let mut reversed = hashing(7);
    reversed.servers.reverse();
    let two = compile(reversed);
    for n in 0..100_000 {
        let key = format!("session-{n}");
        let pick = |group: &Group| group.pick(Some(key.as_bytes()), &Tried::default()).unwrap().address();
        assert_eq!(pick(&one), pick(&two), "{key}");
    }
}

#[test]
fn a_dead_server_moves_only_its_own_keys_and_they_come_back() {
    let group = compile(Upstream { health_check: Some(check()), ..hashing(10) });
    let owners = || -> Vec<_> {
        let pick = |n: u32| group.pick(Some(&n.to_be_bytes()), &Tried::default()).unwrap();
        (0..100_000).map(pick).map(|picked| (picked.index(), picked.affinity())).collect()
    };
    let before = owners();
    assert!(before.iter().all(|(_, affinity)| *affinity == Some(AffinityOutcome::Kept)));
    fail(&group, 4);
    let after = owners();
    let moved = before.iter().zip(&after).filter(|(before, after)| before.0 != after.0).count();
    assert!(moved <= 11_000, "{moved} keys moved");
    for (before, after) in before.iter().zip(&after) {
        let expected = if before.0 == 4 { AffinityOutcome::Moved } else { AffinityOutcome::Kept };
        assert_eq!(after.1, Some(expected));
    }
    (0..2).for_each(|_| group.servers[4].checked(Ok(()), 2, 3));
    assert_eq!(owners(), before);
}

#[test]
fn bounded_load_holds_also_for_one_hot_key() {
    for (weights, dead) in [(vec![1; 4], 0), (vec![1; 10], 3), (vec![1, 2, 5], 0)] {
        let mut section = Upstream { health_check: Some(check()), ..hashing(weights.len() as u8) };
        for (server, weight) in section.servers.iter_mut().zip(&weights) {
            server.weight = *weight;
        }
        let group = compile(section);
        (0..dead).for_each(|index| fail(&group, index));
        let usable: u16 = weights[dead..].iter().sum();
        let mut held = Vec::new();
        for total in 1..=1000 {
            held.push(group.pick(Some(b"hot"), &Tried::default()).unwrap());
            for state in group.servers() {
                let bound = 1.25 * f64::from(total) * f64::from(state.weight) / f64::from(usable);
                assert!(f64::from(state.in_flight) <= bound.ceil().max(8.0), "{total}: {state:?}");
            }
        }
        let kept = held.iter().filter(|picked| picked.affinity() == Some(AffinityOutcome::Kept)).count();
        assert!(kept >= 1000 / usize::from(usable), "the key's own server serves what it may: {kept}");
    }
}

#[test]
fn parallel_requests_of_one_key_stay_together_on_a_quiet_group() {
    let group = compile(hashing(10));
    let held: Vec<_> = (0..8).map(|_| group.pick(Some(b"session"), &Tried::default()).unwrap()).collect();
    assert!(held.iter().all(|picked| picked.affinity() == Some(AffinityOutcome::Kept)));
    assert_eq!(
        group.pick(Some(b"session"), &Tried::default()).unwrap().affinity(),
        Some(AffinityOutcome::Moved)
    );
}

#[test]
fn a_request_without_a_key_is_new_and_takes_a_turn() {
    let group = compile(hashing(3));
    assert_eq!(shares(&group, 300), BTreeMap::from([(0, 100), (1, 100), (2, 100)]));
    assert_eq!(group.pick(None, &Tried::default()).unwrap().affinity(), Some(AffinityOutcome::New));
    assert_eq!(compile(section(1)).pick(Some(b"key"), &Tried::default()).unwrap().affinity(), None);
}

#[test]
fn a_request_is_in_flight_until_its_pick_is_dropped() {
    let group = compile(section(1));
    let picked = group.pick(None, &Tried::default()).unwrap();
    assert_eq!((group.servers()[0].in_flight, group.servers()[0].requests), (1, 1));
    assert_eq!(group.peer(&picked)._address.to_string(), "127.0.1.0:80");
    drop(picked);
    assert_eq!((group.servers()[0].in_flight, group.servers()[0].requests), (0, 1));
}

#[test]
fn state_survives_a_reload_for_the_same_address_and_check() {
    let checked = Upstream { health_check: Some(check()), ..section(3) };
    let group = compile(checked.clone());
    let _in_flight = group.pick(None, &Tried::default()).unwrap();
    fail(&group, 0);
    fail(&group, 1);
    let mut fewer = checked.clone();
    fewer.servers.remove(1);
    fewer.servers[0].weight = 7;
    let reloaded = Group::compile(Arc::new(fewer.clone()), Some(&group));
    let states = reloaded.servers();
    assert_eq!((states[0].health, states[0].in_flight, states[0].weight), (Health::Unhealthy, 1, 7));
    assert_eq!(states[1].health, Health::Unknown);
    fewer.health_check = Some(HealthCheck { path: Some("/healthz".into()), ..check() });
    let other_check = Group::compile(Arc::new(fewer), Some(&reloaded));
    assert_eq!((other_check.servers()[0].health, other_check.servers()[0].in_flight), (Health::Unknown, 1));
    drop(_in_flight);
    assert_eq!(other_check.servers()[0].in_flight, 0);
}

#[test]
fn refused_connections_take_a_server_out_only_if_a_check_can_bring_it_back() {
    let with = compile(Upstream { health_check: Some(check()), ..section(1) });
    let without = compile(section(1));
    for group in [&with, &without] {
        for _ in 0..3 {
            group.pick(None, &Tried::default()).unwrap().failed_to_connect();
        }
        assert_eq!(group.servers()[0].connect_failures, 3);
    }
    assert_eq!(with.servers()[0].health, Health::Refusing);
    assert!(with.pick(None, &Tried::default()).is_none());
    assert!(without.pick(None, &Tried::default()).is_some());
}
