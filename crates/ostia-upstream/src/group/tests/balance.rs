//! How each algorithm spreads requests, at rest and under a simulated load.

use super::*;

const ALL: [Balance; 4] =
    [Balance::RoundRobin, Balance::Random, Balance::LeastRequests, Balance::ConsistentHash];

/// `count` servers whose weights are `weight(index)`.
fn weighted(count: u16, balance: Balance, weight: impl Fn(u16) -> u16) -> Upstream {
    let server = |n: u16| {
        let [high, low] = n.to_be_bytes();
        let address = std::net::SocketAddr::from(([10, 0, high, low], 80));
        ServerSection { weight: weight(n), ..ServerSection::at(address) }
    };
    Upstream { balance, servers: (0..count).map(server).collect(), ..section(1) }
}

fn key(n: u32) -> [u8; 16] {
    u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes()
}

/// How often each server was picked, one request after the other.
fn picks(group: &Group, count: u32) -> Vec<u32> {
    let mut picks = BTreeMap::new();
    for n in 0..count {
        let picked = pick(group, Some(&key(n))).unwrap();
        *picks.entry(picked.address().clone()).or_insert(0) += 1;
    }
    let of = |server: &ServerSection| picks.get(&server.address).copied().unwrap_or(0);
    group.config().servers.iter().map(of).collect()
}

#[test]
fn every_algorithm_spreads_within_one_percent_of_the_weights() {
    let weights = [1, 2, 3, 4];
    for balance in ALL {
        let group = compile(weighted(4, balance, |n| weights[usize::from(n)]));
        let count = 200_000;
        for (picked, weight) in picks(&group, count).into_iter().zip(weights) {
            let stray = (f64::from(picked) / f64::from(count) - f64::from(weight) / 10.0).abs();
            assert!(stray < 0.01, "{balance:?}: weight {weight} strays by {stray}");
        }
    }
}

#[test]
fn a_server_of_weight_0_gets_nothing_and_breaks_nothing() {
    for balance in ALL {
        let group = compile(weighted(3, balance, |n| if n == 1 { 0 } else { 1 }));
        let picks = picks(&group, 3000);
        assert!(picks[1] == 0 && picks[0] > 1000 && picks[2] > 1000, "{balance:?}: {picks:?}");
        assert_eq!(group.servers()[1].standing.slug(), "unweighted");
        let none = compile(weighted(3, balance, |_| 0));
        assert!(pick(&none, Some(b"key")).is_none(), "{balance:?}");
    }
}

#[test]
fn unix_sockets_are_servers_as_others_are() {
    for balance in ALL {
        let mut section = weighted(2, balance, |_| 1);
        section.servers.push(ServerSection::at("unix:/run/app.sock".parse::<ServerAddress>().unwrap()));
        let group = compile(section);
        let picks = picks(&group, 3000);
        assert!(picks.iter().all(|count| *count > 800), "{balance:?}: {picks:?}");
        let peers = (0..3000).map(|n| pick(&group, Some(&key(n))).unwrap().address().to_string());
        assert!(peers.into_iter().any(|address| address.contains("/run/app.sock")), "{balance:?}");
    }
}

#[test]
fn random_and_least_requests_keep_off_a_server_that_is_busy() {
    for (balance, most) in [(Balance::Random, 200), (Balance::LeastRequests, 0)] {
        for count in [4, 100] {
            let group = compile(weighted(count, balance, |_| 1));
            let busy = server(&group, 0);
            (0..1000).for_each(|_| {
                busy.begin();
            });
            let went = (0..1000).filter(|n| *pick(&group, Some(&key(*n))).unwrap().address() == busy.address);
            let went = went.count();
            assert!(went <= most, "{balance:?}: {went} of 1000 went to the busy one of {count}");
        }
    }
}

/// A number that looks like chance and is the same each time (the finaliser of SplitMix64).
fn scattered(n: u32) -> u64 {
    let mut x = u64::from(n).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Requests come at random and take their time; the greatest load of a server over the mean, seen over the run.
fn peak_over_mean(balance: Balance, servers: u16) -> f64 {
    let group = compile(weighted(servers, balance, |_| 1));
    let mean = 8;
    let in_flight = u32::from(servers) * mean;
    let mut held: Vec<Option<Picked>> = (0..in_flight).map(|n| pick(&group, Some(&key(n)))).collect();
    let mut peak = 0;
    for n in 0..200_000_u32 {
        // The one that ends is chosen by chance: times are exponential.
        let slot = (scattered(n) % u64::from(in_flight)) as usize;
        held[slot] = None;
        held[slot] = pick(&group, Some(&key(n ^ 0x5555_5555)));
        if n % 1000 == 999 {
            let most = group.selection.load().servers.iter().map(|server| server.state.in_flight()).max();
            peak = peak.max(most.unwrap());
        }
    }
    f64::from(peak) / f64::from(mean)
}

#[test]
fn a_thousand_servers_are_loaded_evenly_by_every_algorithm() {
    let peak = |balance| peak_over_mean(balance, 1000);
    let (random, least) = (peak(Balance::Random), peak(Balance::LeastRequests));
    // Turns do not look at the load: what times of chance make of them, a Poisson's extreme of a thousand, is known.
    let turns = peak(Balance::RoundRobin);
    assert!((1.75..=3.25).contains(&turns), "round_robin: {turns}");
    assert!(least <= 1.5, "least_requests: {least}");
    assert!(random <= 1.75, "random: {random}");
    // The bound of the ring, in whole requests: 1.25 x 8 = 10.
    assert!(peak(Balance::ConsistentHash) <= 1.26);
}

#[test]
fn zones_serve_in_their_order_and_backups_last() {
    for balance in ALL {
        let mut section = weighted(8, balance, |_| 1);
        section.health_check = Some(check());
        section.zones = vec!["near".into(), "far".into()];
        for (n, server) in section.servers.iter_mut().enumerate() {
            server.zone = [Some("far".into()), Some("near".into()), None, None][n % 4].clone();
            server.backup = n % 4 == 3;
        }
        let group = compile(section);
        let serving = || -> BTreeSet<usize> {
            (0..200).filter_map(|n| Some(index(&group, &pick(&group, Some(&key(n)))?))).collect()
        };
        for tier in [[1, 5], [0, 4], [2, 6], [3, 7]] {
            assert_eq!(serving(), BTreeSet::from(tier), "{balance:?}");
            fail(&group, tier[0]);
            assert_eq!(serving(), BTreeSet::from([tier[1]]), "{balance:?}");
            fail(&group, tier[1]);
        }
        assert_eq!(serving(), BTreeSet::new(), "{balance:?}");
    }
}

#[test]
fn a_group_that_is_mostly_dead_still_finds_the_living() {
    for balance in ALL {
        let group = compile(Upstream { health_check: Some(check()), ..weighted(1000, balance, |_| 3) });
        (0..1000).filter(|n| *n != 777).for_each(|n| fail(&group, n));
        for n in 0..1000 {
            assert_eq!(index(&group, &pick(&group, Some(&key(n))).unwrap()), 777, "{balance:?}");
        }
    }
}
