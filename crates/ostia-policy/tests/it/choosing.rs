//! Which group gets a request.

use std::collections::BTreeMap;

use ostia_config::Name;
use ostia_config::route::{Allow, Destination, Route};
use ostia_identity::Identity;
use ostia_policy::{Choice, Policies};
use serde_json::json;

use crate::setting::*;

fn to(when: &[&str], groups: &[(&str, u32)]) -> Destination {
    let to = groups.iter().map(|(name, weight)| (Name::from(*name), *weight)).collect();
    Destination { when: names(when), to }
}

fn choice(destinations: Vec<Destination>) -> Option<Choice> {
    let policies = [claims("beta", "groups", &["beta"]), claims("gold", "tier", &["gold"])];
    let policies = Policies::compile(&map(policies)).unwrap();
    Choice::compile(&Route { destinations, ..route(Allow::Authenticated) }, &policies).unwrap()
}

fn subject(name: &str) -> Identity {
    Identity { subject: name.into(), ..person(json!({})) }
}

fn shares(choice: &Choice, subjects: usize) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for number in 0..subjects {
        let group = choice.choose(Some(&subject(&format!("user-{number}"))), &anywhere()).unwrap();
        *shares.entry(group.to_string()).or_default() += 1;
    }
    shares
}

#[test]
fn claims_choose_the_group_and_the_first_that_holds_wins() {
    let choice = choice(vec![
        to(&["gold", "beta"], &[("next", 1)]),
        to(&["beta"], &[("never", 1)]),
        to(&[], &[("app", 1)]),
    ])
    .unwrap();
    for (claims, group) in [
        (json!({ "groups": ["beta"] }), "next"),
        (json!({ "tier": "gold" }), "next"),
        (json!({ "groups": ["staff"] }), "app"),
        (json!({}), "app"),
    ] {
        assert_eq!(
            choice.choose(Some(&person(claims.clone())), &anywhere()).unwrap().as_str(),
            group,
            "{claims}"
        );
    }
    assert_eq!(
        choice.choose(None, &anywhere()).unwrap().as_str(),
        "app",
        "without an identity no policy holds"
    );
}

#[test]
fn one_group_is_no_choice() {
    assert!(choice(vec![]).is_none());
}

#[test]
fn a_split_keeps_its_weights() {
    let split = choice(vec![to(&[], &[("api", 95), ("api_next", 5)])]).unwrap();
    let shares = shares(&split, 20_000);
    assert!((18_800..19_200).contains(&shares["api"]), "{shares:?}");
    let third = choice(vec![to(&[], &[("a", 1), ("b", 1), ("c", 1), ("d", 0)])]).unwrap();
    let shares = self::shares(&third, 30_000);
    assert!(shares.values().all(|share| (9_700..10_300).contains(share)) && shares.len() == 3, "{shares:?}");
}

/// The very choices are part of what nodes and releases agree on.
#[test]
fn a_subject_comes_to_the_same_group_on_every_node_and_after_a_restart() {
    let split = |next| choice(vec![to(&[], &[("api", 100 - next), ("api_next", next)])]).unwrap();
    let group =
        |choice: &Choice, name: &str| choice.choose(Some(&subject(name)), &anywhere()).unwrap().to_string();
    let half = split(50);
    let chosen: String = (0..16)
        .map(|number| if group(&half, &format!("user-{number}")) == "api" { 'a' } else { 'n' })
        .collect();
    assert_eq!(chosen, "nnnnnnaaaaannnan");
    for number in 0..2_000 {
        let name = format!("user-{number}");
        let (few, more) = (group(&split(5), &name), group(&split(20), &name));
        assert!(few == "api" || more == "api_next", "more weight takes nobody back: {name}");
    }
    let mut other = subject("user-0");
    let differ = (0..64).any(|number| {
        other.issuer = format!("https://login-{number}.example.com").as_str().into();
        group(&half, "user-0") != half.choose(Some(&other), &anywhere()).unwrap().as_str()
    });
    assert!(differ, "the same subject of another issuer is somebody else");
}

#[test]
fn without_an_identity_the_address_stands_for_the_subject() {
    let split = choice(vec![to(&[], &[("a", 50), ("b", 50)])]).unwrap();
    let group = |address: &str| split.choose(None, &from(address)).unwrap().to_string();
    assert_eq!(group("192.0.2.1"), group("::ffff:192.0.2.1"));
    let differ = (0..64).any(|last| group(&format!("192.0.2.{last}")) != group("192.0.2.1"));
    assert!(differ);
}
