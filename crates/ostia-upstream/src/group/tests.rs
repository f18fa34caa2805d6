use std::collections::BTreeMap;
use std::time::Duration;

use ostia_config::upstream::{Affinity, Balance, HealthAsk, HealthCheck, Server as ServerSection, Upstream};

use super::*;
use crate::{AffinityOutcome, Health, Tried};

mod balance;
mod exchange;
mod standing;

/// A group of `count` servers of weight 1, round robin, without a check.
pub(crate) fn section(count: u8) -> Upstream {
    let server = |n| ServerSection::at(std::net::SocketAddr::from(([127, 0, 1, n], 80)));
    Upstream::of_servers("portal".into(), (0..count).map(server).collect())
}

pub(crate) fn check() -> HealthCheck {
    HealthCheck {
        ask: HealthAsk::Tcp,
        port: None,
        interval: Duration::from_secs(5),
        fast_interval: Duration::from_secs(1),
        down_interval: Duration::from_secs(5),
        timeout: Duration::from_secs(2),
        rise: 2,
        fall: 3,
        waits_for_check: false,
    }
}

pub(crate) fn compile(section: Upstream) -> Arc<Group> {
    Group::compile(Arc::new(section), None, &Arc::default())
}

/// A request without affinity that has been nowhere.
pub(crate) fn ask(tried: &Tried) -> Ask<'_> {
    Ask { key: None, born: None, pinned: None, tried, now: Instant::now() }
}

fn pick(group: &Group, key: Option<&[u8]>) -> Option<Picked> {
    group.pick(&Ask { key, ..ask(&Tried::default()) })
}

/// The place of a picked server in the configuration.
fn index(group: &Group, picked: &Picked) -> usize {
    let addresses: Vec<_> = group.config().servers.iter().map(|server| &server.address).collect();
    addresses.iter().position(|address| *address == picked.address()).unwrap()
}

fn server(group: &Group, index: usize) -> Arc<Server> {
    Arc::clone(&group.selection.load().servers[index])
}

fn hashing(count: u8) -> Upstream {
    Upstream { balance: Balance::ConsistentHash, ..section(count) }
}

fn fail(group: &Group, index: usize) {
    let check = server(group, index).check.clone().unwrap();
    (0..3).for_each(|_| check.checked(Err("test".into()), Duration::ZERO));
}

fn shares(group: &Group, count: usize) -> BTreeMap<usize, usize> {
    let mut shares = BTreeMap::new();
    for _ in 0..count {
        *shares.entry(index(group, &pick(group, None).unwrap())).or_default() += 1;
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
        while let Some(picked) = group.pick(&Ask { key: Some(b"key"), ..ask(&tried) }) {
            assert!(taken.insert(picked.address().clone()), "{} came twice", picked.address());
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
        let pick = || pick(&group, Some(b"key")).map(|picked| index(&group, &picked));
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
        let pick = |group: &Group| pick(group, Some(key.as_bytes())).unwrap().address().clone();
        assert_eq!(pick(&one), pick(&two), "{key}");
    }
}

#[test]
fn a_dead_server_moves_only_its_own_keys_and_they_come_back() {
    let group = compile(Upstream { health_check: Some(check()), ..hashing(10) });
    let owners = || -> Vec<_> {
        let pick = |n: u32| pick(&group, Some(&n.to_be_bytes())).unwrap();
        (0..100_000).map(pick).map(|picked| (index(&group, &picked), picked.affinity())).collect()
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
    let check = server(&group, 4).check.clone().unwrap();
    (0..2).for_each(|_| check.checked(Ok(()), Duration::ZERO));
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
            held.push(pick(&group, Some(b"hot")).unwrap());
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
    let held: Vec<_> = (0..8).map(|_| pick(&group, Some(b"session")).unwrap()).collect();
    assert!(held.iter().all(|picked| picked.affinity() == Some(AffinityOutcome::Kept)));
    assert_eq!(pick(&group, Some(b"session")).unwrap().affinity(), Some(AffinityOutcome::Moved));
}

#[test]
fn a_request_without_a_key_is_new_and_takes_a_turn() {
    let group = compile(hashing(3));
    assert_eq!(shares(&group, 300), BTreeMap::from([(0, 100), (1, 100), (2, 100)]));
    assert_eq!(pick(&group, None).unwrap().affinity(), Some(AffinityOutcome::New));
    assert_eq!(pick(&compile(section(1)), Some(b"key")).unwrap().affinity(), None);
}

#[test]
fn a_request_is_in_flight_until_its_pick_is_dropped() {
    let group = compile(section(1));
    let picked = pick(&group, None).unwrap();
    assert_eq!((group.servers()[0].in_flight, group.servers()[0].requests), (1, 1));
    assert_eq!(picked.address().to_string(), "127.0.1.0:80");
    drop(picked);
    assert_eq!((group.servers()[0].in_flight, group.servers()[0].requests), (0, 1));
}

#[test]
fn state_survives_a_reload_for_the_same_address_and_check() {
    let registry = Arc::default();
    let checked = Upstream { health_check: Some(check()), ..section(3) };
    let group = Group::compile(Arc::new(checked.clone()), None, &registry);
    let in_flight = pick(&group, None).unwrap();
    let first = index(&group, &in_flight);
    fail(&group, 0);
    fail(&group, 1);
    let mut fewer = checked.clone();
    fewer.servers.remove(1);
    fewer.servers[0].weight = 7;
    let reloaded = Group::compile(Arc::new(fewer.clone()), None, &registry);
    let states = reloaded.servers();
    assert_eq!(
        (first, states[0].health, states[0].in_flight, states[0].weight),
        (0, Health::Unhealthy, 1, 7)
    );
    assert_eq!(states[1].health, Health::Unknown);
    fewer.health_check = Some(HealthCheck { interval: Duration::from_secs(1), ..check() });
    let other_pace = Group::compile(Arc::new(fewer.clone()), None, &registry);
    assert_eq!(other_pace.servers()[0].health, Health::Unhealthy, "the same is asked");
    fewer.health_check = Some(HealthCheck { port: Some(81), ..check() });
    let other_check = Group::compile(Arc::new(fewer), None, &registry);
    assert_eq!((other_check.servers()[0].health, other_check.servers()[0].in_flight), (Health::Unknown, 1));
    drop(in_flight);
    assert_eq!(other_check.servers()[0].in_flight, 0);
}

#[test]
fn refused_connections_take_a_server_out_only_if_a_check_can_bring_it_back() {
    let with = compile(Upstream { health_check: Some(check()), ..section(1) });
    let without = compile(section(1));
    for group in [&with, &without] {
        for _ in 0..3 {
            pick(group, None).unwrap().failed_to_connect(group);
        }
        assert_eq!(group.servers()[0].connect_failures, 3);
    }
    assert_eq!(with.servers()[0].health, Health::Refusing);
    assert!(pick(&with, None).is_none());
    assert!(pick(&without, None).is_some());
}
