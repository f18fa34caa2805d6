//! Orders, ejections, panic and slow start: who may serve, and until when.

use ostia_config::upstream::Outlier;

use super::*;
use crate::ServerTag;
use crate::status::Standing;

fn outlier() -> Outlier {
    Outlier { eject: Duration::from_secs(30), max_eject: Duration::from_secs(100), ..Outlier::default() }
}

fn standing(group: &Group, index: usize) -> Standing {
    group.servers()[index].standing
}

fn serving(group: &Group, now: Instant) -> std::collections::BTreeSet<usize> {
    let tried = Tried::default();
    let pick = |_| Some(index(group, &group.pick(&Ask { now, ..ask(&tried) })?));
    (0..100).filter_map(pick).collect()
}

/// Fails requests at one server until it is out, at most `most`.
fn break_off(group: &Group, index: usize, most: u32) {
    let server = server(group, index);
    for _ in 0..most {
        if server.failed("test", Instant::now()) {
            group.eject(&server, "test", Instant::now());
        }
    }
}

#[test]
fn too_many_failures_eject_and_time_brings_back_each_time_later() {
    let group = compile(Upstream { outlier: Some(outlier()), ..section(4) });
    let mut now = Instant::now();
    for time in [30, 60, 100, 100] {
        break_off(&group, 1, 5);
        let status = group.servers()[1].clone();
        assert_eq!((status.standing, &*status.why), (Standing::Ejected, "test"));
        let left = status.ends_in.unwrap().as_secs();
        assert!(left <= time && left + 2 >= time, "{left} of {time}");
        assert!(!serving(&group, now).contains(&1));
        let server = server(&group, 1);
        server.state.keep_up(Instant::now() + Duration::from_secs(time - 1));
        assert_eq!(standing(&group, 1), Standing::Ejected);
        now = Instant::now() + Duration::from_secs(time + 1);
        assert!(server.state.keep_up(now).1, "it says that it came back");
        assert!(serving(&group, now).contains(&1));
    }
    assert_eq!(group.servers()[1].ejections, 4);
}

#[test]
fn no_more_than_the_capped_share_is_ever_out() {
    for (servers, cap, out) in
        [(1, 0.5, 0), (2, 0.5, 1), (3, 0.5, 1), (10, 0.5, 5), (10, 0.25, 2), (4, 1.0, 4)]
    {
        let outlier = Outlier { max_ejected: cap, ..outlier() };
        let group = compile(Upstream { outlier: Some(outlier), ..section(servers) });
        (0..usize::from(servers)).for_each(|index| break_off(&group, index, 50));
        let ejected = group.servers().iter().filter(|server| server.standing == Standing::Ejected).count();
        assert_eq!(ejected, out, "{servers} servers, cap {cap}");
    }
    // Those that fail their checks are out, too.
    let group = compile(Upstream { outlier: Some(outlier()), health_check: Some(check()), ..section(4) });
    fail(&group, 0);
    fail(&group, 1);
    break_off(&group, 2, 50);
    assert_eq!(standing(&group, 2), Standing::Serving);
}

#[test]
fn answers_of_the_configured_statuses_count_and_others_forgive() {
    let group = compile(Upstream { outlier: Some(outlier()), ..section(2) });
    let answer = |status: u16| {
        let tried = Tried::default();
        let pinned = ServerTag::of(&group.config().servers[0].address);
        let picked = loop {
            let picked = group.pick(&ask(&tried)).unwrap();
            if picked.tag() == pinned {
                break picked;
            }
        };
        picked.answered(&group, status);
    };
    (0..4).for_each(|_| answer(503));
    answer(404);
    (0..4).for_each(|_| answer(502));
    answer(500);
    (0..4).for_each(|_| answer(504));
    assert_eq!(standing(&group, 0), Standing::Serving, "never five in a row");
    answer(503);
    assert_eq!(standing(&group, 0), Standing::Ejected);
    assert_eq!(group.servers()[0].failures, 13);
}

#[test]
fn in_panic_health_is_not_asked_but_orders_are() {
    for balance in [Balance::RoundRobin, Balance::Random, Balance::LeastRequests, Balance::ConsistentHash] {
        let section = Upstream { balance, panic_threshold: 0.5, health_check: Some(check()), ..section(5) };
        let group = compile(section);
        let serving = || -> std::collections::BTreeSet<usize> {
            let tried = Tried::default();
            let pick = |n: u32| group.pick(&Ask { key: Some(&n.to_be_bytes()), ..ask(&tried) });
            (0..400).filter_map(|n| Some(index(&group, &pick(n)?))).collect()
        };
        fail(&group, 0);
        fail(&group, 1);
        assert_eq!(serving(), [2, 3, 4].into(), "{balance:?}: three of five are enough");
        group.order(&group.config().servers[4].address, Mode::Maint).unwrap();
        assert_eq!(serving(), [2, 3].into(), "{balance:?}: two of four are");
        fail(&group, 2);
        assert_eq!(serving(), [0, 1, 2, 3].into(), "{balance:?}");
        fail(&group, 3);
        assert_eq!(serving(), [0, 1, 2, 3].into(), "{balance:?}: not one is healthy");
    }
}

#[test]
fn a_server_that_comes_back_takes_a_growing_part_of_its_share() {
    let window = Duration::from_secs(30);
    for balance in [Balance::RoundRobin, Balance::Random, Balance::LeastRequests, Balance::ConsistentHash] {
        let section = Upstream { balance, slow_start: window, health_check: Some(check()), ..section(4) };
        let group = compile(section);
        let start = Instant::now();
        let share = |at: Duration| {
            let tried = Tried::default();
            let pick = |n: u32| {
                let key = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
                index(&group, &group.pick(&Ask { key: Some(&key), now: start + at, ..ask(&tried) }).unwrap())
            };
            (0..20_000).filter(|n| pick(*n) == 0).count() as f64 / 20_000.0
        };
        let even = share(Duration::ZERO);
        assert!((even - 0.25).abs() < 0.02, "{balance:?}: at first nobody starts slowly: {even}");
        fail(&group, 0);
        assert_eq!(share(Duration::ZERO), 0.0);
        let check = server(&group, 0).check.clone().unwrap();
        (0..2).for_each(|_| check.checked(Ok(()), Duration::ZERO));
        let shares = [0, 8, 15, 31].map(|seconds| share(Duration::from_secs(seconds)));
        let [first, early, half, whole] = shares;
        assert!(first > 0.005 && first < 0.06, "{balance:?}: {shares:?}");
        assert!(first < early && early < half && half < whole, "{balance:?}: {shares:?}");
        assert!(half < 0.19 && (whole - 0.25).abs() < 0.02, "{balance:?}: {shares:?}");
    }
}

#[test]
fn keys_that_came_back_in_a_slow_start_stay() {
    let window = Duration::from_secs(30);
    let group = compile(Upstream { slow_start: window, health_check: Some(check()), ..hashing(4) });
    fail(&group, 0);
    pick(&group, Some(b"anything"));
    let check = server(&group, 0).check.clone().unwrap();
    (0..2).for_each(|_| check.checked(Ok(()), Duration::ZERO));
    let start = Instant::now();
    let at_home = |key: u32, at: u64| {
        let (tried, now) = (Tried::default(), start + Duration::from_secs(at));
        let picked = group.pick(&Ask { key: Some(&key.to_be_bytes()), now, ..ask(&tried) }).unwrap();
        index(&group, &picked) == 0
    };
    for key in 0..2000 {
        let way: Vec<bool> = (0..=30).map(|second| at_home(key, second)).collect();
        assert!(way.is_sorted(), "{key} went to and fro: {way:?}");
    }
}

#[test]
fn a_drain_keeps_old_sessions_until_its_end_and_maintenance_keeps_nobody() {
    let group = compile(hashing(4));
    let (tried, now) = (Tried::default(), Instant::now());
    let mine =
        (0_u32..).find(|n| index(&group, &pick(&group, Some(&n.to_be_bytes())).unwrap()) == 2).unwrap();
    let key = mine.to_be_bytes();
    let place = |born: Option<u64>, now: Instant| {
        let picked = group.pick(&Ask { key: Some(&key), born, now, ..ask(&tried) }).unwrap();
        (index(&group, &picked), picked.affinity().unwrap())
    };
    let address = group.config().servers[2].address.clone();
    let long_ago = Some(1);
    group.order(&address, Mode::Drain).unwrap();
    let later = Some(crate::clock::unix_seconds(std::time::SystemTime::now()) + 10);
    assert_eq!(place(long_ago, now), (2, AffinityOutcome::Kept));
    let (elsewhere, outcome) = place(later, now);
    assert!(elsewhere != 2 && outcome == AffinityOutcome::Moved);
    assert_eq!(place(None, now), (elsewhere, AffinityOutcome::Moved), "who has no age is new");
    assert_eq!(standing(&group, 2), Standing::Draining);
    let end = now + Duration::from_secs(301);
    server(&group, 2).state.keep_up(end);
    assert_eq!(place(long_ago, end), (elsewhere, AffinityOutcome::Moved));
    assert_eq!(standing(&group, 2), Standing::Drained);
    group.order(&address, Mode::Ready).unwrap();
    assert_eq!(place(later, end), (2, AffinityOutcome::Kept), "and back again");
    group.order(&address, Mode::Maint).unwrap();
    assert_eq!(place(long_ago, end).0, elsewhere);
    let nobody = "10.9.9.9:1".parse::<ServerAddress>().unwrap();
    assert_eq!(group.order(&nobody, Mode::Drain), Err(OrderRefused::NoSuchServer(nobody)));
}

#[test]
fn a_pinned_request_stays_while_its_server_may_and_falls_back_by_the_ring() {
    for balance in [Balance::RoundRobin, Balance::LeastRequests, Balance::ConsistentHash] {
        let affinity = Affinity::Cookie("server".to_owned());
        let section = Upstream { balance, affinity, health_check: Some(check()), ..section(6) };
        let one = compile(section.clone());
        let two = compile(section);
        let tried = Tried::default();
        let first = one.pick(&ask(&tried)).unwrap();
        assert_eq!(first.affinity(), Some(AffinityOutcome::New), "{balance:?}");
        let home = index(&one, &first);
        let place = |group: &Group| {
            let pinned = Some(first.tag());
            let picked = group.pick(&Ask { key: Some(b"7"), pinned, ..ask(&tried) }).unwrap();
            (index(group, &picked), picked.affinity().unwrap())
        };
        assert!((0..20).all(|_| place(&one) == (home, AffinityOutcome::Kept)), "{balance:?}");
        fail(&one, home);
        fail(&two, home);
        let (away, outcome) = place(&one);
        assert!(away != home && outcome == AffinityOutcome::Moved, "{balance:?}");
        assert!((0..20).all(|_| place(&one).0 == away && place(&two).0 == away), "{balance:?}: on all nodes");
        let check = server(&one, home).check.clone().unwrap();
        (0..2).for_each(|_| check.checked(Ok(()), Duration::ZERO));
        assert_eq!(place(&one), (home, AffinityOutcome::Kept), "{balance:?}: and back");
    }
}
