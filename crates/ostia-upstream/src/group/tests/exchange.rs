//! Exchanging the set of servers at run time.

use super::*;
use crate::status::Standing;

fn listed(numbers: &[u8]) -> Vec<ServerSection> {
    let address = |n: &u8| std::net::SocketAddr::from(([127, 0, 1, *n], 80));
    numbers.iter().map(|n| ServerSection::at(address(n))).collect()
}

fn standings(group: &Group) -> Vec<(String, Standing)> {
    group.servers().into_iter().map(|server| (server.address.to_string(), server.standing)).collect()
}

fn expected(numbers: &[(u8, Standing)]) -> Vec<(String, Standing)> {
    numbers.iter().map(|(n, standing)| (format!("127.0.1.{n}:80"), *standing)).collect()
}

#[tokio::test]
async fn a_server_that_is_missing_drains_and_one_that_comes_back_serves() {
    use Standing::{Drained, Draining, Serving};
    let group = compile(section(3));
    let _tasks = group.start();
    group.replace_servers(listed(&[1, 2, 3]));
    assert_eq!(standings(&group), expected(&[(1, Serving), (2, Serving), (3, Serving), (0, Draining)]));
    let tried = Tried::default();
    let taken: std::collections::BTreeSet<_> =
        (0..30).map(|_| group.pick(&ask(&tried)).unwrap().address().to_string()).collect();
    assert!(!taken.contains("127.0.1.0:80") && taken.len() == 3, "{taken:?}");
    group.replace_servers(listed(&[0, 1, 2]));
    assert_eq!(standings(&group), expected(&[(0, Serving), (1, Serving), (2, Serving), (3, Draining)]));
    let held = Arc::clone(&group.selection.load().servers[3]);
    held.begin();
    group.keep_up(Instant::now() + Duration::from_secs(301));
    assert_eq!(standings(&group)[3].1, Drained, "its last request is still there");
    held.end();
    group.keep_up(Instant::now() + Duration::from_secs(302));
    assert_eq!(standings(&group), expected(&[(0, Serving), (1, Serving), (2, Serving)]));
}

#[tokio::test]
async fn what_is_in_flight_and_ordered_survives_an_exchange() {
    let group = compile(section(2));
    let _tasks = group.start();
    let tried = Tried::default();
    let held: Vec<_> = (0..2).map(|_| group.pick(&ask(&tried)).unwrap()).collect();
    let first = group.config().servers[0].address.clone();
    group.order(&first, Mode::Maint).unwrap();
    group.replace_servers(listed(&[5, 0, 1]));
    let servers = group.servers();
    assert_eq!((servers[1].standing, servers[1].in_flight), (Standing::Maintenance, 1));
    assert_eq!((servers[2].standing, servers[2].in_flight), (Standing::Serving, 1));
    drop(held);
    assert!(group.servers().iter().all(|server| server.in_flight == 0));
}

#[tokio::test]
async fn keys_of_a_server_that_left_stay_until_it_is_drained_if_they_are_old() {
    let group = compile(hashing(4));
    let _tasks = group.start();
    let tried = Tried::default();
    let place = |key: u32, born: Option<u64>| {
        let picked = group.pick(&Ask { key: Some(&key.to_be_bytes()), born, ..ask(&tried) });
        picked.unwrap().address().to_string()
    };
    let before: Vec<_> = (0..1000).map(|key| place(key, Some(1))).collect();
    group.replace_servers(listed(&[0, 1, 2]));
    assert_eq!((0..1000).map(|key| place(key, Some(1))).collect::<Vec<_>>(), before);
    let new: Vec<_> = (0..1000).map(|key| place(key, None)).collect();
    for (before, now) in before.iter().zip(&new) {
        assert_eq!(before == now, before != "127.0.1.3:80", "only its keys move");
    }
    group.keep_up(Instant::now() + Duration::from_secs(301));
    group.keep_up(Instant::now() + Duration::from_secs(302));
    assert_eq!((0..1000).map(|key| place(key, Some(1))).collect::<Vec<_>>(), new, "as a ring without it");
}

#[tokio::test]
async fn a_reload_drains_what_it_does_not_name_any_more() {
    let registry = Arc::default();
    let first = Group::compile(Arc::new(section(3)), None, &registry);
    let tasks = first.start();
    let second = Group::compile(Arc::new(section(2)), None, &registry);
    assert!(
        first.servers().iter().all(|server| server.standing == Standing::Serving),
        "nothing is in force yet"
    );
    let _tasks = second.start();
    drop((first, tasks));
    assert_eq!(
        standings(&second),
        expected(&[(0, Standing::Serving), (1, Standing::Serving), (2, Standing::Draining)])
    );
}

#[tokio::test]
async fn a_configuration_that_is_never_in_force_leaves_no_trace() {
    let registry = Arc::default();
    let running = Group::compile(Arc::new(section(2)), None, &registry);
    let _tasks = running.start();
    drop(Group::compile(Arc::new(section(9)), None, &registry));
    running.replace_servers(listed(&[1]));
    assert_eq!(standings(&running), expected(&[(1, Standing::Serving), (0, Standing::Draining)]));
}

#[tokio::test]
async fn a_server_that_is_new_in_a_running_group_starts_slowly() {
    let group = compile(Upstream { slow_start: Duration::from_secs(30), ..section(2) });
    let _tasks = group.start();
    assert!(group.servers().iter().all(|server| server.standing == Standing::Serving));
    group.replace_servers(listed(&[0, 1, 2]));
    group.keep_up(Instant::now());
    assert_eq!(group.servers()[2].standing, Standing::Starting);
    assert_eq!(group.servers()[0].standing, Standing::Serving);
}

#[tokio::test]
async fn a_group_that_was_succeeded_has_no_say_any_more() {
    let registry = Arc::default();
    let first = Group::compile(Arc::new(section(2)), None, &registry);
    let _first_tasks = first.start();
    let second = Group::compile(Arc::new(section(1)), None, &registry);
    let _second_tasks = second.start();
    // A WebSocket of before the reload keeps the first one alive.
    let over = Instant::now() + Duration::from_secs(301);
    for group in [&first, &second, &first, &second] {
        group.keep_up(over);
        first.replace_servers(listed(&[0, 1, 2, 3]));
    }
    assert_eq!(standings(&second), expected(&[(0, Standing::Serving)]));
}
