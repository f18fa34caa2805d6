use std::collections::BTreeSet;

use super::*;

const KEYS: usize = 100_000;

type Place = (u16, ServerAddress, u16);

fn servers(count: u16) -> Vec<Place> {
    let address = |n: u16| SocketAddr::from(([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]], 8080));
    (0..count).map(|server| (server, address(server).into(), 1)).collect()
}

fn ring(servers: &[Place]) -> Ring {
    Ring::new(
        &servers.iter().map(|(server, address, weight)| (*server, address, *weight)).collect::<Vec<_>>(),
    )
}

fn owner(ring: &Ring, key: &[u8]) -> u16 {
    ring.walk(key).next().unwrap()
}

/// Keys as they come: counted names, addresses, random identifiers.
fn keys() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u128::from(state ^ (state >> 31))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .to_le_bytes()
            .to_vec()
    };
    vec![
        ("names", (0..KEYS).map(|n| format!("user-{n}").into_bytes()).collect()),
        ("addresses", (0..KEYS as u32).map(|n| (0x0a00_0000 + n).to_be_bytes().to_vec()).collect()),
        ("identifiers", (0..KEYS).map(|_| random()).collect()),
    ]
}

#[test]
fn removing_one_of_n_moves_its_keys_and_no_others() {
    let keys = keys();
    for (n, removed) in [(2, 0), (2, 1), (3, 2), (5, 1), (10, 9)] {
        let all = servers(n);
        let rest: Vec<_> = all.iter().filter(|(server, ..)| *server != removed).cloned().collect();
        let (whole, fewer) = (ring(&all), ring(&rest));
        for (kind, keys) in &keys {
            let owners = keys.iter().map(|key| (owner(&whole, key), owner(&fewer, key)));
            let moved: Vec<_> = owners.filter(|(before, after)| before != after).collect();
            assert!(moved.iter().all(|(before, _)| *before == removed), "{kind}: keys of others moved");
            let share = moved.len() as f64 / KEYS as f64;
            assert!(share <= 1.0 / f64::from(n) + 0.01, "{kind}: {share} moved when {removed} of {n} left");
        }
    }
}

#[test]
fn the_order_of_servers_does_not_matter() {
    let all = servers(7);
    let shuffled: Vec<_> = all.iter().rev().cloned().collect();
    let (one, two) = (ring(&all), ring(&shuffled));
    let (_, names) = &keys()[0];
    assert!(names.iter().all(|key| owner(&one, key) == owner(&two, key)));
}

/// Guards the function itself: a change of it would move keys at an upgrade and between nodes of two versions.
#[test]
fn known_keys_keep_their_servers() {
    let five = ring(&servers(5));
    let owners: Vec<_> = (0..12).map(|n| owner(&five, format!("user-{n}").as_bytes())).collect();
    assert_eq!(owners, [1, 1, 2, 2, 3, 3, 3, 1, 3, 4, 4, 4]);
}

#[test]
fn weights_share_the_keys() {
    let mut all = servers(3);
    for (place, weight) in [(0, 100), (1, 200), (2, 700)] {
        all[place].2 = weight;
    }
    let three = ring(&all);
    for (kind, keys) in keys() {
        for (server, _, weight) in &all {
            let owned = keys.iter().filter(|key| owner(&three, key) == *server).count();
            let stray = (owned as f64 / KEYS as f64 - f64::from(*weight) / 1000.0).abs();
            assert!(stray < 0.015, "{kind}: {server} strays by {stray}");
        }
    }
}

#[test]
fn the_walk_meets_every_server_and_ends() {
    let nine = ring(&servers(9));
    assert_eq!(nine.walk(b"key").collect::<BTreeSet<_>>(), (0..9).collect());
    assert_eq!(nine.walk(b"key").count(), nine.servers.len());
}

#[test]
fn an_empty_ring_and_a_doubled_address_are_survived() {
    assert_eq!(ring(&[]).walk(b"key").next(), None);
    let one = servers(1)[0].clone();
    assert_eq!(owner(&ring(&[one.clone(), (1, one.1, 1)]), b"key"), 1);
}

#[test]
fn large_groups_get_fewer_points() {
    for (count, points) in [(0, 8192), (1, 8192), (256, 8192), (257, 4096), (1000, 2048), (65_535, 32)] {
        assert_eq!(points_of_the_heaviest(count), points, "{count}");
    }
}

#[test]
fn unix_sockets_have_their_places() {
    let sockets: Vec<Place> = (0..4)
        .map(|n| (n, format!("unix:/run/app-{n}.sock").parse().unwrap(), 1))
        .chain(servers(1).into_iter().map(|(_, address, weight)| (4, address, weight)))
        .collect();
    let five = ring(&sockets);
    for (kind, keys) in keys() {
        for server in 0..5 {
            let owned = keys.iter().filter(|key| owner(&five, key) == server).count();
            let stray = (owned as f64 / KEYS as f64 - 0.2).abs();
            assert!(stray < 0.015, "{kind}: {server} strays by {stray}");
        }
    }
}
