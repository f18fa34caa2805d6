//! Tests.

use std::time::{Duration, SystemTime};

use super::{Destination, Flow, FlowCookies, FlowRefused, OpenedFlow, Started};
use crate::fixture::{HOST, jar, now, presented, provider, providers, ring};

type Jar = Vec<(String, String)>;

fn flows() -> FlowCookies {
    flows_under(&[1])
}

fn flows_under(keys: &[u8]) -> FlowCookies {
    FlowCookies::new(ring(keys), &ostia_config::Sessions::default(), &providers()).unwrap()
}

fn flow_to(flows: &FlowCookies, return_to: &str, at: SystemTime) -> Flow {
    let to = Destination { provider: "corp".to_owned(), return_to: return_to.to_owned(), rounds: 0 };
    Flow {
        state: flows.state(&to, HOST, at).unwrap(),
        nonce: "n-0S6_WzA2Mj".to_owned(),
        pkce_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
        provider: "corp".to_owned(),
        redirect_uri: "https://portal.example.com/.ostia/callback".to_owned(),
        return_to: return_to.to_owned(),
        created_at: at,
    }
}

fn started(flows: &FlowCookies, flow: &Flow, before: &Jar, at: SystemTime) -> Jar {
    match flows.start(flow, presented(before), HOST, at).unwrap() {
        Started::Flow { set_cookies } => jar(before, &set_cookies),
        Started::TooManyRounds => panic!("too many rounds"),
    }
}

fn found(
    flows: &FlowCookies,
    state: &str,
    jar: &Jar,
    at: SystemTime,
) -> Result<(Flow, Vec<http::HeaderValue>), FlowRefused> {
    match flows.open(presented(jar), state, HOST, at) {
        OpenedFlow::Flow { flow, clear } => Ok((flow, clear)),
        OpenedFlow::Refused(reason) => Err(reason),
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// L1 and L2.
#[test]
fn a_sign_in_that_one_node_began_is_ended_by_another_at_the_byte_identical_path() {
    let (one, other) = (flows(), flows_under(&[2, 1]));
    let query = "q=%2F+%20&x=".to_owned() + &"%C3%A4".repeat(680);
    for path in ["/", "/a%2Fb/../c?d=%2f+e&&f", "/ä?ö", "/#/route", &format!("/deep?{query}")] {
        let flow = flow_to(&one, path, now());
        let jar = started(&one, &flow, &Vec::new(), now());
        let (back, clear) = found(&other, &flow.state, &jar, now() + minutes(9)).unwrap();
        assert_eq!(back, flow);
        let left = crate::fixture::jar(&jar, &clear);
        assert_eq!(left.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["__Host-ostia-rounds"]);
    }
}

#[test]
fn a_state_is_opaque_short_and_new_every_time() {
    let flows = flows();
    let (one, two) = (flow_to(&flows, "/inbox?id=7", now()), flow_to(&flows, "/inbox?id=7", now()));
    assert_ne!(one.state, two.state);
    assert!(one.state.len() < 150 && !one.state.contains("inbox"), "{}", one.state);
    let long = flow_to(&flows, &format!("/{}", "a".repeat(1023)), now());
    assert!(long.state.len() < 1600, "{}", long.state.len());
}

/// L3.
#[test]
fn ten_tabs_at_once_have_four_cookies_of_two_kilobytes_at_most() {
    let flows = flows();
    let paths: Vec<String> = (0..10).map(|tab| format!("/tab/{tab}?q={}", "x".repeat(300))).collect();
    let all: Vec<Flow> = paths.iter().map(|path| flow_to(&flows, path, now())).collect();
    // They race: none of them sees a cookie of the others.
    let mut racing = Vec::new();
    for flow in &all {
        let Started::Flow { set_cookies } = flows.start(flow, [], HOST, now()).unwrap() else { panic!() };
        racing = jar(&racing, &set_cookies);
    }
    // They come one after the other: each sees those of before.
    let mut in_turn = Vec::new();
    for flow in &all {
        in_turn = started(&flows, flow, &in_turn, now());
    }
    for jar in [&racing, &in_turn] {
        let bytes: usize = jar.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
        assert!(jar.len() <= 4 && bytes <= 2048, "{} cookies, {bytes} bytes", jar.len());
        for (flow, path) in all.iter().zip(&paths) {
            match found(&flows, &flow.state, jar, now()) {
                Ok((back, _)) => assert_eq!(back, *flow),
                Err(reason) => {
                    assert_eq!(reason, FlowRefused::NotHere);
                    let lost = flows.lost(&flow.state, HOST, now()).unwrap();
                    assert_eq!((lost.return_to.as_str(), lost.provider.as_str()), (path.as_str(), "corp"));
                }
            }
        }
    }
}

#[test]
fn a_fifth_sign_in_takes_the_slot_of_the_oldest() {
    let flows = flows();
    let all: Vec<Flow> =
        (0..5).map(|at| flow_to(&flows, &format!("/{at}"), now() + Duration::from_secs(at))).collect();
    let mut jar = Vec::new();
    for flow in &all {
        jar = started(&flows, flow, &jar, flow.created_at);
    }
    let here: Vec<bool> = all.iter().map(|flow| found(&flows, &flow.state, &jar, now()).is_ok()).collect();
    assert_eq!(here, [false, true, true, true, true]);
}

#[test]
fn a_sign_in_that_ended_gives_its_slot_away_first() {
    let flows = flows();
    let mut jar = Vec::new();
    for at in 0..4 {
        jar = started(&flows, &flow_to(&flows, "/old", now() + Duration::from_secs(at)), &jar, now());
    }
    let third = jar[2].1.clone();
    jar[2].1 = "garbage".to_owned();
    jar = started(&flows, &flow_to(&flows, "/new", now()), &jar, now() + Duration::from_secs(5));
    assert_eq!(jar.len(), 4);
    assert!(jar.iter().all(|(_, value)| value != "garbage" && *value != third));
}

/// L4.
#[test]
fn used_late_foreign_and_changed_answers_find_nothing() {
    let flows = flows();
    let flow = flow_to(&flows, "/a", now());
    let jar_with = started(&flows, &flow, &Vec::new(), now());
    let (_, clear) = found(&flows, &flow.state, &jar_with, now()).unwrap();
    let used = jar(&jar_with, &clear);
    let another = flow_to(&flows, "/a", now());
    for (what, state, jar, at, expected) in [
        ("used", &flow.state, &used, now(), FlowRefused::NotHere),
        ("another browser's", &flow.state, &Vec::new(), now(), FlowRefused::NotHere),
        ("another state", &another.state, &jar_with, now(), FlowRefused::NotHere),
        ("no state", &String::new(), &jar_with, now(), FlowRefused::NotHere),
        ("late", &flow.state, &jar_with, now() + minutes(10), FlowRefused::Expired),
        ("of the future", &flow.state, &jar_with, now() - minutes(11), FlowRefused::Expired),
    ] {
        assert_eq!(found(&flows, state, jar, at).err(), Some(expected), "{what}");
    }
    let twice = [jar_with.clone(), jar_with.clone()].concat();
    assert_eq!(found(&flows, &flow.state, &twice, now()).err(), Some(FlowRefused::NotHere));
}

#[test]
fn a_flow_of_another_host_slot_or_realm_is_none() {
    let flows = flows();
    let flow = flow_to(&flows, "/a", now());
    let mut jar = started(&flows, &flow, &Vec::new(), now());
    let opened = flows.open(presented(&jar), &flow.state, "other.example.com", now());
    assert!(matches!(opened, OpenedFlow::Refused(FlowRefused::NotHere)), "{opened:?}");
    let other = provider("corp", "https://login.example.com", "another-client");
    let other = [(other.name.clone(), std::sync::Arc::new(other))].into();
    let other = FlowCookies::new(ring(&[1]), &ostia_config::Sessions::default(), &other).unwrap();
    assert_eq!(found(&other, &flow.state, &jar, now()).err(), Some(FlowRefused::NoRealm));
    let moved = if jar[0].0.ends_with("s0") { "__Host-ostia-s1" } else { "__Host-ostia-s0" };
    jar[0].0 = moved.to_owned();
    assert_eq!(found(&flows, &flow.state, &jar, now()).err(), Some(FlowRefused::NotHere));
}

#[test]
fn a_lost_state_tells_its_destination_only_where_and_while_it_may() {
    let flows = flows();
    let to = Destination { provider: "corp".to_owned(), return_to: "/a?b".to_owned(), rounds: 1 };
    let state = flows.state(&to, HOST, now()).unwrap();
    assert_eq!(flows.lost(&state, HOST, now()), Ok(to.clone()));
    let too_long = Destination { return_to: format!("/{}", "a".repeat(1024)), ..to };
    let without_path = flows.state(&too_long, HOST, now()).unwrap();
    assert_eq!(flows.lost(&without_path, HOST, now()).unwrap().return_to, "/");
    let changed = state.replace('A', "B");
    for (what, state, host, at, expected) in [
        ("another host", state.as_str(), "b.example", now(), FlowRefused::StateUnknown),
        ("changed", changed.as_str(), HOST, now(), FlowRefused::StateUnknown),
        ("made elsewhere", "xyz", HOST, now(), FlowRefused::StateUnknown),
        ("late", state.as_str(), HOST, now() + minutes(10), FlowRefused::Expired),
    ] {
        assert_eq!(flows.lost(state, host, at).err(), Some(expected), "{what}");
    }
    assert_eq!(flows.lost(&"A".repeat(5000), HOST, now()).err(), Some(FlowRefused::StateUnknown));
}

#[test]
fn a_return_path_to_elsewhere_starts_nothing() {
    let flows = flows();
    let flow = Flow { return_to: "//evil.example".to_owned(), ..flow_to(&flows, "/", now()) };
    assert_eq!(flows.start(&flow, [], HOST, now()).err(), Some(FlowRefused::ReturnPath));
    let to = Destination { provider: "corp".to_owned(), return_to: flow.return_to, rounds: 0 };
    assert_eq!(flows.state(&to, HOST, now()).err(), Some(FlowRefused::ReturnPath));
}

#[test]
fn a_state_that_another_party_made_still_carries_the_flow_in_its_cookie() {
    let flows = flows();
    let flow = Flow { state: "af0ifjsldkj".to_owned(), ..flow_to(&flows, "/a?b", now()) };
    let jar = started(&flows, &flow, &Vec::new(), now());
    assert_eq!(found(&flows, "af0ifjsldkj", &jar, now()).unwrap().0, flow);
}

/// L4.
#[test]
fn three_rounds_within_a_minute_are_a_loop_and_a_minute_later_none() {
    let flows = flows();
    let mut jar = Vec::new();
    for round in 0..3 {
        let at = now() + Duration::from_secs(round);
        let flow = flow_to(&flows, "/a", at);
        jar = started(&flows, &flow, &jar, at);
        let (_, clear) = found(&flows, &flow.state, &jar, at).unwrap();
        jar = crate::fixture::jar(&jar, &clear);
    }
    let again = |at| flows.start(&flow_to(&flows, "/a", at), presented(&jar), HOST, at).unwrap();
    assert!(matches!(again(now() + Duration::from_secs(3)), Started::TooManyRounds));
    assert!(matches!(again(now() + minutes(1)), Started::Flow { .. }));
    // Elsewhere nobody has gone round yet.
    let at = now() + Duration::from_secs(3);
    let to = Destination { provider: "partner".to_owned(), return_to: "/a".to_owned(), rounds: 0 };
    let state = flows.state(&to, HOST, at).unwrap();
    let elsewhere = Flow { provider: to.provider, state, ..flow_to(&flows, "/a", at) };
    let after = started(&flows, &elsewhere, &jar, at);
    let (_, clear) = found(&flows, &elsewhere.state, &after, at).unwrap();
    let after = crate::fixture::jar(&after, &clear);
    let here = flows.start(&flow_to(&flows, "/a", at), presented(&after), HOST, at).unwrap();
    assert!(matches!(here, Started::Flow { .. }), "and what went before is over");
    let signed_out = crate::fixture::jar(&jar, &[flows.forget_rounds()]);
    assert!(matches!(
        flows.start(&flow_to(&flows, "/a", now()), presented(&signed_out), HOST, now()),
        Ok(Started::Flow { .. })
    ));
}

#[test]
fn debug_shows_no_secret() {
    let flow = flow_to(&flows(), "/secret-path", now());
    let shown = format!("{flow:?}");
    for secret in [&flow.state, &flow.nonce, &flow.pkce_verifier, &flow.return_to] {
        assert!(!shown.contains(secret.as_str()), "{shown}");
    }
}
